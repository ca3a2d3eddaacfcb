"""Counts as people and spreadsheets write them: whole numbers, or none at all."""

from __future__ import annotations

import re

# 1.234 is a thousand and more in half of the world's spreadsheets, and no whole number
# in the other half: it is refused. 12.0 is what pandas makes of 12 beside a gap.
_WHOLE = re.compile(r"[0-9]{1,15}(?:\.0{1,2})?")
_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]{1,14})?[eE]\+?[0-9]{1,2}")
MOST = 10**15


def whole_count(text: str) -> float:
    """A count of 0 or more; raises ValueError saying what it should be."""
    if _WHOLE.fullmatch(text):
        return float(text)
    if _SCIENTIFIC.fullmatch(text):
        number = float(text)
        if number <= MOST and number == int(number):
            return number
    raise ValueError("a whole number of 0 or more, without separators of thousands")
