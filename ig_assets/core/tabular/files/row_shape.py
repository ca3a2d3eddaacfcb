"""Decides whether lines and cells can be a row, a part of one, or several rows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ig_assets.core.tabular.files.dialect import Header, Quoting, is_typed, is_unset


class RowShape:
    """The expected form of the rows under a header."""

    def __init__(self, header: Header) -> None:
        self.quoting = Quoting(header.delimiter)
        self._delimiter = header.delimiter
        self._names = list(header.names)
        self._width = len(header.names)
        self._typed = header.typed
        self._first_cell = re.compile(header.first_cell)

    def may_end_a_row(self, first: str) -> bool:
        """Return whether a row's first cell may be the end of a cut-off row."""
        return not self._typed[0] and not self._first_cell.fullmatch(first)

    def may_be_cut(self) -> bool:
        """Return whether an unquoted line break may divide the last cell of a row.

        It may unless the last column has numbers or dates.
        """
        return not self._typed[-1]

    def fits(self, cells: Sequence[str]) -> bool:
        """Return whether the cells fit the columns of numbers and dates.

        They fit if every filled cell in such a column is a number or a date, and at
        least one is filled. True if the header has no such column.
        """
        return not any(self._typed) or self._fits(cells)

    def is_one_row(self, lines: Sequence[str]) -> bool:
        """Return whether lines that a quoted cell joins are certainly one row."""
        return not self.has_row_within(lines) and self.quoting.is_strict(
            "\n".join(lines)
        )

    def has_row_within(self, lines: Sequence[str]) -> bool:
        """Return whether lines that a quoted cell joins look like several rows.

        They do if an inner line is a complete row by itself. They also do if both the
        first and the last line are complete rows, since a quote before the lines was
        then left open.
        """
        if any(map(self.is_complete, lines[1:-1])):
            return True
        return self.is_complete(lines[0]) and self.is_complete(lines[-1])

    def is_complete(self, line: str) -> bool:
        """Return whether a line, ignoring its quotes, is a complete row by itself."""
        if line.count(self._delimiter) < self._width - 1 or not any(self._typed):
            return False
        cells = self.quoting.cells(line.replace('"', ""))
        return cells is not None and len(cells) == self._width and self._fits(cells)

    def _fits(self, cells: Sequence[str]) -> bool:
        """Return whether the filled number and date cells fit; False without any."""
        pairs = zip(cells, self._typed, strict=True)
        typed = [cell for cell, typed in pairs if typed and not is_unset(cell)]
        return bool(typed) and all(map(is_typed, typed))

    def is_fragment(self, cells: Sequence[str] | str) -> bool:
        """Return whether a line is a part of a row that an unquoted line break cut off.

        It is a part if it has a single cell that does not look like the first column's,
        or if no cell in a column of numbers or dates fits that column.
        """
        if isinstance(cells, str):
            cells = cells.split(self._delimiter)
        if self._width == 1 or len(cells) > self._width:
            return False
        if len(cells) == 1 and self._first_cell.fullmatch(cells[0]):
            return False
        if len(cells) == 1:
            return True
        pairs = zip(cells, self._typed, strict=False)
        typed = [cell for cell, typed in pairs if typed and not is_unset(cell)]
        needed = 2 if len(cells) == self._width else 1
        return (
            len(typed) >= needed
            and not any(map(is_typed, typed))
            and list(cells) != self._names
        )
