"""Imports history: a file of published scripts with their engagement.

Every usable row is one arm: a script, a post and its final readings. Rows with one
experiment id are one experiment, which the results stage then decides. The readings
have no age (`age_hours` NULL): they are final, at equal age by declaration.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ig_assets.core.corpus.current import FORGOTTEN_SCRIPTS
from ig_assets.core.corpus.history_file import (
    METRICS,
    HistoryReading,
    HistoryRow,
    guess_mapping,
    read_history,
)
from ig_assets.core.corpus.script import COUNTS, Reject
from ig_assets.core.corpus.rejects import HISTORY, write_rejects
from ig_assets.core.identity import ID_LENGTH, stable_id
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.connection import Connection, Warehouse
from ig_assets.warehouse.rows import merge_rows

__all__ = ["ImportReport", "guess_mapping", "import_history"]

SAMPLE_ROWS = 20


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or with `dry_run` would do.

    `imported` and `rejected` are rows of the file, `scripts` distinct texts,
    `experiments` those with two arms or more. `already_imported` says that the same
    bytes were imported before and nothing was done.
    """

    rows_read: int
    imported: int
    rejected: int
    experiments: int
    scripts: int
    posts: int
    mapping: Mapping[str, str]
    numerator: str | None
    denominator: str | None
    already_imported: bool
    rejects_sample: tuple[Reject, ...]


@dataclass(frozen=True)
class _Arm:
    """A row that is a post, in an experiment (or None) under a label of its own."""

    row: HistoryRow
    script_id: str
    post_id: str
    experiment_id: str | None
    label: str


def import_history(
    warehouse: Warehouse,
    clock: Clock,
    file: Path,
    *,
    mapping: Mapping[str, str] | None = None,
    simulated: bool | None = None,
    randomised: bool = True,
    sigma: float = 0.0,
    numerator: str | None = None,
    denominator: str | None = None,
    source: str | None = None,
    dry_run: bool = False,
    run_id: str | None = None,
) -> ImportReport:
    """Import one CSV(.gz), JSONL(.gz) or Parquet file in one transaction.

    Columns are guessed, `mapping` ({ours: theirs}) is put over the guess. Experiment
    ids are the file's own within `source`; that is the file's content unless named,
    so name it for an export that grows. `simulated=None` takes the file's column,
    or False. The same bytes twice change nothing. Raises InputError.
    """
    content_hash = _content_hash(file)
    if not dry_run and (known := _known_import(warehouse, content_hash)):
        return known
    reading = read_history(file, mapping, numerator, denominator, simulated)
    now = clock.now()
    import_id = stable_id("import", content_hash)
    with warehouse.transaction() as con:
        rows, forgotten = _without_forgotten(con, reading, file.name)
        rejects = reading.rejects + forgotten
        arms = _arms(rows, reading, import_id, source or content_hash)
        experiments = _experiments(arms, reading, randomised, sigma)
        scripts = {_script_id(row): row for row in rows}
        if not dry_run:
            _write_scripts(con, scripts, file.name, import_id, now, run_id)
            merge_rows(con, "experiments", experiments)
            _write_posts(con, arms, now)
            _write_performance(con, rows, reading, import_id, now)
            write_rejects(con, rejects, now)
            merge_rows(
                con,
                "imports",
                [
                    {
                        "import_id": import_id,
                        "source_uri": file.name,
                        "content_hash": content_hash,
                        "mapping": json.dumps(reading.mapping, sort_keys=True),
                        "simulated": any(row.simulated for row in rows),
                        "rows_read": reading.rows_read,
                        "rows_rejected": len(rejects),
                        "imported_at": now,
                    }
                ],
            )
    return ImportReport(
        rows_read=reading.rows_read,
        imported=len(rows),
        rejected=len(rejects),
        experiments=len(experiments),
        scripts=len(scripts),
        posts=len(arms),
        mapping=reading.mapping,
        numerator=reading.numerator,
        denominator=reading.denominator,
        already_imported=False,
        rejects_sample=rejects[:SAMPLE_ROWS],
    )


