"""Write values as cells of a CSV file such that no cell is a formula."""

from __future__ import annotations

from typing import Any

# OWASP, "CSV Injection": also the wide signs, which spreadsheets take for the narrow.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def spreadsheet_cell(value: Any) -> Any:
    """Return a number or None unchanged, and other values as text.

    Text that a spreadsheet would read as a formula gets an apostrophe in front.
    """
    if isinstance(value, (int, float)) or value is None:
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
