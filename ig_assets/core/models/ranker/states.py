"""The states of a ranker, and what they need; without SciPy, so that all may ask."""

from __future__ import annotations

E_PROVEN = 20.0
"""Evidence that makes a ranker proven: luck reaches it in at most 1 of 20 cases."""
E_LOST = 1000.0
"""Evidence against its forecasts that takes a proof back.

Where they are right this happens once in 1,000 comparisons or more seldom, on average.
"""
MIN_GROUPS = 25
"""Groups below which a ranker is not used."""

INSUFFICIENT, UNPROVEN, PROVEN = "insufficient", "unproven", "proven"


def counted(number: int, noun: str) -> str:
    """The number with its noun: '1 comparison', '2,914 comparisons'."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
