"""Defines the types of a table: named columns, batches of rows with typed cells.

Every physical row is in exactly one place: among the rows of a batch, among its
problems, or in a count of skipped rows. Every reader guarantees that the three add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

BLANK = "blank"
HEADING = "heading"
TOTALS = "totals"


@dataclass(frozen=True)
class Nested:
    """A cell that holds an object or a list; it is never converted to text."""

    value: object


Cell = str | bool | int | float | Decimal | datetime | date | Nested | None
"""The value of a cell; None means no value.

CSV has only texts; JSON, Parquet and spreadsheets have types. A datetime is naive if
the file names no zone, else aware.
"""


class UnreadableTableError(ValueError):
    """Raised if a file cannot be read as a table; the message is a clause.

    `line` is the line of the problem, or 0. `kind` is one of "empty", "encoding",
    "binary", "broken", "unknown kind", "missing package".
    """

    def __init__(self, sentence: str, kind: str = "broken", line: int = 0) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.line = line


class RowProblem(NamedTuple):
    """A rejected row: the line on which it begins, and a sentence that says why."""

    line: int
    detail: str


@dataclass
class Batch:
    """A part of a table: `rows[n]` begins on line `lines[n]` of the file.

    Lines are counted from 1 and include the header; in Parquet, a JSON array and a
    spreadsheet they are row numbers. `skipped` is the number of rows without data by
    kind (`BLANK`, `HEADING`, …); `problems` are the rows that cannot be read.
    """

    lines: Sequence[int] = ()
    rows: Sequence[Sequence[Cell]] = ()
    problems: list[RowProblem] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    headers: Set[int] = frozenset()
    """Lines of rows that are headers; some of these lines may be in other batches."""

    def in_order(self) -> Iterator[tuple[int, Sequence[Cell] | str]]:
        """Yield (line, cells or the sentence of a problem), in the file's order."""
        rows: dict[int, Sequence[Cell] | str] = dict(
            zip(self.lines, self.rows, strict=True)
        )
        yield from sorted((rows | dict(self.problems)).items(), key=itemgetter(0))


@dataclass(frozen=True)
class Table:
    """A file that can be read repeatedly, in batches of bounded size.

    `columns` are the names in its header, as written. `read_as` describes for a person
    how the file was read, such as "CSV with semicolons, UTF-16". `has_header` is true
    if the line numbers include the header.
    """

    name: str
    columns: tuple[str, ...]
    read_as: str
    has_header: bool
    _read: Callable[[], Iterator[Batch]]
    unread_sheets: tuple[tuple[str, int], ...] = ()
    """The workbook's other sheets, as (name, number of rows with data)."""
    times: Mapping[str, str] = field(default_factory=dict)
    """{column of days: the column of times that was joined with it}."""
    hidden: Mapping[str, int] = field(default_factory=dict)
    """{metric: number of hidden counts that were left out at the last reading}."""

    @property
    def not_read(self) -> str:
        """A sentence that names the sheets that are not read; "" if there are none."""
        if not self.unread_sheets:
            return ""
        named = ", ".join(
            f"{name!r} ({rows:,} {'row' if rows == 1 else 'rows'})"
            for name, rows in self.unread_sheets
        )
        noun, verb = (
            ("Sheet", "is") if len(self.unread_sheets) == 1 else ("Sheets", "are")
        )
        return (
            f"{noun} {named} {verb} not read; save what you need as a file of its own."
        )

    def batches(self) -> Iterator[Batch]:
        """Read the table from its beginning.

        Raises UnreadableTableError at any point.
        """
        return self._read()
