"""Defines the states of a ranker and the evidence that they need.

This module does not import SciPy, so that it loads fast.
"""

from __future__ import annotations

E_PROVEN = 20.0
"""E-value that makes a ranker proven; chance reaches it in at most 1 of 20 cases."""
E_LOST = 1000.0
"""E-value against a proven ranker's forecasts at which its proof is withdrawn.

If the forecasts are right, this happens at most once in 1,000 comparisons, on average.
"""
MIN_GROUPS = 25
"""Least number of groups from which a ranker is used."""

INSUFFICIENT, UNPROVEN, PROVEN = "insufficient", "unproven", "proven"


def counted(number: int, noun: str) -> str:
    """Return the number with its noun: '1 comparison', '2,914 comparisons'."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
