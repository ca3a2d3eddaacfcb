"""Make waits before paid calls interruptible, and keep them out of the latency.

An adapter waits for its turn inside the call that the ledger times. The adapter does
not know the `halt` event that ends the wait, so the ledger sets the event for the
thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


class CancelledError(Exception):
    """Raised if a call was not sent or not repeated.

    Another call failed before, or a person stopped the step.
    """


@dataclass
class CallWaits:
    """The halt event of one call, and how many seconds the call has waited so far."""

    halt: threading.Event | None
    seconds: float = 0.0


_CALL: ContextVar[CallWaits | None] = ContextVar("call_waits", default=None)


@contextmanager
def call_waits(halt: threading.Event | None) -> Iterator[CallWaits]:
    """Record this thread's waits within the block, for one call; yield the record."""
    waits = CallWaits(halt)
    token = _CALL.set(waits)
    try:
        yield waits
    finally:
        _CALL.reset(token)


def wait_to_send(seconds: float) -> None:
    """Sleep before a request is sent; raise CancelledError if the halt event is set."""
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
    """Sleep for `seconds`, or until the halt event is set."""
    if halt is None:
        time.sleep(seconds)
    else:
        halt.wait(seconds)
