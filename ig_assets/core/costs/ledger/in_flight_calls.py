"""Count a ledger's calls in flight, and wait until one has ended."""

from __future__ import annotations

import threading


class InFlightCalls:
    """Counts calls from their reservation to their settlement, for many threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._now = 0
        self.ended = 0

    def begin(self) -> None:
        """Count a call that is about to be reserved."""
        with self._changed:
            self._now += 1

    def end(self, was_sent: bool = True) -> None:
        """Remove a call that is settled. It counts as ended only if it was sent."""
        with self._changed:
            self._now -= 1
            self.ended += was_sent
            self._changed.notify_all()

    def wait_for_one(self, ended: int) -> bool:
        """Wait until the total of ended calls exceeds `ended`; return whether it does.

        Returns False if no call is in flight any more and the total does not exceed it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.ended > ended or not self._now)
            return self.ended > ended
