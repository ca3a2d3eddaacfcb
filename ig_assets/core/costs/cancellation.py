"""Waits of paid calls: a halt ends them, and they are no part of a call's latency.

An adapter waits for its turn inside the call that the ledger makes. It knows no
`halt`; the ledger says for the thread which one holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


class CancelledError(Exception):
    """Another call has failed, so this one was not sent or not repeated."""


@dataclass
class CallWaits:
    """One call's `halt`, and how long it has waited to be sent."""

    halt: threading.Event | None
    seconds: float = 0.0


_CALL: ContextVar[CallWaits | None] = ContextVar("call_waits", default=None)


@contextmanager
def call_waits(halt: threading.Event | None) -> Iterator[CallWaits]:
    """What waits in here, in this thread, waits for one call."""
    waits = CallWaits(halt)
    token = _CALL.set(waits)
    try:
        yield waits
    finally:
        _CALL.reset(token)


def wait_to_send(seconds: float) -> None:
    """Sleep before a request is sent; raises CancelledError when it must not be."""
    waits = _CALL.get()
    if waits is None:
        time.sleep(seconds)
        return
    started = time.perf_counter()
    sleep_unless(waits.halt, seconds)
    waits.seconds += time.perf_counter() - started
    if waits.halt is not None and waits.halt.is_set():
        raise CancelledError


def sleep_unless(halt: threading.Event | None, seconds: float) -> None:
    """Sleep, but no longer than until the halt."""
    if halt is None:
        time.sleep(seconds)
    else:
        halt.wait(seconds)
