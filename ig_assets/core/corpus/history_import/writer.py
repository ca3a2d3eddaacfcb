"""Writes what a history file says: scripts, posts, their readings, performance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ig_assets.core.corpus.history_import.arms import (
    ImportedArm,
    image_of,
    script_id_of,
)
from ig_assets.core.corpus.history_import.rows import (
    METRICS,
    HistoryReading,
    HistoryRow,
)
from ig_assets.core.corpus.scripts.script import COUNTS
from ig_assets.core.identity import stable_id
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection

_LATEST_COUNTS = """
SELECT post_id, metric, arg_max(value, observed_at), max(observed_at)
FROM engagement
WHERE post_id IN (SELECT unnest(?::TEXT[]))
GROUP BY post_id, metric
"""

_LATEST_FIGURES = """
SELECT *
FROM script_performance
WHERE source = ?
QUALIFY row_number() OVER (
    PARTITION BY script_id, revision_hash
    ORDER BY as_of DESC
) = 1
"""

# Tests from before their files' names of them were kept have their id there.
_NAME_TESTS = """
UPDATE experiments
SET intent_key = named.intent_key
FROM (
    SELECT unnest(?::TEXT[]) AS experiment_id,
           unnest(?::TEXT[]) AS intent_key
) AS named
WHERE experiments.experiment_id = named.experiment_id
  AND experiments.intent_key = named.experiment_id
"""


def name_tests(con: Connection, experiments: Sequence[Mapping[str, Any]]) -> None:
    """Give tests that an older version wrote without their name the file's own."""
    ids = [row["experiment_id"] for row in experiments]
    con.execute(_NAME_TESTS, [ids, [row["intent_key"] for row in experiments]])


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
    edges = (Edge("script", s, "import", import_id, "imported_from") for s in scripts)
    record_edges(con, edges, run_id, now)


def write_posts(con: Connection, arms: Sequence[ImportedArm], now: datetime) -> None:
    """A post's `detail` names the image it was shown with: `image:<id>`.

    A count that is not what it was is a later observation; one that is, is none.
    """
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
                "detail": image_of(arm.row),
            }
            for arm in arms
        ],
    )
    latest = {
        (post_id, metric): (value, observed_at)
        for post_id, metric, value, observed_at in con.execute(
            _LATEST_COUNTS, [[arm.post_id for arm in arms]]
        ).fetchall()
    }
    readings = []
    for arm in arms:
        for metric, value in arm.row.counts.items():
            before, observed_at = latest.get((arm.post_id, metric), (None, None))
            if value == before:
                continue
            readings.append(
                {
                    "post_id": arm.post_id,
                    "metric": metric,
                    "as_of": arm.row.posted_on or now,
                    "observed_at": _after(observed_at, now),
                    "value": value,
                    "age_hours": None,
                }
            )
    merge_rows(con, "engagement", readings, replace=False)


def write_history_performance(
    con: Connection,
    rows: Sequence[HistoryRow],
    reading: HistoryReading,
    source: str,
    now: datetime,
) -> None:
    """One row a text: the sums over its posts; impressions count as views.

    A file of the same source that gives other sums adds a later row.
    """
    source = f"import/{stable_id('import', source)}"
    latest = {
        (row["script_id"], row["revision_hash"]): row
        for row in fetch_dicts(con, _LATEST_FIGURES, [source])
    }
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
        rate = events / trials if events is not None and trials else None
        figures = {**counts, "rate": rate}
        before = latest.get((script_id, posts[0].revision_hash), {})
        if before and all(before[name] == value for name, value in figures.items()):
            continue
        as_of = max((p.posted_on for p in posts if p.posted_on), default=now)
        performance.append(
            {
                "script_id": script_id,
                "revision_hash": posts[0].revision_hash,
                "source": source,
                "as_of": _after(before.get("as_of"), as_of),
                **figures,
            }
        )
    merge_rows(con, "script_performance", performance, replace=False)


def _after(before: datetime | None, now: datetime) -> datetime:
    """Now, or the next instant after: a clock may stand still, rows have an order."""
    return now if before is None else max(now, before + timedelta(microseconds=1))
