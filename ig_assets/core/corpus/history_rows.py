"""Writes what a history file says: scripts, posts, their readings, performance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from ig_assets.core.corpus.history_arms import Arm, script_id_of
from ig_assets.core.corpus.history_file import METRICS, HistoryReading, HistoryRow
from ig_assets.core.corpus.script import COUNTS
from ig_assets.warehouse.connection import Connection
from ig_assets.warehouse.rows import merge_rows


def write_scripts(
    con: Connection,
    scripts: Mapping[str, HistoryRow],
    source_uri: str,
    import_id: str,
    now: datetime,
    run_id: str | None,
) -> None:
    """Scripts that are there stay as they are, retired ones stay retired."""
    merge_rows(
        con,
        "scripts",
        [
            {
                "script_id": script_id,
                "revision_hash": row.revision_hash,
                "origin": "history",
                "source_uri": source_uri,
                "author": row.author or None,
                "topic": row.topic,
                "hook_style": row.hook_style,
                "hook": row.hook,
                "body": row.body,
                "call_to_action": row.call_to_action,
                "text": row.text,
                "language": row.language,
                "simulated": row.simulated,
                "first_seen_at": now,
            }
            for script_id, row in scripts.items()
        ],
        replace=False,
    )
    known = {
        script_id
        for (script_id,) in con.execute(
            "SELECT DISTINCT script_id FROM script_status "
            "WHERE script_id LIKE 'history/%'"
        ).fetchall()
    }
    merge_rows(
        con,
        "script_status",
        [
            {
                "script_id": script_id,
                "changed_at": now,
                "status": "active",
                "revision_hash": row.revision_hash,
                "reason": f"import {import_id}",
            }
            for script_id, row in scripts.items()
            if script_id not in known
        ],
    )
    merge_rows(
        con,
        "edges",
        [
            {
                "child_kind": "script",
                "child_id": script_id,
                "parent_kind": "import",
                "parent_id": import_id,
                "relation": "imported_from",
                "run_id": run_id,
                "recorded_at": now,
            }
            for script_id in scripts
        ],
        replace=False,
    )


def _known_performance(
    con: Connection, source: str
) -> dict[str, set[tuple[float | None, ...]]]:
    """What earlier imports of the source said: {script: counts in our order}."""
    known: dict[str, set[tuple[float | None, ...]]] = defaultdict(set)
    for script_id, *counts in con.execute(
        f"SELECT script_id, {', '.join(COUNTS)} FROM script_performance "
        "WHERE source = ?",
        [f"import/{source}"],
    ).fetchall():
        known[script_id].add(tuple(counts))
    return known


def _known_readings(
    con: Connection, arms: Sequence[Arm]
) -> dict[tuple[str, str], tuple[float | None, datetime]]:
    """The last reading of each post and metric, and when it was observed."""
    rows = con.execute(
        """
        SELECT post_id, metric, value, observed_at
        FROM engagement
        WHERE list_contains(?::TEXT[], post_id)
        ORDER BY observed_at
        """,
        [[arm.post_id for arm in arms]],
    ).fetchall()
    return {(post_id, metric): (value, at) for post_id, metric, value, at in rows}


def _engagement_rows(
    arms: Sequence[Arm],
    before: Mapping[tuple[str, str], tuple[float | None, datetime]],
    now: datetime,
) -> list[dict[str, object]]:
    """A reading is a row where it is the first, or another than the last.

    It is observed after the last, though the clock may stand still.
    """
    rows = []
    for arm in arms:
        for metric, value in arm.row.counts.items():
            last, seen_at = before.get((arm.post_id, metric), (None, None))
            if seen_at is not None and last == value:
                continue
            after = now if seen_at is None else seen_at + timedelta(microseconds=1)
            rows.append(
                {
                    "post_id": arm.post_id,
                    "metric": metric,
                    "as_of": arm.row.posted_on or now,
                    "observed_at": max(now, after),
                    "value": value,
                    "age_hours": None,
                }
            )
    return rows


def write_posts(con: Connection, arms: Sequence[Arm], now: datetime) -> None:
    """A post's `detail` names the image it was shown with: `image:<id>`."""
    before = _known_readings(con, arms)
    merge_rows(
        con,
        "posts",
        [
            {
                "post_id": arm.post_id,
                "experiment_id": arm.experiment_id,
                "variant_id": None,
                "script_id": arm.script_id,
                "arm": arm.label,
                "hook_style": arm.row.hook_style,
                "slot": arm.row.posted_on,
                "platform": "history",
                "published_revision_hash": arm.row.revision_hash,
                "intent_key": arm.post_id,
                "status": "published",
                "published_at": arm.row.posted_on,
                "detail": f"image:{arm.row.image}" if arm.row.image else None,
            }
            for arm in arms
        ],
    )
    merge_rows(
        con,
        "engagement",
        _engagement_rows(arms, before, now),
        replace=False,
    )


def write_history_performance(
    con: Connection,
    rows: Sequence[HistoryRow],
    reading: HistoryReading,
    source: str,
    now: datetime,
) -> None:
    """One row a text: the sums over its posts; impressions count as views.

    As of its last post, or of now where an earlier import of the source said so.
    """
    known = _known_performance(con, source)
    grouped: dict[str, list[HistoryRow]] = defaultdict(list)
    for row in rows:
        if row.counts:
            grouped[script_id_of(row)].append(row)
    performance = []
    for script_id, posts in grouped.items():
        sums = {
            name: sum(post.counts.get(name, 0.0) for post in posts)
            for name in METRICS
            if any(name in post.counts for post in posts)
        }
        counts = {name: sums.get(name) for name in COUNTS}
        if counts["views"] is None:
            counts["views"] = sums.get("impressions")
        events = sums.get(reading.numerator or "")
        trials = sums.get(reading.denominator or "")
        if tuple(counts.values()) in known.get(script_id, ()):
            continue
        performance.append(
            {
                "script_id": script_id,
                "revision_hash": posts[0].revision_hash,
                "source": f"import/{source}",
                "as_of": (
                    now
                    if script_id in known
                    else max((p.posted_on for p in posts if p.posted_on), default=now)
                ),
                **counts,
                "rate": events / trials if events is not None and trials else None,
            }
        )
    merge_rows(con, "script_performance", performance, replace=False)
