"""Numbers as vendors send them: JSON has no bound, and an SDK checks no type.

A whole number of 400 digits is no float, a table takes none of 20, and a count may come
as text, as `null` or as infinity.
"""

from __future__ import annotations

from typing import Any

TOO_LARGE = 1e15
"""Of a count, in its unit; a float holds all whole numbers below it."""


def finite(value: Any) -> float | None:
    """Return a number as a float; None for one that is too large, and for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < TOO_LARGE else None  # nor is NaN less


def finite_in(text: Any) -> float | None:
    """Return `finite` of a number, or of a text that is one."""
    if isinstance(text, str):
        try:
            return finite(float(text))
        except ValueError:
            return None
    return finite(text)


def count(value: Any) -> int | None:
    """Return a whole number from 0; None for all else."""
    number = finite(value)
    if number is None or number < 0 or number != int(number):
        return None
    return int(number)