def _content_hash(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        raise InputError(f"The file {file} cannot be opened.") from None


def _known_import(warehouse: Warehouse, content_hash: str) -> ImportReport | None:
    with warehouse.transaction() as con:
        found = con.execute(
            "SELECT rows_read, rows_rejected, mapping FROM imports "
            "WHERE content_hash = ?",
            [content_hash],
        ).fetchall()
    if not found:
        return None
    rows_read, rejected, mapping = found[0]
    return ImportReport(
        rows_read=rows_read,
        imported=0,
        rejected=rejected,
        experiments=0,
        scripts=0,
        posts=0,
        mapping=json.loads(mapping),
        numerator=None,
        denominator=None,
        already_imported=True,
        rejects_sample=(),
    )


def _script_id(row: HistoryRow) -> str:
    return f"history/{row.revision_hash[:ID_LENGTH]}"


def _without_forgotten(
    con: Connection, reading: HistoryReading, name: str
) -> tuple[list[HistoryRow], tuple[Reject, ...]]:
    """What was forgotten on request does not come back, nor do its words."""
    forgotten = con.execute(f"""
        SELECT script_id, CAST(NULL AS TEXT)
        FROM ({FORGOTTEN_SCRIPTS}) AS f
        UNION ALL
        SELECT script_id, revision_hash
        FROM script_status
        WHERE script_id IN ({FORGOTTEN_SCRIPTS})
        """).fetchall()
    gone = {part for row in forgotten for part in row if part is not None}
    kept = [
        row
        for row in reading.rows
        if row.revision_hash not in gone and _script_id(row) not in gone
    ]
    numbers = {row.number for row in reading.rows} - {row.number for row in kept}
    detail = "The script was forgotten on request."
    return kept, tuple(
        Reject(f"{HISTORY}{name}#{number}", "forgotten", detail)
        for number in sorted(numbers)
    )


def _arms(
    rows: Sequence[HistoryRow], reading: HistoryReading, import_id: str, source: str
) -> list[_Arm]:
    """The rows that have a rate; a test with a single arm is no experiment."""
    needed = (reading.numerator, reading.denominator)
    rated = [row for row in rows if all(n in row.counts for n in needed)]
    sizes = Counter(row.experiment for row in rated if row.experiment)
    labels: dict[str, set[str]] = defaultdict(set)
    arms = []
    for row in rated:
        if sizes[row.experiment] < 2:
            post_id = stable_id("post", "history", import_id, row.number)
            arms.append(_Arm(row, _script_id(row), post_id, None, row.arm or "single"))
            continue
        taken = labels[row.experiment]
        label = row.arm or f"arm-{len(taken) + 1}"
        if label in taken:
            label = f"{label}-{len(taken) + 1}"
        taken.add(label)
        experiment_id = stable_id("history", source, row.experiment)
        post_id = stable_id("post", "history", experiment_id, label)
        arms.append(_Arm(row, _script_id(row), post_id, experiment_id, label))
    return arms


def _experiments(
    arms: Sequence[_Arm], reading: HistoryReading, randomised: bool, sigma: float
) -> list[dict[str, Any]]:
    grouped: dict[str, list[HistoryRow]] = defaultdict(list)
    for arm in arms:
        if arm.experiment_id is not None:
            grouped[arm.experiment_id].append(arm.row)
    experiments = []
    for experiment_id, rows in grouped.items():
        started_at = min((r.posted_on for r in rows if r.posted_on), default=None)
        experiments.append(
            {
                "experiment_id": experiment_id,
                "month": started_at and f"{started_at:%Y-%m}",
                "topic_id": None,
                "segment": "history",
                "numerator": reading.numerator,
                "denominator": reading.denominator,
                "randomised": randomised,
                "sigma": sigma,
                "simulated": any(row.simulated for row in rows),
                "started_at": started_at,
                "ends_at": None,
                "status": "running",
                "intent_key": experiment_id,
            }
        )
    return experiments


def _write_scripts(
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


def _write_posts(con: Connection, arms: Sequence[_Arm], now: datetime) -> None:
    """A post's `detail` names the image it was shown with: `image:<id>`."""
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
        [
            {
                "post_id": arm.post_id,
                "metric": metric,
                "as_of": arm.row.posted_on or now,
                "observed_at": now,
                "value": value,
                "age_hours": None,
            }
            for arm in arms
            for metric, value in arm.row.counts.items()
        ],
        replace=False,
    )


def _write_performance(
    con: Connection,
    rows: Sequence[HistoryRow],
    reading: HistoryReading,
    import_id: str,
    now: datetime,
) -> None:
    """One row a text: the sums over its posts; impressions count as views."""
    grouped: dict[str, list[HistoryRow]] = defaultdict(list)
    for row in rows:
        if row.counts:
            grouped[_script_id(row)].append(row)
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
        performance.append(
            {
                "script_id": script_id,
                "revision_hash": posts[0].revision_hash,
                "source": f"import/{import_id}",
                "as_of": max((p.posted_on for p in posts if p.posted_on), default=now),
                **counts,
                "rate": events / trials if events is not None and trials else None,
            }
        )
    merge_rows(con, "script_performance", performance, replace=False)
