"""Reads many lines at once if string operations prove that they are unambiguous.

The result has the same cells as reading row by row (`delimited`). If anything is in
doubt, nothing is read here and the lines are left to `delimited`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ig_assets.core.tabular.files.dialect import Header
from ig_assets.core.tabular.files.headers import is_header, known_names
from ig_assets.core.tabular.files.row_shape import RowShape

MAX_ROW_LINES = 2_000
"""Largest number of lines of a quoted cell; a longer one counts as never closed."""

MAX_CELL = 16 * 1024 * 1024

_PROOFS = 3
"""Number of columns of numbers that are tried before rows are checked one by one."""


class BulkRows(NamedTuple):
    """Rows that were read together.

    `begins` has the index of the line on which each row begins; `end` is the next line.
    Blank rows are empty lists. `is_data` is true if it is certain that no row is blank
    or a header.
    """

    begins: Sequence[int]
    rows: list[list[str]]
    end: int
    is_data: bool


class BulkReader:
    """Reads runs of lines that are unambiguous."""

    def __init__(
        self, header: Header, shape: RowShape, names: Sequence[str] | None = None
    ) -> None:
        """Prepare for reading rows below `header`.

        If `header` is a later one in the file, `names` are those of the file's first
        header.
        """
        names = header.names if names is None else names
        self._delimiter = header.delimiter
        self._width = len(header.names)
        self._shape = shape
        self._names = names
        self._known = known_names(names)
        self._blank = f"{header.delimiter} "
        self._proofs = [
            n
            for n, (name, typed) in enumerate(
                zip(header.names, header.typed, strict=True)
            )
            if typed and not name.isdigit()
        ]

    def read(self, lines: Sequence[str], begin: int, end: int) -> BulkRows | None:
        """Return the rows that begin on the lines `begin` to `end`; None if in doubt.

        The line `begin` must begin a row. The last row may continue after `end`.
        """
        delimiter = self._delimiter
        rows = [line.split(delimiter) for line in lines[begin:end]]
        begins: Sequence[int] = range(begin, end)
        quoted = [n for n in begins if '"' in lines[n]]
        if quoted:
            within: set[int] = set()
            texts: list[tuple[int, str]] = []
            for n, after, text, cells in self._quoted(lines, quoted):
                if after == n:
                    end = n
                    break
                if cells is None:
                    texts.append((n - begin, text))
                else:
                    rows[n - begin] = cells
                if after > n + 1:
                    within.update(range(n + 1, after))
                    end = max(end, after)
            if end == begin or not self._parse(texts, rows):
                return None
            if within or end < begin + len(rows):
                begins = [n for n in begins if n < end and n not in within]
                rows = [rows[n - begin] for n in begins]
        if {*map(len, rows)} == {self._width} and self._has_numbers(rows):
            return BulkRows(begins, rows, end, True)
        return self._one_by_one(lines, begins, rows, end)

    def _quoted(
        self, lines: Sequence[str], quoted: Sequence[int]
    ) -> Iterator[tuple[int, int, str, list[str] | None]]:
        """Yield (first line, line after, text, cells or None) of each row with quotes.

        A line with an odd number of quotes begins a row that ends on the next such
        line. The cells are None if more than one cell may be quoted. An ambiguous row
        ends the iteration; its first line equals the line after.
        """
        delimiter = self._delimiter
        after = 0
        for n in quoted:
            if n < after:
                continue
            text, after = lines[n], n + 1
            parts = text.split('"')
            if not len(parts) % 2:
                last = min(len(lines), n + MAX_ROW_LINES)
                while after < last and not lines[after].count('"') % 2:
                    after += 1
                after += 1
                if after > last or self._shape.has_row_within(lines[n:after]):
                    yield n, n, "", None
                    return
                text = "\n".join(lines[n:after])
                parts = text.split('"')
            if len(parts) == 3 and len(text) <= MAX_CELL:
                left, cell, right = parts
                if left[-1:] in ("", delimiter) and right[:1] in ("", delimiter):
                    cells = left.split(delimiter)
                    cells[-1] = cell
                    if right:
                        cells += right[1:].split(delimiter)
                    yield n, after, text, cells
                    continue
            if after > n + 1 and not self._shape.quoting.is_strict(text):
                yield n, n, "", None
                return
            yield n, after, text, None

    def _parse(self, texts: Sequence[tuple[int, str]], rows: list[list[str]]) -> bool:
        """Parse each text as one row; return False if a text is not exactly one row.

        `texts` are (index in `rows`, text); the cells are written to `rows`.
        """
        if not texts:
            return True
        lines = [text for _, text in texts]
        try:
            found = list(csv.reader(lines, delimiter=self._delimiter, strict=True))
        except csv.Error:
            return False
        # A quote that is left open would join a row with the next.
        if len(found) != len(lines):
            return False
        for (n, _), cells in zip(texts, found, strict=True):
            rows[n] = cells
        return True

    def _has_numbers(self, rows: Sequence[list[str]]) -> bool:
        """Return whether some column of numbers has only digits in every row.

        Then no row is blank, a header, or a fragment: these would have no number there.
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
        """Return the rows after checking each of them; None if one is in doubt.

        This is used if some rows are blank or headers, or if no column proves all rows
        at once.
        """
        rows = [
            row if lines[n].strip(self._blank) else []
            for n, row in zip(begins, rows, strict=True)
        ]
        if not {*map(len, rows)} <= {0, self._width}:
            return None
        if any(self._shape.is_fragment(row) for row in rows if row):
            return None
        if any(
            is_header(row, self._names, self._known)
            for row in rows
            if not self._known.isdisjoint(row)
        ):
            return None
        return BulkRows(begins, rows, end, False)
