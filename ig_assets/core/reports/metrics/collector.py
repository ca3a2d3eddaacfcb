"""Reads metrics for each scrape, and stores the last good ones."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

import duckdb

from ig_assets.core.reports.metrics.metrics import Family, Sample
from ig_assets.errors import IgAssetsError

_log = logging.getLogger("ig_script_writer.metrics")
Read = Callable[[], Sequence[Family]]


class MetricsCollector:
    """Reads metrics of the warehouse, at most once in `least_interval_s` seconds.

    If the warehouse or the event log cannot be read, the last good metrics are
    returned. Two further metrics show this: `ig_assets_warehouse_readable` (1 or 0) and
    `ig_assets_metrics_age_seconds`. `timer` returns seconds that never decrease.
    """

    def __init__(
        self, read: Read, timer: Callable[[], float], least_interval_s: float = 5.0
    ) -> None:
        self._read = read
        self._timer = timer
        self._least_interval_s = least_interval_s
        self._lock = threading.Lock()
        self._families: Sequence[Family] = ()
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._is_readable = False

    def collect(self) -> list[Family]:
        """Return the newest metrics and their age; never raises."""
        with self._lock:
            now = self._timer()
            if self._tried_at is None or (
                now - self._tried_at >= self._least_interval_s
            ):
                self._refresh()
                now = self._timer()
            age_s = None if self._read_at is None else now - self._read_at
            return [*self._families, *_state(self._is_readable, age_s)]

    def _refresh(self) -> None:
        try:
            self._families = self._read()
            self._read_at, self._is_readable = self._timer(), True
        except (IgAssetsError, duckdb.Error) as error:
            _log.warning("The figures cannot be read: %s", error)
            self._is_readable = False
        except Exception:  # of Dagster's event log, which may be locked or a server's
            _log.exception("The figures cannot be read.")
            self._is_readable = False
        self._tried_at = self._timer()


def _state(is_readable: bool, age_s: float | None) -> list[Family]:
    states = [
        Family(
            "ig_assets_warehouse_readable",
            "gauge",
            "Whether the last reading of the warehouse and of the event log succeeded.",
            [Sample(float(is_readable))],
        )
    ]
    if age_s is not None:
        states.append(
            Family(
                "ig_assets_metrics_age_seconds",
                "gauge",
                "Seconds since the figures were read from the warehouse.",
                [Sample(age_s)],
            )
        )
    return states
