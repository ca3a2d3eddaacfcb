"""Rejects readings dated in the future, and drops future dates of publication.

A reading with a future date would stay the latest reading until that date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ig_assets.core.corpus.history_import.reading.rows import HistoryRow
from ig_assets.core.operations.present import Present
from ig_assets.errors import InputError

Refused = tuple[HistoryRow, str, str]


def check_as_of(present: Present, as_of: datetime | None) -> None:
    """Raise InputError if a person states a reading time in the future."""
    if as_of is not None and as_of > present.latest:
        raise InputError(
            f"--as-of {as_of:%Y-%m-%d} is after {present.day_in_words}, and "
            "counts are read before; say the day on which the file was made."
        )


def without_future(
    rows: Sequence[HistoryRow], present: Present
) -> tuple[list[HistoryRow], list[Refused], tuple[str, ...]]:
    """Return (rows, refused rows, notes); readings dated in the future are refused.

    If a post with counts is dated in the future, it must have been published, and the
    date is dropped. A post without counts is planned, and keeps its date.
    """
    kept: list[HistoryRow] = []
    refused: list[Refused] = []
    wrong = 0
    for row in rows:
        if row.read_at is not None and row.read_at > present.latest:
            detail = (
                f"Its counts are of {row.read_at:%Y-%m-%d}, which is after "
                f"{present.day_in_words}; --map as_of= reads the file without that "
                "column."
            )
            refused.append((row, "reading in the future", detail))
            continue
        if row.posted_on is not None and row.posted_on > present.latest:
            if any(row.counts.values()):
                wrong += 1
                row = replace(row, posted_on=None)
        kept.append(row)
    notes = (
        (
            f"`posted_on`: {wrong:,} posts with counts are dated after "
            f"{present.day_in_words}; these dates were left out.",
        )
        if wrong
        else ()
    )
    return kept, refused, notes
