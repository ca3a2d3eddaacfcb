"""Reads cells as plain words: ids, labels and texts."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from ig_assets.core.tabular.cells.missing import is_missing
from ig_assets.core.tabular.table import Cell, Nested


class NestedCellError(ValueError):
    """Raised if a cell has an object or a list, which is never converted to text."""


def text_of(cell: Cell) -> str:
    """Return the cell as text without surrounding blanks; "" if it has no value.

    A whole number is written without a decimal point, even if Parquet declares the
    number as DECIMAL. Raises NestedCellError.
    """
    if is_missing(cell):
        return ""
    if isinstance(cell, Nested):
        raise NestedCellError("it is an object or a list, not a text")
    if isinstance(cell, (datetime, date)):
        return cell.isoformat()
    if isinstance(cell, Decimal) and cell == cell.to_integral_value():
        return str(int(cell))
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell).strip()
