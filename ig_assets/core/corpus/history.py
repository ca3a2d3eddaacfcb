"""Imports history: a file of published scripts with their engagement.

Every usable row is one arm: a script, a post and its final readings. Rows with one
experiment id are one experiment, which the results stage then decides. The readings
have no age (`age_hours` NULL): they are final, at equal age by declaration.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ig_assets.core.corpus.current import FORGOTTEN_SCRIPTS
from ig_assets.core.corpus.history_arms import (
    make_arms,
    make_experiments,
    script_id_of,
)
from ig_assets.core.corpus.history_file import (
    HistoryReading,
    HistoryRow,
    guess_mapping,
    read_history,
)
from ig_assets.core.corpus.history_rows import (
    write_history_performance,
    write_posts,
    write_scripts,
)
from ig_assets.core.corpus.rejects import HISTORY, write_rejects
from ig_assets.core.corpus.script import Reject
from ig_assets.core.identity import stable_id
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
    `experiments` those with two arms or more, of which `known_experiments` are there
    from earlier imports of the source; `left_alone` are columns that say nothing to
    us. `already_imported` says that the same bytes were imported before and nothing
    was done.
    """

    rows_read: int
    imported: int
    rejected: int
    experiments: int
    known_experiments: int
    scripts: int
    posts: int
    mapping: Mapping[str, str]
    left_alone: tuple[str, ...]
    numerator: str | None
    denominator: str | None
    already_imported: bool
    rejects_sample: tuple[Reject, ...]


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
    so name it for an export that grows: rows that were there get their new counts as
    a later reading. `simulated=None` takes the file's column, or False. The same
    bytes twice change nothing. Raises InputError, also for the same bytes under
    another mapping, since what is imported cannot be read anew.
    """
    content_hash = _content_hash(file)
    reading = read_history(file, mapping, numerator, denominator, simulated)
    if not dry_run and (
        known := _known_import(warehouse, content_hash, source, reading, file.name)
    ):
        return known
    now = clock.now()
    named = () if source is None else (source,)
    import_id = stable_id("import", content_hash, *named)
    with warehouse.transaction() as con:
        rows, forgotten = _without_forgotten(con, reading, file.name)
        rejects = reading.rejects + forgotten
        arms = make_arms(
            rows, reading, import_id, source or content_hash, source is not None
        )
        experiments = make_experiments(arms, reading, randomised, sigma)
        known_experiments = _known_experiments(con, experiments)
        scripts = {script_id_of(row): row for row in rows}
        if not dry_run:
            write_scripts(con, scripts, file.name, import_id, now, run_id)
            merge_rows(con, "experiments", experiments)
            write_posts(con, arms, now)
            write_history_performance(con, rows, reading, source or import_id, now)
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
                        "source": source,
                    }
                ],
            )
    return ImportReport(
        rows_read=reading.rows_read,
        imported=len(rows),
        rejected=len(rejects),
        experiments=len(experiments),
        known_experiments=known_experiments,
        scripts=len(scripts),
        posts=len(arms),
        mapping=reading.mapping,
        left_alone=reading.left_alone,
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


def _known_experiments(con: Connection, experiments: list[dict[str, Any]]) -> int:
    ids = [row["experiment_id"] for row in experiments]
    [(known,)] = con.execute(
        "SELECT count(*) FROM experiments "
        "WHERE list_contains(?::TEXT[], experiment_id)",
        [ids],
    ).fetchall()
    return int(known)


def _known_import(
    warehouse: Warehouse,
    content_hash: str,
    source: str | None,
    reading: HistoryReading,
    name: str,
) -> ImportReport | None:
    with warehouse.transaction() as con:
        found = con.execute(
            "SELECT rows_read, rows_rejected, mapping FROM imports "
            "WHERE content_hash = ? AND source IS NOT DISTINCT FROM ?",
            [content_hash, source],
        ).fetchall()
    if not found:
        return None
    rows_read, rejected, mapping = found[0]
    before = json.loads(mapping)
    if before != dict(reading.mapping):
        pairs = sorted(before.items() ^ dict(reading.mapping).items())
        raise InputError(
            f"{name} was imported before with another mapping "
            f"({', '.join(f'{ours}={theirs}' for ours, theirs in pairs)} differ); what "
            "is imported stays. Import it under another --source if both are wanted."
        )
    return ImportReport(
        rows_read=rows_read,
        imported=0,
        rejected=rejected,
        experiments=0,
        known_experiments=0,
        scripts=0,
        posts=0,
        mapping=before,
        left_alone=reading.left_alone,
        numerator=reading.numerator,
        denominator=reading.denominator,
        already_imported=True,
        rejects_sample=(),
    )


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
        if row.revision_hash not in gone and script_id_of(row) not in gone
    ]
    numbers = {row.number for row in reading.rows} - {row.number for row in kept}
    detail = "The script was forgotten on request."
    return kept, tuple(
        Reject(f"{HISTORY}{name}#{number}", "forgotten", detail)
        for number in sorted(numbers)
    )
