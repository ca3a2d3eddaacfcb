"""Writes a planned import: scripts, experiments, posts, readings and performance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.history_import.identity.known_posts import IMAGE, TEST
from ig_assets.core.corpus.history_import.planning.arms import ImportedArm, image_of
from ig_assets.core.corpus.history_import.planning.experiments import ImportedExperiment
from ig_assets.core.corpus.history_import.planning.memberships import bring_readings
from ig_assets.core.corpus.history_import.planning.plan import ImportPlan
from ig_assets.core.corpus.history_import.reading.rows import HistoryRow
from ig_assets.core.corpus.rejects import write_rejects
from ig_assets.core.identity import next_instant
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.lineage.model_scripts import record_scripts
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

_STATUSES = """
    SELECT script_id, status, revision_hash, changed_at
    FROM latest_script_status
    WHERE script_id LIKE 'history/%'
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

_JOIN = """
    UPDATE posts
    SET experiment_id = joined.experiment_id, arm = joined.arm
    FROM (
        SELECT unnest(?::TEXT[]) AS post_id, unnest(?::TEXT[]) AS experiment_id,
            unnest(?::TEXT[]) AS arm
    ) AS joined
    WHERE posts.post_id = joined.post_id
"""

_LEAVE = """
    UPDATE posts
    SET experiment_id = NULL
    FROM (SELECT unnest(?::TEXT[]) AS post_id) AS leaving
    WHERE posts.post_id = leaving.post_id
"""

_SET_TERMS = """
    UPDATE experiments
    SET is_running = stated.is_running, ends_at = stated.ends_at, sigma = stated.sigma,
        randomised = stated.randomised, started_at = stated.started_at,
        month = stated.month, numerator = stated.numerator,
        denominator = stated.denominator
    FROM (
        SELECT unnest(?::TEXT[]) AS experiment_id,
            unnest(?::BOOLEAN[]) AS is_running,
            unnest(?::TIMESTAMP[]) AS ends_at,
            unnest(?::DOUBLE[]) AS sigma,
            unnest(?::BOOLEAN[]) AS randomised,
            unnest(?::TIMESTAMP[]) AS started_at,
            unnest(?::TEXT[]) AS month,
            unnest(?::TEXT[]) AS numerator,
            unnest(?::TEXT[]) AS denominator
    ) AS stated
    WHERE experiments.experiment_id = stated.experiment_id
"""
_TERMS = (
    "is_running",
    "ends_at",
    "sigma",
    "randomised",
    "started_at",
    "month",
    "numerator",
    "denominator",
)

# Earlier looks used another split, σ or rate, so they no longer count.
_DISCARD_LOOKS = """
    UPDATE experiments
    SET terms_since = looked.last
    FROM (
        SELECT experiment_id, max(data_through) AS last
        FROM evidence
        WHERE list_contains(?::TEXT[], experiment_id)
        GROUP BY experiment_id
    ) AS looked
    WHERE experiments.experiment_id = looked.experiment_id
"""


def write_import(
    con: Connection,
    plan: ImportPlan,
    readings: Sequence[Mapping[str, Any]],
    now: datetime,
    run_id: str | None,
) -> None:
    """Write all rows of a plan and its `readings` in the caller's transaction.

    Existing rows are kept: a known script keeps its status, even if it is retired. The
    split, σ, rate and start of known experiments are overwritten.
    """
    file = plan.file
    _write_scripts(con, plan.scripts, file.name, now)
    _write_statuses(con, plan, f"import {file.import_id}", now)
    edges = [
        Edge("script", script_id, "import", file.import_id, "imported_from")
        for script_id in plan.scripts
    ]
    record_edges(con, edges, run_id, now)
    _write_experiments(con, plan.experiments, plan.judged_anew)
    _write_posts(con, plan.arms)
    _join_posts(con, plan.arms)
    _part_posts(con, plan, now)
    _write_names(con, plan.arms, file.source, now)
    merge_rows(con, "engagement", list(readings), replace=False)
    bring_readings(con, plan.memberships)
    merge_rows(con, "script_performance", list(plan.performance), replace=False)
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
    record_scripts(con, scripts)


