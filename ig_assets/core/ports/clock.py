"""Port: where the present comes from."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable


class Clock(Protocol):
    """Where the present comes from; nothing else may ask the machine."""

    def now(self) -> datetime:
        """The present, naive UTC."""
        ...


@runtime_checkable
class MovableClock(Clock, Protocol):
    """A simulated clock: its time is what it was moved to last."""

    def move_to(self, instant: datetime) -> None:
        """Set the present; never backwards."""
        ...
