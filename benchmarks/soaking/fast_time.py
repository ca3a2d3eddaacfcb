"""Time that runs as on the wall but can be wound on, for all of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from unittest.mock import patch

from ig_assets.adapters.simulated.clocks import SystemClock

_wall = time.time


class FastTime:
    """The present, UTC: the wall's time plus all that was wound on.

    Waiting takes no time: `sleep` winds on. Safe to share between threads.
    """

    def __init__(self, start: datetime) -> None:
        self._ahead = start.replace(tzinfo=UTC).timestamp() - _wall()
        self._mutex = threading.Lock()

    def timestamp(self) -> float:
        """Seconds since 1970."""
        return _wall() + self._ahead

    def aware(self) -> datetime:
        """The present with its time zone, UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def now(self) -> datetime:
        """The present, naive UTC."""
        return self.aware().replace(tzinfo=None)

    def sleep(self, seconds: float) -> None:
        """Be so much later at once."""
        with self._mutex:
            self._ahead += max(0.0, seconds)

    def wind_to(self, instant: datetime) -> None:
        """Be at an instant (naive UTC), unless it is over."""
        self.sleep((instant - self.now()).total_seconds())

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Let Dagster, the product's clocks, the log and all waiting go by it.

        Dagster's two functions are those that its own `freeze_time` replaces (1.13).
        """
        with (
            patch("time.time", self.timestamp),
            patch("dagster._time._mockable_get_current_datetime", self.aware),
            patch("dagster._time._mockable_get_current_timestamp", self.timestamp),
            patch.object(SystemClock, "now", lambda clock: self.now()),
            patch("ig_assets.core.costs.ledger.ledger.sleep_unless", self._sleep),
            patch("ig_assets.core.costs.cancellation.sleep_unless", self._sleep),
            patch("ig_assets.core.costs.cancellation.time", self._waits),
        ):
            yield

    @property
    def _waits(self) -> SimpleNamespace:
        """What the product uses of `time` where it waits outside of a paid call."""
        return SimpleNamespace(sleep=self.sleep, perf_counter=time.perf_counter)

    def _sleep(self, halt: threading.Event | None, seconds: float) -> None:
        self.sleep(seconds)
