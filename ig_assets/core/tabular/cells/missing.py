"""Recognises the marks by which exporters say that a cell has no value."""

from __future__ import annotations

import math
from decimal import Decimal

from ig_assets.core.tabular.table import Cell

# Written in any case; `None` and `<NA>` are what Python and pandas print.
_MARKS = frozenset(
    ("", "-", "--", "---", "\u2013", "\u2014", "n/a", "nan", "null", "\\n")
    + ("<na>", "none", "nil", "k. a.", "k.a.", "n/d", "s/d", "not available")
)
# The errors of formulas as spreadsheets in six languages show them.
_SHEET_ERRORS = frozenset(
    "#n/a #n/d #nv #ref! #value! #div/0! #name? #num! #null! #error! #spill! #calc! "
    "#field! #blocked! #connect! #unknown! #getting_data #bezug! #wert! #zahl! "
    "#fehler! #\u00fcberlauf! #valeur! #nom? #nombre! #nul! #erreur! #\u00a1ref! "
    "#\u00a1valor! #valor! #\u00a1div/0! #\u00bfnombre? #nombre? #\u00a1num! "
    "#\u00a1nulo! "
    "#nome? #n\u00fam! #nulo! #valore! #rif! #nullo! #errore! #erro!".split()
)


def is_missing(cell: Cell) -> bool:
    """Return whether a cell has no value: NULL, NaN, or a mark such as `N/A`."""
    if cell is None:
        return True
    if isinstance(cell, str):
        mark = cell.strip().casefold()
        return mark in _MARKS or mark in _SHEET_ERRORS
    if isinstance(cell, float):
        return math.isnan(cell)
    return isinstance(cell, Decimal) and cell.is_nan()


def is_no_figure(cell: Cell) -> bool:
    """Return whether a cell in a column of counts or dates has no value.

    Here R's `NA` also means no value; in a column of labels, `NA` may be North America.
    """
    return is_missing(cell) or (isinstance(cell, str) and cell.strip() == "NA")


def sheet_error(cell: Cell) -> str:
    """Return the spreadsheet error (such as `#REF!`) in a cell, or ""."""
    if not isinstance(cell, str) or "#" not in cell:
        return ""
    mark = cell.strip()
    return mark.upper() if mark.casefold() in _SHEET_ERRORS else ""
