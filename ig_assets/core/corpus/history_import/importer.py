"""Imports history: a file of published scripts with their engagement.

Every usable row is one arm: a script, a post and its final readings. Rows with one
experiment id are one experiment, which the results stage then decides. The readings
have no age (`age_hours` NULL): they are final, at equal age by declaration.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ig_assets.core.corpus.history_import.arms import (
    experiment_id_of,
    make_arms,
    make_experiments,
    rated_rows,
    script_id_of,
    single_post_ids,
)
from ig_assets.core.corpus.history_import.rows import (
    HistoryReading,
    HistoryRow,
    guess_mapping,
    read_history,
)
from ig_assets.core.corpus.history_import.sources import (
    Earlier,
    check_mapping,
    earlier_imports,
    known_posts,
    known_scripts,
    source_name,
    source_of,
)
from ig_assets.core.corpus.history_import.writer import (
    name_tests,
    write_history_performance,
    write_posts,
    write_scripts,
)
from ig_assets.core.corpus.queries import FORGOTTEN_SCRIPTS
from ig_assets.core.corpus.rejects import HISTORY, write_rejects
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.core.identity import stable_id
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

__all__ = ["ImportReport", "guess_mapping", "import_history"]

SAMPLE_ROWS = 20


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or with `dry_run` would do.

    `imported` and `rejected` are rows of the file, `scripts` distinct texts,
    `experiments` those with two arms or more, of which `known_experiments` are there
    from earlier imports of the `source`; `left_alone` are columns that say nothing to
    us. Of the scripts of earlier files `known_scripts` are in this one too and
    `missing_scripts` are not; they stay. `already_imported` says that the same bytes
    were imported before and nothing was done.
    """

    source: str
    rows_read: int
    imported: int
    rejected: int
    experiments: int
    known_experiments: int
    scripts: int
    posts: int
    known_scripts: int
    missing_scripts: int
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
    by_name: bool = False,
    dry_run: bool = False,
    run_id: str | None = None,
) -> ImportReport:
    """Import one CSV(.gz), JSONL(.gz) or Parquet file in one transaction.

    Columns are guessed, `mapping` ({ours: theirs}) is put over the guess. Experiment
    ids are the file's own within `source`: an export that grows, of which only what
    is new is added. Where none is given it is the file's name with `by_name`, else
    its content. `simulated=None` takes the file's column, or False. The same bytes
    twice change nothing, unless a `source` is given that has not seen them. Raises
    InputError, also where columns are mapped otherwise than before.
    """
    content_hash = _content_hash(file)
    reading = read_history(file, mapping, numerator, denominator, simulated)
    now = clock.now()
    with warehouse.transaction() as con:
        earlier = earlier_imports(con)
        name = source or (source_name(file.name) if by_name else None)
        origin = source_of(earlier, content_hash, name)
        past = _past_import(earlier, content_hash, origin, source is not None)
        if past is not None:
            same_bytes = past.content_hash == content_hash
            check_mapping(past, reading.mapping, same_bytes)
            if same_bytes:
                return _nothing_done(past, reading)
        by_content = origin == content_hash
        parts = (content_hash,) if by_content else (content_hash, origin)
        import_id = stable_id("import", *parts)
        rows, forgotten = _without_forgotten(con, reading, file.name)
        rated = rated_rows(rows, reading)
        single_ids = single_post_ids(rated, import_id, origin)
        tests = {experiment_id_of(row, origin) for row in rated if row.experiment}
        known = known_posts(con, earlier, origin, [*tests], [*single_ids.values()])
        arms, refused = make_arms(rated, origin, single_ids, known)
        rejects = reading.rejects + forgotten + _other_words(refused, origin, file.name)
        numbers = {row.number for row in refused}
        rows = [row for row in rows if row.number not in numbers]
        experiments = make_experiments(arms, reading, randomised, sigma)
        scripts = {script_id_of(row): row for row in rows}
        seen = known_scripts(con, origin)
        if not dry_run:
            write_scripts(con, scripts, file.name, import_id, now, run_id)
            # What is known of a test was fixed at its start.
            merge_rows(con, "experiments", experiments, replace=False)
            name_tests(con, experiments)
            write_posts(con, arms, now)
            write_history_performance(con, rows, reading, origin, now)
            write_rejects(con, rejects, now)
            merge_rows(
                con,
                "imports",
                [
                    {
                        "import_id": import_id,
                        "source": None if by_content else origin,
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
        source=origin,
        rows_read=reading.rows_read,
        imported=len(rows),
        rejected=len(rejects),
        experiments=len(experiments),
        known_experiments=len(
            {row["experiment_id"] for row in experiments} & {*known.arms}
        ),
        scripts=len(scripts),
        posts=len(arms),
        known_scripts=len(seen & scripts.keys()),
        missing_scripts=len(seen - scripts.keys()),
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


def _past_import(
    earlier: Sequence[Earlier], content_hash: str, source: str, named: bool
) -> Earlier | None:
    """The import of the same bytes, else the source's latest."""
    ours = [past for past in earlier if past.source == source]
    known = ours if named else earlier
    same = [past for past in known if past.content_hash == content_hash]
    return next(reversed(same or ours), None)


def _nothing_done(past: Earlier, reading: HistoryReading) -> ImportReport:
    return ImportReport(
        source=past.source,
        rows_read=past.rows_read,
        imported=0,
        rejected=past.rows_rejected,
        experiments=0,
        known_experiments=0,
        scripts=0,
        posts=0,
        known_scripts=0,
        missing_scripts=0,
        mapping=reading.mapping,
        left_alone=reading.left_alone,
        numerator=reading.numerator,
        denominator=reading.denominator,
        already_imported=True,
        rejects_sample=(),
    )


def _other_words(
    refused: Sequence[HistoryRow], source: str, name: str
) -> tuple[Reject, ...]:
    return tuple(
        Reject(
            f"{HISTORY}{name}#{row.number}",
            "other words",
            f"An arm of test {row.experiment} of source {source} came with other words "
            "or another image before; another export needs another --source.",
        )
        for row in refused
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
