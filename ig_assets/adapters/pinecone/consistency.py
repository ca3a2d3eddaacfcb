"""Limits the rate of requests to Pinecone, and waits until writes can be read.

Reads lag behind writes. An upsert or update returns its position in the store's log
(LSN), and a query returns up to where the log has been processed. The SDK returns
nothing for a delete, so its last ids are looked up until they are gone.
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
    """Spaces the starts of requests evenly, over all threads."""

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
        """Block until the next request may start."""
        with self._mutex:
            now = self._monotonic()
            start = max(now, self._next_s)
            self._next_s = start + self._gap_s
        if start > now:
            self._sleep(start - now)


@dataclass
class _Unread:
    """Writes to a namespace that are not known to be readable yet."""

    lsn: int | None = None
    deleted: list[str] = field(default_factory=list)


class UnreadWrites:
    """This process's writes that are not known to be readable yet, by namespace."""

    def __init__(self, wait_s: float, sleep: Sleep, monotonic: Monotonic) -> None:
        self._wait_s = wait_s
        self._sleep = sleep
        self._monotonic = monotonic
        self._mutex = threading.Lock()
        self._unread: dict[str, _Unread] = {}

    def wrote(self, namespace: str, ids: Collection[str], info: Any) -> None:
        """Record the log position of a write of `ids`, if the answer has one.

        `info` is the SDK's `response_info`, or None.
        """
        lsn = None if info is None else info.lsn_committed
        with self._mutex:
            unread = self._unread.setdefault(namespace, _Unread())
            unread.deleted = [i for i in unread.deleted if i not in ids]
            if lsn is not None:
                unread.lsn = max(lsn, unread.lsn or 0)

    def deleted(self, namespace: str, ids: Sequence[str]) -> None:
        """Record the last deleted ids, in their encoded form."""
        with self._mutex:
            unread = self._unread.setdefault(namespace, _Unread())
            unread.deleted = list(ids[-FETCH_IDS:])

    def wait(self, index: OpenIndex, namespace: str) -> None:
        """Block until all recorded writes can be read.

        Raises TransientVendorError if that takes too long.
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
