"""Reads the sheet of an Excel workbook that holds a table, with typed cells.

The package python-calamine (extra `excel`) is imported only when it is used.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from ig_assets.core.tabular.columns.vocabulary import COUNT_NAMES, bare_name, plain_name
from ig_assets.core.tabular.files.decoding import Content
from ig_assets.core.tabular.files.dialect import HEADER_WITHIN
from ig_assets.core.tabular.files.headers import is_header, known_names
from ig_assets.core.tabular.files.workbook_cells import fill_merged, put_errors
from ig_assets.core.tabular.table import (
    BLANK,
    HEADING,
    Batch,
    Cell,
    UnreadableTableError,
)

EXACT_DIGITS = 10**15
"""Number from which Excel loses digits: it stores 15, and zeros after them."""


class Sheet(NamedTuple):
    """A sheet with its name, column names, the index of its header row, and all rows.

    `others` are the workbook's unread sheets with their numbers of rows. `filled_down`
    is the number of cells that got the value of the merged cell to which they belong.
    """

    name: str
    others: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    header: int
    rows: list[list[Any]]
    filled_down: int = 0


def read_sheet(content: Content, is_known: Callable[[str], bool]) -> Sheet:
    """Read the sheet whose header has the most names that `is_known` accepts.

    Of several such sheets the first is read. Raises UnreadableTableError.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise UnreadableTableError(
            "Excel files need one more package; install it with "
            "`pip install 'ig-assets[excel]'`, or save the file as CSV UTF-8",
            "missing package",
        ) from None
    try:
        source = io.BytesIO(content) if isinstance(content, bytes) else str(content)
        book = CalamineWorkbook.from_object(source)
        names = [
            sheet.name
            for sheet in book.sheets_metadata
            if "visible" in str(sheet.visible).lower()
        ]
        opened = {name: book.get_sheet_by_name(name) for name in names}
        opened = opened or {n: book.get_sheet_by_name(n) for n in book.sheet_names}
        sheets = [
            (name, sheet.to_python(skip_empty_area=False))
            for name, sheet in opened.items()
        ]
        merged = {
            name: list(sheet.merged_cell_ranges or ()) for name, sheet in opened.items()
        }
    except (CalamineError, OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise UnreadableTableError(
            "it cannot be read as an Excel workbook; is it complete, and without a "
            "password?"
        ) from None
    found = [(_header(rows, is_known), name, rows) for name, rows in sheets]
    filled = [(at, name, rows) for at, name, rows in found if at is not None]
    if not filled:
        raise UnreadableTableError("it is empty", "empty")
    (header, _), name, rows = max(filled, key=lambda choice: choice[0][1])
    put_errors(rows, content, name)
    filled_down = fill_merged(rows, merged[name], header, _is_count)
    columns = [_name(value) for value in rows[header]]
    while columns and not columns[-1] and not any(_filled(r, columns) for r in rows):
        columns.pop()
    others = [
        (other, sum(any(map(_name, row)) for row in lines[begin + 1 :]))
        for (begin, _), other, lines in filled
        if other != name
    ]
    return Sheet(name, tuple(others), tuple(columns), header, rows, filled_down)


def sheet_batches(sheet: Sheet) -> Iterator[Batch]:
    """Yield the rows after the header, numbered as in Excel.

    The numbers of later headers are in `Batch.headers`.
    """
    titles = sheet.rows[: sheet.header]
    blanks = sum(not any(map(_name, row)) for row in titles)
    skipped = Counter({HEADING: len(titles) - blanks, BLANK: blanks})
    numbers: list[int] = []
    rows: list[Sequence[Cell]] = []
    width = len(sheet.columns)
    known = known_names(sheet.columns)
    headers: set[int] = set()
    for number, row in enumerate(sheet.rows[sheet.header + 1 :], sheet.header + 2):
        if not any(map(_name, row)):
            skipped[BLANK] += 1
        else:
            numbers.append(number)
            rows.append([_cell(value) for value in row[:width]])
            if is_header(rows[-1], sheet.columns, known):
                headers.add(number)
    yield Batch(numbers, rows, [], skipped, headers)


def _is_count(column: str) -> bool:
    name = plain_name(column)
    return name in COUNT_NAMES or bare_name(name) in COUNT_NAMES


def _header(
    rows: Sequence[Sequence[Any]], is_known: Callable[[str], bool]
) -> tuple[int, int] | None:
    """Return (index of the header row, number of its known names); None if empty."""
    filled = [
        (n, sum(is_known(_name(value)) for value in rows[n]))
        for n in range(min(len(rows), HEADER_WITHIN))
        if any(map(_name, rows[n]))
    ]
    if not filled:
        return None
    at = next((i for i, (_, known) in enumerate(filled) if known >= 2), 0)
    if any(known for _, known in filled[:at]):
        at = 0
    return filled[at]


def _filled(row: Sequence[Any], columns: Sequence[str]) -> bool:
    return len(row) >= len(columns) and bool(_name(row[len(columns) - 1]))


def _name(value: object) -> str:
    return "" if value is None else str(value).strip()


def _cell(value: Any) -> Cell:
    if isinstance(value, float) and value == int(value) and abs(value) < EXACT_DIGITS:
        return int(value)
    if value == "" or value is None:
        return None
    if isinstance(value, (str, bool, int, float, datetime, date)):
        return value
    return str(value)
