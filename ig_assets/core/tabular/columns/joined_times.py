"""Joins a column of days with its column of times: `Date` and `Time`.

Without this, each day would begin at midnight, and an evening post would count as one
of the morning.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from ig_assets.core.tabular.cells.clock_times import NotAnInstantError, is_time
from ig_assets.core.tabular.cells.instants import ORDERS, parse_cell_instant
from ig_assets.core.tabular.cells.missing import is_missing
from ig_assets.core.tabular.columns.profile import SAMPLE_ROWS
from ig_assets.core.tabular.columns.vocabulary import NAMES, plain_name
from ig_assets.core.tabular.table import Batch, Cell, Table

_TIMES = frozenset(NAMES["time"])
_DAYS = frozenset(
    (*NAMES["day"], *NAMES["published_at"], *NAMES["read_at"], "as_of", "posted_on")
)
_KIND = re.compile(
    r"date|datum|data|fecha|day|tag|jour|dia|giorno|on|at|time|uhrzeit|zeit|heure|hora"
    r"|horario|orario|ora"
)
_HAS_TIME = re.compile(r"[0-9](?::|h)[0-9]{2}")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_MOST = 0.5


def with_times(table: Table, kept: Collection[str] = ()) -> Table:
    """Return the table with days and times joined in the column of days.

    The column of times is removed. If a person has mapped a column of times (`kept`),
    the table is returned unchanged. Raises UnreadableTableError.
    """
    named = [n for n, name in enumerate(table.columns) if _is_named(name, _TIMES)]
    if not named or any(table.columns[n] in kept for n in named):
        return table
    rows = (row for batch in table.batches() for row in batch.rows)
    pairs = _pairs(table.columns, named, list(itertools.islice(rows, SAMPLE_ROWS)))
    if not pairs:
        return table
    gone = set(pairs.values())
    names = [name for n, name in enumerate(table.columns) if n not in gone]
    times = {table.columns[day]: table.columns[at] for day, at in pairs.items()}
    said = ", ".join(f"{at!r} joined to {day!r}" for day, at in times.items())
    return replace(
        table,
        columns=tuple(names),
        read_as=f"{table.read_as}, {said}",
        times=times,
        _read=lambda: _joined(table.batches(), pairs),
    )


def _pairs(
    columns: Sequence[str], named: Sequence[int], sample: Sequence[Sequence[Cell]]
) -> dict[int, int]:
    """Return {position of a column of days: position of its column of times}.

    Columns are paired by name, else if they are adjacent, else if they are the only
    ones.
    """
    times = [n for n in named if _mostly(sample, n, _is_time)]
    days = [
        n
        for n, name in enumerate(columns)
        if n not in times and _is_named(name, _DAYS) and _mostly(sample, n, _is_day)
    ]
    pairs: dict[int, int] = {}
    for at in times:
        alike = [n for n in days if _stem(columns[n]) == _stem(columns[at])]
        beside = [n for n in days if abs(n - at) == 1]
        alone = days if len(days) == len(times) == 1 else []
        found = next((few for few in (alike, beside, alone) if len(few) == 1), [])
        if found and found[0] not in pairs:
            pairs[found[0]] = at
    return pairs


def _joined(batches: Iterator[Batch], pairs: dict[int, int]) -> Iterator[Batch]:
    gone = set(pairs.values())
    for batch in batches:
        batch.rows = [
            [
                _with_time(cell, row[pairs[n]]) if n in pairs else cell
                for n, cell in enumerate(row)
                if n not in gone
            ]
            for row in batch.rows
        ]
        yield batch


def _with_time(day: Cell, at: Cell) -> Cell:
    """Join a day and a time into one text; without a time, return the day."""
    if is_missing(day) or is_missing(at):
        return day
    if isinstance(day, date):
        if isinstance(day, datetime) and day.time() != time():
            return day
        text = f"{day:%Y-%m-%d}"
    else:
        text = str(day).strip()
        if _HAS_TIME.search(text):
            return day
        text = _COMPACT.sub(r"\1-\2-\3", text) if _COMPACT.fullmatch(text) else text
    return f"{text} {_time_text(at)}"


def _time_text(at: Cell) -> str:
    if isinstance(at, datetime):
        return f"{at:%H:%M:%S}"
    if isinstance(at, float):  # Excel's fraction of a day
        return str(timedelta(seconds=round(at * 86_400)))
    return str(at).strip()


def _is_time(cell: Cell) -> bool:
    """Return whether a cell is written like a time of day, even an invalid one."""
    if isinstance(cell, datetime):
        return cell.year < 1901  # Excel's time without a day
    if isinstance(cell, float):
        return 0 <= cell < 1
    text = str(cell).casefold()
    return is_time(text) and not text.strip().isdigit()


def _is_day(cell: Cell) -> bool:
    if isinstance(cell, datetime):
        return cell.time() == time()
    for order in ORDERS:
        try:
            found = parse_cell_instant(cell, order)
        except NotAnInstantError:
            continue
        return found is not None and not found.has_time
    return False


def _mostly(
    sample: Sequence[Sequence[Cell]], n: int, check: Callable[[Cell], bool]
) -> bool:
    filled = [row[n] for row in sample if not is_missing(row[n])]
    return bool(filled) and sum(map(check, filled)) >= _MOST * len(filled)


def _is_named(column: str, known: Collection[str]) -> bool:
    return plain_name(column) in known


def _stem(column: str) -> str:
    words = plain_name(column).split("_")
    return " ".join(word for word in words if not _KIND.fullmatch(word))
