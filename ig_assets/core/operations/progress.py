"""Logs the progress of a step: "3 of 11 drafts, about 6 min left"."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from ig_assets.core.operations.log_lines import TREE

LOGGER = f"{TREE}.progress"
"""Name of the logger of progress.

Dagster shows its lines on the run's page, commands in a live line.
"""
EVERY_S = 5.0
"""Least number of seconds between lines, except for the first and the last."""

_log = logging.getLogger(LOGGER)


class Progress:
    """Counts finished items of a known total, from any thread, and logs the count.

    `noun` is the plural of the items. The time left is the elapsed time divided by the
    number of finished items, times the number of open ones. `timer` returns seconds.
    """

    def __init__(
        self, noun: str, total: int, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._noun = noun
        self._total = total
        self._timer = timer
        self._started = self._said = timer()
        self._done = 0
        self._lock = threading.Lock()
        if total:
            _log.info("%d %s to do.", total, noun)

    def add(self, count: int = 1) -> None:
        """Count `count` more finished items, and log a line if one is due."""
        if not count:
            return
        with self._lock:
            self._done += count
            now = self._timer()
            is_last = self._done >= self._total
            if not is_last and now - self._said < EVERY_S:
                return
            self._said = now
            elapsed_s = now - self._started
        if is_last:
            took = _took(elapsed_s)
            _log.info("%d of %d %s, in %s.", self._done, self._total, self._noun, took)
        elif self._done:
            left_s = elapsed_s / self._done * (self._total - self._done)
            _log.info(
                "%d of %d %s, about %s left.",
                self._done,
                self._total,
                self._noun,
                duration(left_s),
            )


def duration(seconds: float) -> str:
    """Return a rough duration: tens of seconds up to 90 s, then minutes, then hours."""
    if seconds <= 90:
        return f"{max(10, math.ceil(seconds / 10) * 10)} s"
    if seconds <= 90 * 60:
        return f"{math.ceil(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def _took(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else duration(seconds)
