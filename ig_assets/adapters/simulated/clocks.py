"""Clocks: the machine's, and a simulated one that moves only by `move_to`."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from ig_assets.errors import InputError
from ig_assets.files import write_atomic


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present, naive UTC."""
        return datetime.now(UTC).replace(tzinfo=None)


class SimulatedClock:
    """A clock that only `move_to` moves, shared by all processes of a data folder.

    Its time is one line in a file, so that the headless loop, the UI and the daemon see
    the same simulated day. Before the first move it is `start`.
    """

    def __init__(self, path: Path, start: datetime) -> None:
        self._path = path
        self._start = start

    def now(self) -> datetime:
        """Return the simulated time, naive UTC. Raises InputError for a broken file."""
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))["now"]
            instant = datetime.fromisoformat(stored)
            if instant.tzinfo is not None:
                raise ValueError("the stored time must be naive UTC")
            return instant
        except (FileNotFoundError, NotADirectoryError):
            return self._start
        except (OSError, ValueError, LookupError, TypeError):
            raise InputError(
                f"The simulated clock {self._path} is damaged; write "
                '{"now": "2026-03-01T00:00:00"} into it with the day that was reached, '
                "or restore it from a backup."
            ) from None

    def move_to(self, instant: datetime) -> None:
        """Move the clock forwards; a move into the past is ignored."""
        if instant <= self.now() and self._path.exists():
            return
        write_atomic(self._path, json.dumps({"now": instant.isoformat()}))


def system_time_ns() -> int:
    """Return the machine's time in nanoseconds since 1970, as in files' timestamps."""
    return time.time_ns()
