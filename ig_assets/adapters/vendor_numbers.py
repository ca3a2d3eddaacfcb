"""Reads numbers from vendors' answers, in which they may have any type and size.

JSON does not limit numbers and the SDKs check no types: a number may be too large for a
float or for a table's column, and a count may be a text, `null` or infinite.
"""

from __future__ import annotations

from typing import Any

TOO_LARGE = 1e15
"""Numbers of this size or more are rejected.

A float holds every smaller whole number exactly.
"""


def finite(value: Any) -> float | None:
    """Return a number as a float; None if it is too large, NaN, or no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < TOO_LARGE else None  # nor is NaN less


def finite_in(text: Any) -> float | None:
    """Return a number, or a number in a text, as a float; None for anything else."""
    if isinstance(text, str):
        try:
            return finite(float(text))
        except ValueError:
            return None
    return finite(text)


def count(value: Any) -> int | None:
    """Return a whole number of 0 or more; None for anything else."""
    number = finite(value)
    if number is None or number < 0 or number != int(number):
        return None
    return int(number)
