"""Takes many lines at once where string operations prove that each row has one reading.

What is proven here is what the careful reading of `delimited` would give, cell by cell;
where anything is in doubt, nothing is taken and the lines are left to it.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import NamedTuple

from ig_assets.core.tabular.dialect import Header
from ig_assets.core.tabular.row_shape import RowShape

MAX_ROW_LINES = 2_000
"""A quoted cell has at most so many lines; beyond that its quote counts as open."""

_PROOFS = 3
"""So many columns of numbers are tried before each row is looked at."""


class BulkRows(NamedTuple):
    """Rows and the index of the line on which each begins; `end` is the line after.

    Blank rows are empty. `is_data` is True where no row is blank or a header.
    """

    begins: Sequence[int]
    rows: list[list[str]]
    end: int
    is_data: bool


class BulkReader:
    """Reads runs of lines in which nothing is doubtful."""

    def __init__(self, header: Header, shape: RowShape) -> None:
        self._delimiter = header.delimiter
        self._width = len(header.names)
        self._shape = shape
        self._blank = f"{header.delimiter} "
        self._proofs = [
            n
            for n, (name, typed) in enumerate(
                zip(header.names, header.typed, strict=True)
            )
            if typed and not name.isdigit()
        ]

    def read(self, lines: Sequence[str], begin: int, end: int) -> BulkRows | None:
        """The rows that begin on the lines from `begin` to `end`; None in doubt.

        The last row may end behind `end`. The line `begin` must begin a row.
        """
        delimiter = self._delimiter
        rows = [line.split(delimiter) for line in lines[begin:end]]
        begins: Sequence[int] = range(begin, end)
        quoted = [n for n in begins if '"' in lines[n]]
        if quoted:
            texts, end = self._texts(lines, quoted, end)
            if end == begin:
                return None
            found = self._cells([text for _, text, _ in texts])
            if found is None:
                return None
            within: set[int] = set()
            for (n, _, after), cells in zip(texts, found, strict=True):
                rows[n - begin] = cells
                if after > n + 1:
                    within.update(range(n + 1, after))
            if within or end < begin + len(rows):
                begins = [n for n in begins if n < end and n not in within]
                rows = [rows[n - begin] for n in begins]
        if {*map(len, rows)} == {self._width} and self._has_numbers(rows):
            return BulkRows(begins, rows, end, True)
        return self._one_by_one(lines, begins, rows, end)

    def _texts(
        self, lines: Sequence[str], quoted: Sequence[int], end: int
    ) -> tuple[list[tuple[int, str, int]], int]:
        """First line, text and following line of each row with quotes; and the end.

        A line with an odd number of quotes begins a row that ends on the next such.
        The end is before `end` where a row follows that is doubtful, and behind it
        where the last row goes on.
        """
        texts: list[tuple[int, str, int]] = []
        after = 0
        for n in quoted:
            if n < after:
                continue
            text, after = lines[n], n + 1
            if text.count('"') % 2:
                last = min(len(lines), n + MAX_ROW_LINES)
                while after < last and not lines[after].count('"') % 2:
                    after += 1
                after += 1
                if after > last or not self._shape.is_one_row(lines[n:after]):
                    return texts, n
                text = "\n".join(lines[n:after])
            texts.append((n, text, after))
        return texts, max(end, after)

    def _cells(self, texts: Sequence[str]) -> list[list[str]] | None:
        """The cells of rows with quotes; None where one of them is not just one row."""
        try:
            rows = list(csv.reader(texts, delimiter=self._delimiter, strict=True))
        except csv.Error:
            return None
        # A quote that is left open would join a row with the next.
        return rows if len(rows) == len(texts) else None

    def _has_numbers(self, rows: Sequence[list[str]]) -> bool:
        """Whether one column of numbers has digits, and only digits, in every row.

        Then no row is blank, a header, or a part of one: these have none there.
        """
        for at, column in enumerate(self._proofs[:_PROOFS]):
            cells = [row[column] for row in rows]
            text = "".join(cells)
            if text.isascii() and text.isdigit() and "" not in cells:
                if at:
                    self._proofs.insert(0, self._proofs.pop(at))
                return True
        return False

    def _one_by_one(
        self,
        lines: Sequence[str],
        begins: Sequence[int],
        rows: list[list[str]],
        end: int,
    ) -> BulkRows | None:
        """The same where some rows are blank, or headers, or have no plain numbers."""
        rows = [
            row if lines[n].strip(self._blank) else []
            for n, row in zip(begins, rows, strict=True)
        ]
        if not {*map(len, rows)} <= {0, self._width}:
            return None
        if any(self._shape.is_fragment(row) for row in rows if row):
            return None
        return BulkRows(begins, rows, end, False)
