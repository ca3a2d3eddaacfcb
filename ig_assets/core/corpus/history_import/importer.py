"""Imports history: a file of published scripts with their engagement.

Every accepted row is one reading of one post of a script. Rows with the same experiment
id are the arms of one experiment, which the decisions stage then decides. The readings
have no age (`age_hours` is NULL): they are final readings, and the arms of a test are
treated as read at equal age.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from ig_assets.core.corpus.history_import.counters import note_falling
from ig_assets.core.corpus.history_import.doubtful import doubtful_files
from ig_assets.core.corpus.history_import.identity.file_posts import (
    GroupedRows,
    group_posts,
)
from ig_assets.core.corpus.history_import.identity.known_posts import (
    KnownHistory,
    known_history,
)
from ig_assets.core.corpus.history_import.identity.names_of_tests import (
    check_renamed,
    spellings,
    with_known_names,
)
from ig_assets.core.corpus.history_import.identity.recognition import (
    recognise_source,
    shares_posts,
)
from ig_assets.core.corpus.history_import.news import is_news, new_readings
from ig_assets.core.corpus.history_import.planning.plan import (
    ImportOptions,
    ImportPlan,
    SourceFile,
    plan_import,
    without_forgotten,
)
from ig_assets.core.corpus.history_import.reading.present import check_as_of
from ig_assets.core.operations.present import Present
from ig_assets.core.corpus.history_import.reading.rows import read_history
from ig_assets.core.corpus.history_import.reading.sources import (
    PastImport,
    check_mapping,
    past_imports,
    said_before,
    source_name,
    source_of,
)
from ig_assets.core.corpus.history_import.writer import write_import
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.core.ports import Clock
from ig_assets.core.tabular import ColumnGuess
from ig_assets.errors import InputError, NothingTakenError
from ig_assets.warehouse.warehouse import Connection, Warehouse

SAMPLE_ROWS = 20


@dataclass(frozen=True)
class ImportReport:
    """The effect of an import, or with `dry_run` the effect that it would have.

    Rows: `imported`, `rejected` and `skipped` (by kind, including `repeated` rows) add
    up to `rows_read`.

    Columns: `columns` says how each column is interpreted, `left_alone` lists those
    without a mapping, `read_as` says how the file was read.

    Counts: `scripts` is the number of distinct texts, `readings` of stored readings,
    and `experiments` of tests with two or more arms, of which `known_experiments` are
    also in earlier imports of `source`. Of the scripts in earlier files,
    `known_scripts` are in this file and `missing_scripts` are not; missing scripts are
    kept.

    `read_at` is the reading time of rows that have no reading time, and `read_at_by`
    says where this time comes from. `notes` are the assumptions made.
    `already_imported` is true if the same bytes were imported before and nothing was
    done.
    """

    source: str
    rows_read: int
    rejected: int
    mapping: Mapping[str, str]
    left_alone: tuple[str, ...]
    numerator: str | None
    denominator: str | None
    imported: int = 0
    experiments: int = 0
    known_experiments: int = 0
    scripts: int = 0
    posts: int = 0
    known_scripts: int = 0
    missing_scripts: int = 0
    already_imported: bool = False
    repeated: int = 0
    readings: int = 0
    read_at: datetime | None = None
    read_at_by: str = ""
    skipped: Mapping[str, int] = field(default_factory=dict)
    columns: tuple[ColumnGuess, ...] = ()
    notes: tuple[str, ...] = ()
    read_as: str = ""
    why_nothing: str = ""
    rejects_sample: tuple[Reject, ...] = ()


def import_history(
    warehouse: Warehouse,
    clock: Clock,
    path: Path,
    options: ImportOptions | None = None,
    run_id: str | None = None,
    machine_clock: Clock | None = None,
) -> ImportReport:
    """Import one CSV, JSON (each also .gz), Parquet or Excel file in one transaction.

    Experiment ids are derived from source and test name, so that an extended export
    adds only what is new. Importing the same bytes again changes nothing, with three
    exceptions: another `source` is given, an older file was imported in between, or a
    person states another rate, which then holds for all posts and tests of the file.
    `machine_clock` is the real clock if `clock` is simulated; a reading later than both
    is rejected.

    Raises InputError if the file cannot be read, if its columns are mapped otherwise
    than before, or if its source is in doubt. Raises NothingTakenError if no row can be
    imported.
    """
    options = options or ImportOptions()
    present = Present(clock.now(), (machine_clock or clock).now())
    check_as_of(present, options.as_of)
    content_hash = _content_hash(path)
    history = read_history(
        path,
        options.mapping,
        options.numerator,
        options.denominator,
        options.simulated,
        options.values,
        options.preset,
    )
    if not history.rows and not options.dry_run:
        raise NothingTakenError(
            f"Nothing of {path.name} was taken: {history.why_nothing}."
        )
    with warehouse.transaction() as con:
        past = past_imports(con)
        rows, forgotten = without_forgotten(con, history, path.name)
        history = replace(history, rejects=history.rejects + forgotten)
        grouped = group_posts(rows, history.mapping, present)
        falling = note_falling(grouped.posts, path.name)
        grouped = replace(grouped, notes=grouped.notes + falling)
        name = options.source or (source_name(path.name) if options.by_name else None)
        own = source_of(past, content_hash, name)
        known = _known(con, past, own, grouped)
        posts = with_known_names(grouped.posts, known)
        grouped = replace(grouped, posts=posts)
        source, recognised = own, None
        if options.by_name and options.source is None:
            source, recognised = _recognised(past, path, content_hash, grouped, known)
            check_renamed(posts, known, source, path.name)
        file = SourceFile(path.name, content_hash, source)
        previous = _previous_import(past, file, options.source is not None)
        if previous is not None:
            same_bytes = previous.content_hash == content_hash
            if same_bytes or not shares_posts(grouped.posts, known, source):
                columns = {*history.mapping.values(), *history.left_alone}
                check_mapping(previous, history.mapping, same_bytes, columns)
        corrects = _corrects_rate(previous, file, options)
        plan = plan_import(
            con, file, history, grouped, known, options, present, corrects
        )
        if recognised:
            plan = replace(plan, notes=(recognised, *plan.notes))
        other_rate = _other_rate(past, plan, options)
        plan = replace(plan, notes=(*plan.notes, *other_rate))
        readings = new_readings(con, plan.arms, plan.time, present.now)
        if previous is not None and previous.content_hash == content_hash:
            if not corrects and not is_news(plan, readings, known.tests):
                return _already_imported(previous, _with_doubts(con, plan))
        if not options.dry_run:
            if not plan.rows:
                raise NothingTakenError(
                    f"Nothing of {path.name} was taken: {_why_nothing(plan)}."
                )
            write_import(con, plan, readings, present.now, run_id)
        plan = _with_doubts(con, plan)
    return _report(plan, len(readings))


def _with_doubts(con: Connection, plan: ImportPlan) -> ImportPlan:
    """Return the plan with a note for each file that may have lowered newer counts."""
    doubts = [f"{file.sentence}." for file in doubtful_files(con)]
    return replace(plan, notes=(*plan.notes, *doubts))


def _content_hash(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        raise InputError(f"The file {file} cannot be opened.") from None


def _known(
    con: Connection, past: Sequence[PastImport], own: str, grouped: GroupedRows
) -> KnownHistory:
    """Return the tests and posts of earlier imports that the file may repeat."""
    posts = grouped.posts
    return known_history(
        con,
        past,
        [own],
        spellings({post.experiment for post in posts} - {""}),
        {post.row.revision_hash for post in posts},
        {name for post in posts for name in post.names},
    )


def _recognised(
    past: Sequence[PastImport],
    path: Path,
    content_hash: str,
    grouped: GroupedRows,
    known: KnownHistory,
) -> tuple[str, str | None]:
    """Return (source, note or None) of a file whose source no person stated.

    The note says why the source is not the one that the file's name implies.
    """
    same = [done.source for done in past if done.content_hash == content_hash]
    own = source_of(past, content_hash, source_name(path.name))
    if same:
        return same[-1], None
    sources = {done.source for done in past}
    return recognise_source(grouped.posts, known, own, sources, path.name)


def _previous_import(
    past: Sequence[PastImport], file: SourceFile, within_source: bool
) -> PastImport | None:
    """Return the latest import of the same bytes, else the latest of the file's source.

    With `within_source` only imports of the file's source are searched. Returns None if
    there is no such import.
    """
    of_source = [done for done in past if done.source == file.source]
    candidates = of_source if within_source else past
    same = [done for done in candidates if done.content_hash == file.content_hash]
    return next(reversed(same or of_source), None)


def _corrects_rate(
    previous: PastImport | None, file: SourceFile, options: ImportOptions
) -> bool:
    """Return whether a person states another rate than at this file's last import."""
    if previous is None or previous.import_id != file.import_id:
        return False
    said = (
        (options.numerator, previous.numerator),
        (options.denominator, previous.denominator),
    )
    return any(now is not None and now != before for now, before in said)


