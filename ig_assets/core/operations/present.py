"""Defines the present by two clocks; no reading or publication can be later.

A date in the future is a mistake of a file, of a vendor or of a clock. A reading with a
future date would stay the latest one, even after its date was corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

TOLERANCE = timedelta(days=1)
"""Tolerance for dates: the day in another time zone may be ahead of UTC's."""
CLOCK_SLACK = timedelta(minutes=5)
"""Largest accepted lead of a row's time over the machine's time.

Clocks of machines differ. A row that is further ahead was written with a wrong clock.
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
        """The latest time at which anything can have been read or published."""
        return max(self.now, self.machine) + TOLERANCE

    @property
    def is_simulated(self) -> bool:
        """Whether the two clocks differ by more than a day."""
        return abs(self.now - self.machine) > TOLERANCE

    @property
    def day_in_words(self) -> str:
        """The day for a message, with the name of its clock.

        An example is "today, 2026-05-01 by the simulated clock". The simulated clock is
        named if it is more than a day ahead of the machine's.
        """
        if self.now - self.machine > TOLERANCE:
            return f"today, {self.now:%Y-%m-%d} by the simulated clock"
        return f"today, {self.machine:%Y-%m-%d} by the machine's clock"
