"""The present by two clocks: what is dated after it was not read or published yet.

A date in the future is a mistake of a file, of a vendor or of a clock. A reading with
one would be the latest for ever, also once its date was corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

TOLERANCE = timedelta(days=1)
"""A day in another zone may be ahead of UTC's."""


@dataclass(frozen=True)
class Present:
    """The present of the data folder (`now`) and of the machine; a simulation's differ.

    Both are naive UTC.
    """

    now: datetime
    machine: datetime

    @property
    def latest(self) -> datetime:
        """The latest time at which anything can have been read or published."""
        return max(self.now, self.machine) + TOLERANCE

    @property
    def is_simulated(self) -> bool:
        """Whether the data folder's present differs from the machine's."""
        return abs(self.now - self.machine) > TOLERANCE

    @property
    def day_in_words(self) -> str:
        """`today` in words, with its date and the clock that says so."""
        if self.now - self.machine > TOLERANCE:
            return f"today, {self.now:%Y-%m-%d} by the simulated clock"
        return f"today, {self.machine:%Y-%m-%d} by the machine's clock"
