"""What cannot have happened yet: readings and posts of a time after the present.

A reading that is dated into the future by mistake would be the latest for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ig_assets.core.corpus.history_import.reading.rows import HistoryRow
from ig_assets.errors import InputError

TOLERANCE = timedelta(days=1)
"""A day in another zone may be ahead of UTC's."""

Refused = tuple[HistoryRow, str, str]


@dataclass(frozen=True)
class Present:
    """The import's time `now`, and the machine's, which differ in a simulation.

    Both are naive UTC.
    """

    now: datetime
    machine: datetime

    @property
    def latest(self) -> datetime:
        """Nothing that was read or published is later."""
        return max(self.now, self.machine) + TOLERANCE

    @property
    def is_simulated(self) -> bool:
        """Whether the import's day is not the machine's."""
        return abs(self.now - self.machine) > TOLERANCE

    def check(self, as_of: datetime | None) -> None:
        """Raise InputError where a person says a time that is still to come."""
        if as_of is not None and as_of > self.latest:
            raise InputError(
                f"--as-of {as_of:%Y-%m-%d} is after today, and counts are read before; "
                "say the day on which the file was made."
            )


def without_future(
    rows: Sequence[HistoryRow], present: Present
) -> tuple[list[HistoryRow], list[Refused], tuple[str, ...]]:
    """The rows without readings of the future, the refused ones, and what was said.

    A post that has counts was published, so that its future date is left out. One
    without any is planned; its date stays.
    """
    kept: list[HistoryRow] = []
    refused: list[Refused] = []
    wrong = 0
    for row in rows:
        if row.read_at is not None and row.read_at > present.latest:
            detail = (
                f"Its counts are of {row.read_at:%Y-%m-%d}, which is after today; "
                "--map as_of= reads the file without that column."
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
            f"`posted_on`: {wrong:,} posts with counts are dated after today; these "
            "dates were left out.",
        )
        if wrong
        else ()
    )
    return kept, refused, notes