def _write_statuses(
    con: Connection, plan: ImportPlan, reason: str, now: datetime
) -> None:
    """Make new scripts active; make edited words the current ones of active scripts."""
    known = {
        script_id: (status, revision_hash, changed_at)
        for script_id, status, revision_hash, changed_at in con.execute(
            _STATUSES
        ).fetchall()
    }
    rows = []
    for script_id, row in plan.scripts.items():
        status, revision_hash, changed_at = known.get(script_id, (None, None, None))
        edited = script_id in plan.edited and status == "active"
        if status is None or (edited and revision_hash != row.revision_hash):
            rows.append(
                {
                    "script_id": script_id,
                    "changed_at": next_instant(now, changed_at),
                    "status": "active",
                    "revision_hash": row.revision_hash,
                    "reason": reason,
                }
            )
    merge_rows(con, "script_status", rows)


def _write_experiments(
    con: Connection,
    experiments: Sequence[ImportedExperiment],
    judged_anew: Sequence[str],
) -> None:
    merge_rows(con, "experiments", experiments, replace=False)
    ids = [row["experiment_id"] for row in experiments]
    con.execute(_NAME_TESTS, [ids, [row["intent_key"] for row in experiments]])
    rows: Sequence[Mapping[str, object]] = experiments
    con.execute(_SET_TERMS, [ids, *([row[name] for row in rows] for name in _TERMS)])
    if judged_anew:
        con.execute(_DISCARD_LOOKS, [judged_anew])


def _write_posts(con: Connection, arms: Sequence[ImportedArm]) -> None:
    """Write one row of `posts` for each arm.

    A known post keeps the words, date and image of its publication.
    """
    rows = []
    for arm in arms:
        row, known = arm.row, arm.known
        posted_on = known.posted_on if known and known.posted_on else row.posted_on
        detail = image_of(row)
        if known is not None and known.image:
            detail = f"{IMAGE}{known.image}"
        rows.append(
            {
                "post_id": arm.post_id,
                "experiment_id": arm.experiment_id,
                "variant_id": None,
                "script_id": known.script_id if known else arm.script_id,
                "arm": arm.label,
                "hook_style": row.hook_style,
                "slot": posted_on,
                "platform": "history",
                "published_revision_hash": (
                    known.revision_hash if known else row.revision_hash
                ),
                "intent_key": arm.post_id,
                "status": "published",
                "published_at": posted_on,
                "detail": detail,
                "split_given": arm.split_given,
                "sigma_given": arm.sigma_given,
            }
        )
    merge_rows(con, "posts", rows)


def _join_posts(con: Connection, arms: Sequence[ImportedArm]) -> None:
    """Add the single arms of earlier files to the experiment of their test."""
    rows = [
        (joined.known.post_id, arm.experiment_id, joined.label)
        for arm in arms
        for joined in arm.joined
    ]
    if rows:
        con.execute(_JOIN, [list(column) for column in zip(*rows, strict=True)])


def _part_posts(con: Connection, plan: ImportPlan, now: datetime) -> None:
    """Remove arms without the counts of their test's rate from the test's experiment.

    They keep the name of the test, so that a later file can add them again.
    """
    tests = {
        experiment["experiment_id"]: experiment["intent_key"]
        for experiment in plan.experiments
    }
    rows = [
        {
            "source": known.source,
            "kind": TEST,
            "value": tests[known.experiment_id or ""],
            "post_id": known.post_id,
            "first_seen_at": now,
        }
        for known in plan.leaving
    ]
    merge_rows(con, "vendor_post_names", rows, replace=False)
    if rows:
        con.execute(_LEAVE, [[row["post_id"] for row in rows]])


def _write_names(
    con: Connection, arms: Sequence[ImportedArm], source: str, now: datetime
) -> None:
    rows = [
        {
            "source": arm.known.source if arm.known else source,
            "kind": name.kind,
            "value": name.value,
            "post_id": arm.post_id,
            "first_seen_at": now,
        }
        for arm in arms
        for name in arm.names
    ]
    merge_rows(con, "vendor_post_names", rows, replace=False)


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
        "rows_taken": len(plan.rows),
        "rows_skipped": sum(plan.skipped.values()),
        "imported_at": now,
        "read_at": plan.time.at,
        "numerator": plan.said_numerator,
        "denominator": plan.said_denominator,
        "notes": json.dumps(plan.notes, ensure_ascii=False),
    }
    merge_rows(con, "imports", [row])
