"""Writes a planned import: scripts, experiments, posts, readings and performance."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from ig_assets.core.corpus.history_import.arms import (
    ImportedArm,
    ImportedExperiment,
    image_of,
    script_id_of,
)
from ig_assets.core.corpus.history_import.columns import METRICS
from ig_assets.core.corpus.history_import.plan import ImportPlan
from ig_assets.core.corpus.history_import.rows import HistoryRow, ParsedHistory
from ig_assets.core.corpus.rejects import write_rejects
from ig_assets.core.corpus.scripts.script import COUNTS
from ig_assets.core.identity import next_instant, stable_id
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection

_SCRIPTS_WITH_STATUS = """
    SELECT DISTINCT script_id
    FROM script_status
    WHERE script_id LIKE 'history/%'
"""

_LATEST_COUNTS = """
    SELECT post_id, metric, arg_max(value, observed_at), max(observed_at)
    FROM engagement
    WHERE post_id IN (SELECT unnest(?::TEXT[]))
    GROUP BY post_id, metric
"""

_LATEST_PERFORMANCE = """
    SELECT *
    FROM script_performance
    WHERE source = ?
    QUALIFY row_number() OVER (
        PARTITION BY script_id, revision_hash
        ORDER BY as_of DESC
    ) = 1
"""

# An older version wrote the experiment's id as the intent key of an imported test.
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


def write_import(
    con: Connection, plan: ImportPlan, now: datetime, run_id: str | None
) -> None:
    """Write all rows of a plan inside the caller's transaction.

    What was known before stays: scripts keep their status, retired ones included, and
    experiments the terms that were fixed at their start. Counts that changed are later
    readings.
    """
    file = plan.file
    _write_scripts(con, plan.scripts, file.name, now)
    _write_statuses(con, plan.scripts, f"import {file.import_id}", now)
    edges = [
        Edge("script", script_id, "import", file.import_id, "imported_from")
        for script_id in plan.scripts
    ]
    record_edges(con, edges, run_id, now)
    _write_experiments(con, plan.experiments)
    _write_posts(con, plan.arms)
    _write_readings(con, plan.arms, now)
    _write_performance(con, plan.rows, plan.history, file.source, now)
    write_rejects(con, plan.rejects, now)
    _write_import_row(con, plan, now)


def _write_scripts(
    con: Connection,
    scripts: Mapping[str, HistoryRow],
    source_uri: str,
    now: datetime,
) -> None:
    rows = [
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
    ]
    merge_rows(con, "scripts", rows, replace=False)


def _write_statuses(
    con: Connection, scripts: Mapping[str, HistoryRow], reason: str, now: datetime
) -> None:
    known = {script_id for (script_id,) in con.execute(_SCRIPTS_WITH_STATUS).fetchall()}
    rows = [
        {
            "script_id": script_id,
            "changed_at": now,
            "status": "active",
            "revision_hash": row.revision_hash,
            "reason": reason,
        }
        for script_id, row in scripts.items()
        if script_id not in known
    ]
    merge_rows(con, "script_status", rows)


def _write_experiments(
    con: Connection, experiments: Sequence[ImportedExperiment]
) -> None:
    merge_rows(con, "experiments", experiments, replace=False)
    ids = [row["experiment_id"] for row in experiments]
    con.execute(_NAME_TESTS, [ids, [row["intent_key"] for row in experiments]])


def _write_posts(con: Connection, arms: Sequence[ImportedArm]) -> None:
    rows = [
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
    ]
    merge_rows(con, "posts", rows)


def _write_readings(
    con: Connection, arms: Sequence[ImportedArm], now: datetime
) -> None:
    """Add a reading of each count that differs from the post's latest."""
    post_ids = [arm.post_id for arm in arms]
    latest = {
        (post_id, metric): (value, observed_at)
        for post_id, metric, value, observed_at in con.execute(
            _LATEST_COUNTS, [post_ids]
        ).fetchall()
    }
    rows = []
    for arm in arms:
        for metric, value in arm.row.counts.items():
            before, observed_at = latest.get((arm.post_id, metric), (None, None))
            if value == before:
                continue
            rows.append(
                {
                    "post_id": arm.post_id,
                    "metric": metric,
                    "as_of": arm.row.posted_on or now,
                    "observed_at": next_instant(now, observed_at),
                    "value": value,
                    "age_hours": None,
                }
            )
    merge_rows(con, "engagement", rows, replace=False)


def _write_performance(
    con: Connection,
    rows: Sequence[HistoryRow],
    history: ParsedHistory,
    source: str,
    now: datetime,
) -> None:
    """Add the sums over each text's posts that differ from the source's latest."""
    source = f"import/{stable_id('import', source)}"
    latest = {
        (row["script_id"], row["revision_hash"]): row
        for row in fetch_dicts(con, _LATEST_PERFORMANCE, [source])
    }
    posts_of: dict[str, list[HistoryRow]] = defaultdict(list)
    for row in rows:
        if row.counts:
            posts_of[script_id_of(row)].append(row)
    performance = []
    for script_id, posts in posts_of.items():
        figures = _figures(posts, history)
        before = latest.get((script_id, posts[0].revision_hash), {})
        if before and all(before[name] == value for name, value in figures.items()):
            continue
        as_of = max((p.posted_on for p in posts if p.posted_on), default=now)
        performance.append(
            {
                "script_id": script_id,
                "revision_hash": posts[0].revision_hash,
                "source": source,
                "as_of": next_instant(as_of, before.get("as_of")),
                **figures,
            }
        )
    merge_rows(con, "script_performance", performance, replace=False)


def _figures(
    posts: Sequence[HistoryRow], history: ParsedHistory
) -> dict[str, float | None]:
    """Summed counts of a text's posts, and their rate; impressions count as views."""
    sums = {
        name: sum(post.counts.get(name, 0.0) for post in posts)
        for name in METRICS
        if any(name in post.counts for post in posts)
    }
    counts = {name: sums.get(name) for name in COUNTS}
    if counts["views"] is None:
        counts["views"] = sums.get("impressions")
    events = sums.get(history.numerator or "")
    trials = sums.get(history.denominator or "")
    rate = events / trials if events is not None and trials else None
    return {**counts, "rate": rate}


def _write_import_row(con: Connection, plan: ImportPlan, now: datetime) -> None:
    file = plan.file
    row = {
        "import_id": file.import_id,
        "source": file.source if file.is_named else None,
        "source_uri": file.name,
        "content_hash": file.content_hash,
        "mapping": json.dumps(plan.history.mapping, sort_keys=True),
        "simulated": any(row.simulated for row in plan.rows),
        "rows_read": plan.history.rows_read,
        "rows_rejected": len(plan.rejects),
        "imported_at": now,
    }
    merge_rows(con, "imports", [row])