def _other_rate(
    past: Sequence[PastImport], plan: ImportPlan, options: ImportOptions
) -> tuple[str, ...]:
    """Return notes if tests of the source have another rate than the file's posts."""
    if options.denominator is None:
        history, source = plan.history, plan.file.source
        return said_before(past, source, history.denominator, history.mapping.keys())
    other = {
        str(experiment["denominator"])
        for experiment in plan.experiments
        if experiment["experiment_id"] in plan.known_experiments
    } - {options.denominator}
    return tuple(
        f"Known tests of this source keep their rate, per {name}; --denominator "
        f"{options.denominator} rates the file's posts and new tests."
        for name in sorted(other)
    )


def _already_imported(previous: PastImport, plan: ImportPlan) -> ImportReport:
    history = plan.history
    return ImportReport(
        source=previous.source,
        rows_read=previous.rows_read,
        rejected=previous.rows_rejected,
        mapping=history.mapping,
        left_alone=history.left_alone,
        numerator=history.numerator,
        denominator=history.denominator,
        already_imported=True,
        notes=plan.notes,
    )


def _report(plan: ImportPlan, readings: int) -> ImportReport:
    return ImportReport(
        source=plan.file.source,
        rows_read=plan.history.rows_read,
        rejected=len(plan.rejects),
        mapping=plan.history.mapping,
        left_alone=plan.history.left_alone,
        numerator=plan.history.numerator,
        denominator=plan.history.denominator,
        imported=len(plan.rows),
        experiments=len(plan.experiments),
        known_experiments=len(plan.known_experiments),
        scripts=len(plan.scripts),
        posts=len({arm.row.number for arm in plan.arms}),
        known_scripts=len(plan.known_scripts & plan.scripts.keys()),
        missing_scripts=len(plan.known_scripts - plan.scripts.keys()),
        repeated=plan.repeated,
        readings=readings,
        read_at=plan.time.at,
        read_at_by=plan.time.by,
        skipped=plan.skipped,
        columns=plan.history.columns,
        notes=plan.notes,
        read_as=plan.history.read_as,
        why_nothing="" if plan.rows else _why_nothing(plan),
        rejects_sample=plan.rejects[:SAMPLE_ROWS],
    )


def _why_nothing(plan: ImportPlan) -> str:
    return replace(plan.history, rejects=plan.rejects).why_nothing
