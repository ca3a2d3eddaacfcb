"""Seconds that only sleeping moves: what is paced is tested without waiting."""

from __future__ import annotations

import threading

from ig_assets.adapters.openai.rate_limit import RateLimiter


class StoppedTime:
    """Stands still but for sleeps; safe to share between threads."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._mutex = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._mutex:
            self.slept.append(seconds)
            self.now += seconds

    def monotonic(self) -> float:
        return self.now

    def pace(self) -> RateLimiter:
        return RateLimiter(self.sleep, self.monotonic)
