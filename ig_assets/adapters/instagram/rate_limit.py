"""Delays the requests of all threads to stay within Instagram's usage quotas.

The quotas are reported in response headers. `X-Business-Use-Case-Usage` maps each
business to a list of entries, `X-App-Usage` is one entry. Every figure is a percentage
of the allowance; `estimated_time_to_regain_access` is in minutes (Graph API, "Rate
limits").
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ig_assets.adapters.vendor_numbers import finite
from ig_assets.errors import TransientVendorError

BUSINESS_HEADER, APP_HEADER = "x-business-use-case-usage", "x-app-usage"
SHARES = ("call_count", "total_cputime", "total_time")
SLOW_AT, STOP_AT = 75.0, 95.0
SLOW_GAP_S = 5.0
STOP_S = 300.0
LONGEST_WAIT_S = 600.0

Sleep = Callable[[float], None]
Monotonic = Callable[[], float]


class UsageHeaders:
    """Delays requests as a quota is used up.

    From 75 % of a quota on, requests start 5 s apart. From 95 % on, none starts for at
    least 5 minutes.
    """

    def __init__(self, sleep: Sleep, monotonic: Monotonic) -> None:
        self._sleep = sleep
        self._monotonic = monotonic
        self._mutex = threading.Lock()
        self._next_s = 0.0
        self._gap_s = 0.0

    def wait(self) -> None:
        """Block until a request may be sent.

        Raises TransientVendorError if that would take more than ten minutes.
        """
        with self._mutex:
            now = self._monotonic()
            start = max(now, self._next_s)
            if start - now > LONGEST_WAIT_S:
                raise TransientVendorError(
                    "instagram's usage limit is nearly reached; it gives access again "
                    f"in about {(start - now) / 60:.0f} minutes. Run again then.",
                    retry_after_s=start - now,
                    outcome_unknown=False,
                )
            self._next_s = start + self._gap_s
        if start > now:
            self._sleep(start - now)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Update the quotas from a response's headers; the fullest one counts."""
        share, pause_s = 0.0, 0.0
        has_figures = False
        for entry in _entries(headers):
            has_figures = True
            percent = max(_number(entry.get(name)) for name in SHARES)
            share = max(share, percent)
            minutes = _number(entry.get("estimated_time_to_regain_access"))
            pause_s = max(pause_s, 60.0 * minutes)
        if not has_figures:
            return
        if share >= STOP_AT:
            pause_s = max(pause_s, STOP_S)
        with self._mutex:
            self._gap_s = SLOW_GAP_S if share >= SLOW_AT else 0.0
            if pause_s:
                self._next_s = max(self._next_s, self._monotonic() + pause_s)


def _entries(headers: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    app = _object(headers.get(APP_HEADER))
    if app:
        yield app
    for entries in _object(headers.get(BUSINESS_HEADER)).values():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                yield entry


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float:
    return finite(value) or 0.0
