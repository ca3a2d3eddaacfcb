"""Port to the clock that gives the present time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable


class Clock(Protocol):
    """Gives the present time; no other code may ask the machine for it."""

    def now(self) -> datetime:
        """Return the present time, naive UTC."""
        ...


@runtime_checkable
class MovableClock(Clock, Protocol):
    """A simulated clock: its time is the one to which it was moved last."""

    def move_to(self, instant: datetime) -> None:
        """Set the present time; it never moves backwards."""
        ...
