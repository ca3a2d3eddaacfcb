"""Port: where the present comes from."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Where the present comes from; nothing else may ask the machine."""

    def now(self) -> datetime:
        """The present, naive UTC."""
        ...
