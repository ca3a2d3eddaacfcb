"""Reads CSV and TSV so that a broken row never changes the rows beside it.

Most of a file is read in runs of lines (`bulk_rows`), after cheap checks have proven
that every row of the run is unambiguous. Rows are examined one by one only around an
ambiguous line. Some lines are reported as problems here, although the readers of
Python, pandas and DuckDB would guess their meaning: a quote that is not closed
properly, a row wider or shorter than the header, a line that is only a part of a row.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence

from ig_assets.core.tabular.files.bulk_rows import MAX_CELL, MAX_ROW_LINES, BulkReader
from ig_assets.core.tabular.files.decoding import Content, blocks
from ig_assets.core.tabular.files.dialect import Header
from ig_assets.core.tabular.files.headers import is_header, known_names
from ig_assets.core.tabular.files.row_shape import RowShape
from ig_assets.core.tabular.table import BLANK, HEADING, Batch, RowProblem

MAX_ESCAPED_LINES = 50
"""Largest number of lines of a cell with backslash escapes."""

RUN = 1024
"""Number of lines that are read at once; fewer after a doubtful line.

The number is reduced to SHORT_RUN.
"""

SHORT_RUN = 8

OPEN_QUOTE = "A quote is opened and not closed as it should be."
FRAGMENT = "It is only a part of a row; put cells with line breaks in quotes."
UNFIT = (
    "Its columns of numbers and dates hold words: values in columns that are not "
    "theirs, or a part of a row; put cells with line breaks or commas in quotes."
)
OTHER_WIDTH = (
    "It is a second header with more or fewer columns than the first; save the rows "
    "below it as a file of their own."
)
BELOW_OTHER_WIDTH = (
    "It stands below a second header with more or fewer columns than the first."
)
NEAR_FRAGMENT = (
    "It may lack words, since the line beside it is only a part of a row; put cells "
    "with line breaks in quotes."
)


def delimited_batches(content: Content, header: Header) -> Iterator[Batch]:
    """Yield the rows after the header, in batches. Raises UnreadableTableError."""
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
    """Divides lines into rows, and holds back rows that later lines may still change.

    `_waiting` are the lines of an unfinished row. `_held` is the last complete row, as
    the following line may show that it was cut off.
    """

    def __init__(self, header: Header) -> None:
        self._first = header
        self._headers: set[int] = set()
        self._is_other_width = False
        self._known = known_names(header.names)
        self._width = len(header.names)
        self._delimiter = header.delimiter
        self._shape = RowShape(header)
        self._bulk = BulkReader(header, self._shape)
        self._waiting: list[str] = []
        self._held: tuple[list[int], list[list[str]]] = ([], [])
        self._after_fragment = False

    def read(self, lines: list[str], number: int) -> Batch:
        """Return the rows that are complete.

        `number` is the line number of `lines[0]`.
        """
        first = number - len(self._waiting)
        return self._rows(self._waiting + lines, first, last=False)

    def finish(self, number: int) -> Batch:
        """Return the remaining rows.

        `number` is the number of the line after the last.
        """
        return self._rows(self._waiting, number - len(self._waiting), last=True)

    def _rows(self, lines: list[str], first: int, last: bool) -> Batch:
        """Read unambiguous lines in runs, and other lines row by row."""
        numbers, rows = self._held
        self._held = ([], [])
        problems: list[RowProblem] = []
        only_data = all(map(any, rows))
        n, run = 0, RUN
        while n < len(lines):
            end = min(n + run, len(lines))
            is_slow = self._after_fragment or self._is_other_width
            bulk = None if is_slow else self._bulk.read(lines, n, end)
            if bulk is not None:
                numbers += [first + begin for begin in bulk.begins]
                rows += bulk.rows
                n, run = bulk.end, min(RUN, 4 * run)
                only_data = only_data and bulk.is_data
            elif end - n > SHORT_RUN and not is_slow:
                run = max(SHORT_RUN, (end - n) // 4)
            else:
                only_data = False
                end = min(n + SHORT_RUN, len(lines))
                n = self._row_by_row(
                    lines, n, end, first, last, (numbers, rows, problems)
                )
                if n < end:
                    break
        self._waiting = lines[n:]
        if not last:
            self._held = _last_row(numbers, rows, problems)
        if only_data:
            return Batch(numbers, rows, problems, headers=self._headers)
        return self._batch(numbers, rows, problems)

    def _row_by_row(
        self,
        lines: list[str],
        n: int,
        end: int,
        first: int,
        last: bool,
        found: tuple[list[int], list[list[str]], list[RowProblem]],
    ) -> int:
        """Append the rows that begin on the lines from `n` to `end` to `found`.

        Returns the index of the next line to read. It is less than `end` if a row needs
        lines that have not been read yet.
        """
        numbers, rows, problems = found
        while n < end:
            line, used = lines[n], 1
            if not line.strip(f"{self._delimiter} "):
                numbers.append(first + n)
                rows.append([])
                n += 1
                continue
            cells = self._shape.quoting.cells(line)
            if cells is None:
                joined = self._several_lines(lines, n, last)
                if joined is None:
                    break
                cells, used = joined
            if cells is None:
                escaped = self._escaped(lines, n, last)
                if escaped is None:
                    break
                cells, used = escaped
            if cells is not None and is_header(cells, self._first.names, self._known):
                self._after_fragment = False
                self._is_other_width = len(cells) != self._width
                if self._is_other_width:
                    problems.append(RowProblem(first + n, OTHER_WIDTH))
                else:
                    numbers.append(first + n)
                    rows.append(cells)
                    self._headers.add(first + n)
                    self._below(cells)
                n += used
                continue
            if self._is_other_width:
                problems.append(RowProblem(first + n, BELOW_OTHER_WIDTH))
                n += used
                continue
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
        return n

    def _below(self, names: Sequence[str]) -> None:
        """Check the following rows by a new header with another order of columns.

        The caller of the batches restores the order of the first header.
        """
        header = self._first
        kinds = dict(zip(header.names, header.typed, strict=True))
        same = names[0].strip() == header.names[0]
        header = header._replace(
            names=tuple(names),
            typed=tuple(kinds.get(name.strip(), False) for name in names),
            first_cell=header.first_cell if same else r"(?!)",
        )
        self._shape = RowShape(header)
        self._bulk = BulkReader(header, self._shape, self._first.names)

    def _problem(self, line: str, cells: Sequence[str] | None) -> str | None:
        """Return why these cells are not a row; None if they may be one."""
        if cells is None:
            return OPEN_QUOTE
        if len(cells) == self._width:
            return UNFIT if self._shape.is_fragment(cells) else None
        values = "1 value" if len(cells) == 1 else f"{len(cells)} values"
        return f"It has {values} and the header {self._width}."

    def _several_lines(
        self, lines: Sequence[str], n: int, last: bool
    ) -> tuple[list[str] | None, int] | None:
        """Return (cells, number of lines) of the row with an open quote on line `n`.

        (None, 1) if the quote is not closed properly; None if more lines are needed.
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

    def _escaped(
        self, lines: Sequence[str], n: int, last: bool
    ) -> tuple[list[str] | None, int] | None:
        """Return (cells, number of lines) of a row with backslash escapes on line `n`.

        (None, 1) if there is no such row; None if more lines are needed.
        """
        for end in range(n, min(len(lines), n + MAX_ESCAPED_LINES)):
            parts = lines[n : end + 1]
            cells = self._shape.quoting.escaped_cells("\n".join(parts))
            if cells is not None and len(cells) == self._width:
                fits = self._shape.fits(cells)
                is_doubtful = len(parts) > 1 and any(
                    map(self._shape.is_complete, parts)
                )
                return (cells, len(parts)) if fits and not is_doubtful else (None, 1)
        if last or len(lines) - n >= MAX_ESCAPED_LINES:
            return None, 1
        return None

    def _cut_before(
        self,
        numbers: list[int],
        rows: list[list[str]],
        problems: Sequence[RowProblem],
    ) -> list[RowProblem]:
        """Remove the row before a fragment if its last cell may have been cut off.

        Returns a list with the problem to report for that row; empty if no row was
        removed.
        """
        if not self._shape.may_be_cut():
            return []
        cut, _ = _last_row(numbers, rows, problems)
        return [RowProblem(number, NEAR_FRAGMENT) for number in cut]

    def _batch(
        self,
        numbers: Sequence[int],
        rows: Sequence[list[str]],
        problems: list[RowProblem],
    ) -> Batch:
        """Return a batch without the blank rows, which are counted as skipped."""
        skipped: Counter[str] = Counter()
        is_data = [any(row) for row in rows]
        if not all(is_data):
            skipped[BLANK] = is_data.count(False)
            numbers = [n for n, keep in zip(numbers, is_data, strict=True) if keep]
            rows = [row for row, keep in zip(rows, is_data, strict=True) if keep]
        return Batch(numbers, rows, problems, skipped, self._headers)


def _last_row(
    numbers: list[int], rows: list[list[str]], problems: Sequence[RowProblem]
) -> tuple[list[int], list[list[str]]]:
    """Remove and return the last non-blank row, unless a problem follows it."""
    at = len(rows) - 1
    while at >= 0 and not rows[at]:
        at -= 1
    if at < 0 or any(problem.line > numbers[at] for problem in problems):
        return [], []
    return [numbers.pop(at)], [rows.pop(at)]
