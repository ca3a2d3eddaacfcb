"""Computes the cut-off of a month's training set."""

from __future__ import annotations

import re
from datetime import datetime

from ig_assets.errors import InputError


def month_cutoff(month: str) -> datetime:
    """Return the first instant after a month YYYY-MM. Raises InputError."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise InputError(f"{month!r} is not a month; write it as YYYY-MM.")
    year, number = int(month[:4]), int(month[5:])
    return datetime(year + number // 12, number % 12 + 1, 1)
