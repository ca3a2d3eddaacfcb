"""When to ask Pinecone: not too often, and until it shows what it took.

Reads lag behind writes. An upsert or update tells its position in the store's log
(LSN) and a query how far the log is worked off; a delete tells nothing to the SDK's
caller, so its last ids are looked up until they are gone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from ig_assets.adapters.pinecone.client import OpenIndex, sent
from ig_assets.adapters.pinecone.records import encoded
from ig_assets.errors import TransientVendorError

FETCH_IDS = 100
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0

Sleep = Callable[[float], None]
Monotonic = Callable[[], float]


class RateLimiter:
    """Spreads the starts of requests over the second, whichever thread sends them."""

    def __init__(
        self,
        a_second: int,
        sleep: Sleep,
        monotonic: Monotonic,
    ) -> None:
        self._gap_s = 1.0 / a_second
        self._sleep = sleep
        self._monotonic = monotonic
        self._mutex = threading.Lock()
        self._next_s = monotonic()

    def wait(self) -> None:
        """Return when the next request may start."""
        with self._mutex:
            now = self._monotonic()
            start = max(now, self._next_s)
            self._next_s = start + self._gap_s
        if start > now:
            self._sleep(start - now)


@dataclass
class _Unread:
    """What was written to a namespace and not yet seen to be readable."""

    lsn: int | None = None
    deleted: list[str] = field(default_factory=list)


class UnreadWrites:
    """What this process wrote and has not yet seen, by namespace."""

    def __init__(self, wait_s: float, sleep: Sleep, monotonic: Monotonic) -> None:
        self._wait_s = wait_s
        self._sleep = sleep
        self._monotonic = monotonic
        self._mutex = threading.Lock()
        self._unread: dict[str, _Unread] = {}

    def wrote(self, namespace: str, ids: Collection[str], info: Any) -> None:
        """Note the log position of a write, where its answer tells one."""
        lsn = None if info is None else info.lsn_committed
        with self._mutex:
            unread = self._unread.setdefault(namespace, _Unread())
            unread.deleted = [i for i in unread.deleted if i not in ids]
            if lsn is not None:
                unread.lsn = max(lsn, unread.lsn or 0)

    def deleted(self, namespace: str, ids: Sequence[str]) -> None:
        """Note the last deleted ids, as the store names them."""
        with self._mutex:
            unread = self._unread.setdefault(namespace, _Unread())
            unread.deleted = list(ids[-FETCH_IDS:])

    def wait(self, index: OpenIndex, namespace: str) -> None:
        """Return once all that was noted can be read.

        Raises TransientVendorError when that takes too long.
        """
        with self._mutex:
            unread = self._unread.pop(namespace, None)
        if unread is None:
            return
        give_up = self._monotonic() + self._wait_s
        pause_s = FIRST_PAUSE_S
        while not _readable(index, encoded(namespace), unread):
            if self._monotonic() >= give_up:
                raise TransientVendorError(
                    f"pinecone took the writes to {namespace}, but does not show them "
                    f"after {self._wait_s:.0f} s; run again later, nothing is lost.",
                    outcome_unknown=False,
                )
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _readable(index: OpenIndex, namespace: str, unread: _Unread) -> bool:
    if unread.lsn is not None:
        anything = [1.0] + [0.0] * (index.dimensions - 1)
        info = sent(
            lambda: index.sdk.query(vector=anything, top_k=1, namespace=namespace)
        ).response_info
        if info.lsn_reconciled is not None and info.lsn_reconciled < unread.lsn:
            return False
        unread.lsn = None
    if unread.deleted:
        found = sent(
            lambda: index.sdk.fetch(ids=unread.deleted, namespace=namespace)
        ).vectors
        unread.deleted = [i for i in unread.deleted if i in found]
    return not unread.deleted
