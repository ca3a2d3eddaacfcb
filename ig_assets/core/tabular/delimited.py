"""Reads CSV and TSV row by row: a spoilt row never changes its neighbours.

Most of a file is read in blocks, by the standard library's reader, once a cheap check
has shown that every row of the block has one reading. Only the rows of other blocks
are looked at one by one. What Python's, pandas' and DuckDB's readers would take with
a guess is a problem here: a quote that is not closed where it should be, a row that is
wider or shorter than the header, a line that is only a part of a row.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence

from ig_assets.core.tabular.decoding import Content, blocks
from ig_assets.core.tabular.dialect import Header
from ig_assets.core.tabular.row_shape import RowShape
from ig_assets.core.tabular.table import BLANK, HEADING, Batch, RowProblem

MAX_ROW_LINES = 2_000
"""A quoted cell has at most so many lines; beyond that its quote counts as open."""

MAX_ESCAPED_LINES = 50
"""The same of a cell whose quotes are escaped by backslashes."""

MAX_CELL = 16 * 1024 * 1024

OPEN_QUOTE = "A quote is opened and not closed as it should be."
FRAGMENT = "It is only a part of a row; put cells with line breaks in quotes."
NEAR_FRAGMENT = (
    "It may lack words, since the line beside it is only a part of a row; put cells "
    "with line breaks in quotes."
)


def delimited_batches(content: Content, header: Header) -> Iterator[Batch]:
    """The rows after the header. Raises UnreadableTableError."""
    # The limit is the process's; a longer cell would raise where it is read.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
    yield Batch(skipped=Counter({HEADING: header.headings, BLANK: header.blanks}))
    rows = _Rows(header)
    number = 1
    for lines in blocks(content):
        skipped = max(0, min(header.first - number, len(lines)))
        yield rows.read(lines[skipped:], number + skipped)
        number += len(lines)
    yield rows.finish(number)


class _Rows:
    """Cuts lines into rows, and keeps back what the next lines may still change.

    `_waiting` are lines of a row that goes on, `_held` is the last complete row: a
    line that follows may show that it was cut.
    """

    def __init__(self, header: Header) -> None:
        self._names = list(header.names)
        self._width = len(header.names)
        self._delimiter = header.delimiter
        self._shape = RowShape(header)
        self._waiting: list[str] = []
        self._held: tuple[list[int], list[list[str]]] = ([], [])
        self._after_fragment = False

    def read(self, lines: list[str], number: int) -> Batch:
        """The rows that are complete; `number` is the line of `lines[0]`."""
        first = number - len(self._waiting)
        lines = self._waiting + lines
        end = self._end_of_rows(lines)
        batch = None
        if end and not self._after_fragment:
            batch = self._block(lines[:end], first)
            self._waiting = lines[end:]
        if batch is None:
            batch = self._row_by_row(lines, first, last=False)
        if batch.rows and all(p.line < batch.lines[-1] for p in batch.problems):
            self._held = ([batch.lines[-1]], [list(map(str, batch.rows[-1]))])
            batch.lines, batch.rows = batch.lines[:-1], batch.rows[:-1]
        return batch

    def finish(self, number: int) -> Batch:
        """The rows that are left; `number` is the line after the file's last."""
        return self._row_by_row(self._waiting, number - len(self._waiting), last=True)

    @staticmethod
    def _end_of_rows(lines: Sequence[str]) -> int:
        """Where the last row ends whose quotes are closed."""
        end = len(lines)
        is_open = "\n".join(lines).count('"') % 2
        while is_open:
            end -= 1
            is_open ^= lines[end].count('"') % 2
        return end

    def _block(self, lines: list[str], first: int) -> Batch | None:
        """The rows of a block in which each has one reading, else None."""
        width, delimiter = self._width, self._delimiter
        text = "\n".join(lines)
        if '"' not in text:
            if any(line.count(delimiter) != width - 1 for line in lines if line):
                return None
            rows = [line.split(delimiter) if line else [] for line in lines]
        else:
            try:
                source = io.StringIO(text, newline="\n")
                rows = list(csv.reader(source, delimiter=delimiter, strict=True))
            except csv.Error:
                return None
            if not {*map(len, rows)} <= {0, width}:
                return None
        if self._shape.has_fragments(rows):
            return None
        numbers: Sequence[int] = range(first, first + len(lines))
        if len(rows) < len(lines):
            found = self._first_lines(lines, first)
            if found is None or len(found) != len(rows):
                return None
            numbers = found
        return self._batch(numbers, rows, [])

    def _first_lines(self, lines: list[str], first: int) -> list[int] | None:
        """The first line of each row, None where a row of several lines is doubtful."""
        odd = [n for n, line in enumerate(lines) if line.count('"') % 2]
        within: set[int] = set()
        for begin, end in zip(odd[::2], odd[1::2], strict=True):
            if not self._shape.is_one_row(lines[begin : end + 1]):
                return None
            within.update(range(begin + 1, end + 1))
        return [first + n for n in range(len(lines)) if n not in within]

    def _row_by_row(self, lines: list[str], first: int, last: bool) -> Batch:
        numbers, rows = self._held
        self._held = ([], [])
        problems: list[RowProblem] = []
        n = 0
        while n < len(lines):
            line, used = lines[n], 1
            if not line.strip(f"{self._delimiter} "):
                numbers.append(first + n)
                rows.append([])
                n += 1
                continue
            cells = self._shape.quoting.cells(line)
            if cells is None:
                found = self._several_lines(lines, n, last)
                if found is None:
                    break
                cells, used = found
            if cells is None:
                cells, used = self._escaped(lines, n)
            detail = self._problem(line, cells)
            if self._shape.is_fragment(
                line.replace('"', "") if cells is None else cells
            ):
                problems += self._cut_before(numbers, rows, problems)
                self._after_fragment = True
            else:
                if detail is None and cells and self._after_fragment:
                    may_end = self._shape.may_end_a_row(cells[0])
                    detail = NEAR_FRAGMENT if may_end else None
                self._after_fragment = False
            if detail is None and cells is not None:
                numbers.append(first + n)
                rows.append(cells)
            else:
                problems.append(RowProblem(first + n, detail or FRAGMENT))
            n += used
        self._waiting = lines[n:]
        return self._batch(numbers, rows, problems, with_held=False)

    def _problem(self, line: str, cells: Sequence[str] | None) -> str | None:
        """Why these cells are no row; None where they may be one."""
        if cells is None:
            return OPEN_QUOTE
        if len(cells) == self._width:
            return FRAGMENT if self._shape.is_fragment(cells) else None
        values = "1 value" if len(cells) == 1 else f"{len(cells)} values"
        return f"It has {values} and the header {self._width}."

    def _several_lines(
        self, lines: Sequence[str], n: int, last: bool
    ) -> tuple[list[str] | None, int] | None:
        """The row that begins on line `n` with an open quote, and its lines.

        (None, 1) where the quote is not closed as it should be; None where more lines
        must be read to know.
        """
        for end in range(n + 1, min(len(lines), n + MAX_ROW_LINES)):
            if '"' not in lines[end]:
                continue
            parts = lines[n : end + 1]
            text = "\n".join(parts)
            cells = self._shape.quoting.cells(text)
            if cells is not None:
                is_row = len(cells) == self._width and self._shape.is_one_row(parts)
                return (cells, len(parts)) if is_row else (None, 1)
            if not self._shape.quoting.goes_on(text):
                return None, 1
        if last or len(lines) - n >= MAX_ROW_LINES:
            return None, 1
        return None

    def _escaped(self, lines: Sequence[str], n: int) -> tuple[list[str] | None, int]:
        """The row from line `n` on that escapes by backslashes, else (None, 1)."""
        for end in range(n, min(len(lines), n + MAX_ESCAPED_LINES)):
            parts = lines[n : end + 1]
            cells = self._shape.quoting.escaped_cells("\n".join(parts))
            if cells is not None and len(cells) == self._width:
                fits = self._shape.fits(cells)
                is_doubtful = len(parts) > 1 and any(
                    map(self._shape.is_complete, parts)
                )
                return (cells, len(parts)) if fits and not is_doubtful else (None, 1)
        return None, 1

    def _cut_before(
        self,
        numbers: list[int],
        rows: list[list[str]],
        problems: Sequence[RowProblem],
    ) -> list[RowProblem]:
        """Take out the row before a fragment where its last cell may have been cut."""
        at = len(rows) - 1
        while at >= 0 and not rows[at]:
            at -= 1
        if (
            at < 0
            or not self._shape.may_be_cut()
            or any(p.line > numbers[at] for p in problems)
        ):
            return []
        number = numbers.pop(at)
        del rows[at]
        return [RowProblem(number, NEAR_FRAGMENT)]

    def _batch(
        self,
        numbers: Sequence[int],
        rows: Sequence[list[str]],
        problems: list[RowProblem],
        with_held: bool = True,
    ) -> Batch:
        """A batch without blank rows and repeated headers, which are counted."""
        if with_held and self._held[0]:
            numbers, rows = [*self._held[0], *numbers], [*self._held[1], *rows]
            self._held = ([], [])
        names = self._names
        skipped: Counter[str] = Counter()
        if names in rows or not all(map(any, rows)):
            is_data = [any(row) and row != names for row in rows]
            headings = sum(row == names for row in rows)
            skipped = Counter(
                {HEADING: headings, BLANK: is_data.count(False) - headings}
            )
            numbers = [n for n, keep in zip(numbers, is_data, strict=True) if keep]
            rows = [row for row, keep in zip(rows, is_data, strict=True) if keep]
        return Batch(numbers, rows, problems, skipped)
