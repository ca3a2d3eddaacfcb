"""What exporters write where there is no value."""

from __future__ import annotations

import math
from decimal import Decimal

from ig_assets.core.tabular.table import Cell

# Written in any case; `None` and `<NA>` are what Python and pandas print.
_MARKS = frozenset(
    ("", "-", "--", "---", "\u2013", "\u2014", "n/a", "#n/a", "nan", "null", "\\n")
    + ("<na>", "none", "nil", "k. a.", "k.a.", "n/d", "s/d", "not available")
)
_EXCEL_ERRORS = frozenset(
    ("#name?", "#value!", "#ref!", "#div/0!", "#num!", "#null!", "#wert!", "#bezug!")
)


def is_missing(cell: Cell) -> bool:
    """Whether a cell holds no value: NULL, NaN, or a mark such as `N/A` or `--`."""
    if cell is None:
        return True
    if isinstance(cell, str):
        mark = cell.strip().casefold()
        return mark in _MARKS or mark in _EXCEL_ERRORS
    if isinstance(cell, float):
        return math.isnan(cell)
    return isinstance(cell, Decimal) and cell.is_nan()
