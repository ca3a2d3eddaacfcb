"""Reads a file of history: maps its columns, and accepts or rejects each row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ig_assets.core.corpus.history_import.reading.cells import RowReader
from ig_assets.core.corpus.history_import.reading.columns import (
    DENOMINATORS,
    METRICS,
    NUMERATORS,
    ColumnMapping,
    map_history,
)
from ig_assets.core.corpus.history_import.reading.result_rows import (
    RESULT,
    without_results,
)
from ig_assets.core.corpus.rejects import HISTORY
from ig_assets.core.corpus.scripts.script import InvalidSourceError, Reject
from ig_assets.core.tabular import (
    AmbiguousColumnError,
    Cell,
    ColumnGuess,
    Table,
    UnreadableTableError,
    ValueOptions,
    ambiguous_sentence,
    decide_formats,
    open_table,
    posted_only,
    profile_table,
    with_times,
    with_zone_column,
)
from ig_assets.core.tabular.files.dialect import is_typed
from ig_assets.errors import InputError

_NO_WORDS = ("no words", "The row has a number or a date in place of words.")

_DATES = ("posted_on", "as_of", "ends_on")


@dataclass(frozen=True)
class HistoryRow:
    """One accepted row of a file of history.

    `number` counts the file's rows from 1; `line` is the line of the file on which the
    row begins. A row that is a reading of several posts is repeated for each of them,
    with another number. Missing texts are empty; counts are >= 0; times are naive UTC.
    `read_at` is when the counts were read; `is_running` and `ends_on` describe the
    row's test.
    """

    number: int
    experiment: str
    arm: str
    topic: str
    hook_style: str
    hook: str
    body: str
    call_to_action: str
    text: str
    revision_hash: str
    language: str
    author: str
    image: str
    posted_on: datetime | None
    simulated: bool
    counts: Mapping[str, float]
    post_id: str = ""
    permalink: str = ""
    read_at: datetime | None = None
    is_running: bool | None = None
    ends_on: datetime | None = None
    line: int = 0
    labels: tuple[tuple[str, str], ...] = ()
    """(column, value) of unmapped columns with few values, such as (Country, US)."""


@dataclass(frozen=True)
class ParsedHistory:
    """A file's rows, and how its columns were interpreted.

    `mapping` is {our column: the file's column}; `left_alone` are the file's columns
    without a mapping, and `columns` has the reason for each column. `numerator` and
    `denominator` are the metrics of the rate, None if the file has no such column;
    `denominators` are all by which a post may be rated, the preferred one first.
    `rows_read` is the number of accepted, rejected and skipped rows. `skipped` is
    {kind: number of rows}, with the kinds blank, heading, totals, deleted and not
    posted. `notes` are sentences about what was assumed, repaired or left out.
    """

    rows: tuple[HistoryRow, ...]
    rejects: tuple[Reject, ...]
    rows_read: int
    mapping: Mapping[str, str]
    left_alone: tuple[str, ...]
    numerator: str | None
    denominator: str | None
    denominators: tuple[str, ...] = ()
    skipped: Mapping[str, int] | None = None
    columns: tuple[ColumnGuess, ...] = ()
    notes: tuple[str, ...] = ()
    read_as: str = ""

    @property
    def why_nothing(self) -> str:
        """The commonest reason why rows were rejected, as a clause for a message."""
        if not self.rejects:
            return "it has no rows"
        reason, count = Counter(r.reason for r in self.rejects).most_common(1)[0]
        first = next(r for r in self.rejects if r.reason == reason)
        line = first.source_uri.rpartition("#")[2]
        return (
            f"{len(self.rejects):,} rows are rejected, {count:,} of them as "
            f"{reason!r} (line {line}: {first.detail.rstrip('.')})"
        )


def read_history(
    file: Path,
    mapping: Mapping[str, str] | None = None,
    numerator: str | None = None,
    denominator: str | None = None,
    simulated: bool | None = None,
    values: ValueOptions | None = None,
    preset: str | None = None,
) -> ParsedHistory:
    """Read CSV, TSV, JSON Lines, a JSON array (each also .gz), Parquet or Excel.

    `mapping` ({our column: the file's column}) overrides the guess; the value "" means
    that the file has no such column. `numerator` and `denominator` name the counts of
    the rate (e.g. likes per views); None takes the first of `NUMERATORS` and
    `DENOMINATORS` that the file has. With `simulated` None the file's column says
    whether the counts are simulated, and without that column they are not. `values` are
    the formats of numbers and dates.

    Raises InputError if the file cannot be read at all, a mapped column is missing, no
    column holds the hook or the text, or the numbers or dates of a column are
    ambiguous.
    """
    values = values or ValueOptions()
    try:
        table = posted_only(open_table(file, file.name))
        table = with_times(table, [*(mapping or {}).values()])
        profiles = profile_table(table)
        values, zone = with_zone_column(values, profiles)
        columns = map_history(profiles, mapping or {}, preset, file.name)
        indices = columns.indices
        formats = decide_formats(
            table,
            {name: indices[name] for name in METRICS if name in indices},
            {name: indices[name] for name in _DATES if name in indices},
            values,
        )
        names = columns.names
        numerator = _chosen(numerator, NUMERATORS, names)
        wanted = (denominator,) if denominator else DENOMINATORS
        denominators = tuple(name for name in wanted if name in names)
        denominator = _chosen(denominator, DENOMINATORS, names)
        reader = RowReader(
            indices,
            formats,
            values,
            numerator,
            denominators,
            simulated,
            {n: table.columns[n] for n in columns.labels},
        )
        found = _parsed(table, columns, reader, numerator, denominators, denominator)
        return replace(found, notes=(*found.notes, zone)) if zone else found
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(f"The file {file} does not exist.") from None
    except UnreadableTableError as error:
        raise InputError(f"{file.name} cannot be read: {error}.") from None
    except AmbiguousColumnError as error:
        sentence = ambiguous_sentence(error, file.name, "--{option} {choices}")
        raise InputError(sentence) from None
    except OSError:
        raise InputError(f"The file {file} cannot be opened.") from None


def _parsed(
    table: Table,
    columns: ColumnMapping,
    reader: RowReader,
    numerator: str | None,
    denominators: tuple[str, ...],
    denominator: str | None,
) -> ParsedHistory:
    rows: list[HistoryRow] = []
    rejects: dict[int, Reject] = {}
    skipped: Counter[str] = Counter()
    number = 0
    for batch in table.batches():
        skipped += batch.skipped
        broken = {problem.line: problem.detail for problem in batch.problems}
        for line, cells in _in_order(batch.lines, batch.rows, broken):
            number += 1
            try:
                if cells is None:
                    raise InvalidSourceError("broken row", broken[line])
                rows.append(HistoryRow(number=number, line=line, **reader.row(cells)))
            except InvalidSourceError as error:
                uri = f"{HISTORY}{table.name}#{line}"
                rejects[line] = Reject(uri, error.reason, error.detail)
    hidden = [
        f"`{name}`: {count:,} hidden by their account, as a column says, and left out."
        for name, count in table.hidden.items()
        if count
    ]
    rows, results = without_results(rows)
    for row, sentence in results:
        uri = f"{HISTORY}{table.name}#{row.line}"
        rejects[row.line] = Reject(uri, RESULT, sentence)
    wordless = [row for row in rows if is_typed(row.text)]
    for row in wordless:
        uri = f"{HISTORY}{table.name}#{row.line}"
        rejects[row.line] = Reject(uri, *_NO_WORDS)
    rows = [row for row in rows if not is_typed(row.text)] if wordless else rows
    return ParsedHistory(
        rows=tuple(rows),
        rejects=tuple(rejects[line] for line in sorted(rejects)),
        rows_read=len(rows) + len(rejects) + skipped.total(),
        mapping=columns.names,
        left_alone=columns.left_alone,
        numerator=numerator,
        denominator=denominator,
        denominators=denominators,
        skipped=dict(skipped),
        columns=columns.guesses,
        notes=(*columns.notes(numerator, denominator), *hidden, *reader.notes()),
        read_as=table.read_as,
    )


def _in_order(
    lines: Sequence[int], rows: Sequence[Sequence[Cell]], broken: Mapping[int, str]
) -> Iterator[tuple[int, Sequence[Cell] | None]]:
    """Yield (line, cells) in the file's order; cells are None for a broken row."""
    if not broken:
        yield from zip(lines, rows, strict=True)
        return
    found: dict[int, Sequence[Cell] | None] = dict(zip(lines, rows, strict=True))
    yield from sorted((found | dict.fromkeys(broken)).items())


def _chosen(
    given: str | None, choices: Sequence[str], mapping: Mapping[str, str]
) -> str | None:
    if given is None:
        return next((name for name in choices if name in mapping), None)
    if given not in METRICS or given not in mapping:
        known = ", ".join(name for name in METRICS if name in mapping) or "none"
        raise InputError(
            f"No column is mapped to the metric {given!r}; mapped: {known}."
        )
    return given
