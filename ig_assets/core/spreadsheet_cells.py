"""Values as cells of a CSV file that a spreadsheet opens: no cell is a formula."""

from __future__ import annotations

from typing import Any

# OWASP, "CSV Injection": also the wide signs, which spreadsheets take for the narrow.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def spreadsheet_cell(value: Any) -> Any:
    """A number or nothing as it is; text that begins a formula after an apostrophe."""
    if isinstance(value, (int, float)) or value is None:
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
