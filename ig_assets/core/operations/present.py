"""Holds the present by two clocks, after which nothing can be read or published.

A date in the future is a mistake of a file, of a vendor or of a clock. A reading with a
future date would be the latest for ever, also once its date was corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

TOLERANCE = timedelta(days=1)
"""A day in another zone may be ahead of UTC's."""
CLOCK_SLACK = timedelta(minutes=5)
"""How far a row's time may be ahead of the machine's: clocks of machines differ.

A row that is further ahead was written while a clock was wrong.
"""


@dataclass(frozen=True)
class Present:
    """The present by the data folder's clock (`now`) and by the machine's (`machine`).

    Both are naive UTC. They differ in a simulation.
    """

    now: datetime
    machine: datetime

    @property
    def latest(self) -> datetime:
        """Return the latest time at which anything can have been read or published."""
        return max(self.now, self.machine) + TOLERANCE

    @property
    def is_simulated(self) -> bool:
        """Return whether the two clocks differ by more than a day."""
        return abs(self.now - self.machine) > TOLERANCE

    @property
    def day_in_words(self) -> str:
        """Return the day for a message, with the clock that it is by.

        The text is, for example, "today, 2026-05-01 by the simulated clock". The
        simulated clock is named if it is more than a day ahead of the machine's.
        """
        if self.now - self.machine > TOLERANCE:
            return f"today, {self.now:%Y-%m-%d} by the simulated clock"
        return f"today, {self.machine:%Y-%m-%d} by the machine's clock"
