"""Writes of threads that wait for the warehouse together become one transaction.

The first thread that comes commits its own work and what has queued up behind it; then
it hands over to the first of those that came meanwhile. So a commit to disk is shared
by all that waited for the one before it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from ig_assets.errors import WarehouseBusyError
from ig_assets.warehouse.warehouse import Connection, Warehouse

T = TypeVar("T")


class GroupCommit:
    """Runs pieces of work on one warehouse, those that wait together in one go."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._queue = _Queue()

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction and return its result once it is committed.

        It may run in another thread that waits here, and the transaction may hold
        other threads' work too. Work may be run a second time where that fails, and
        must write the same rows then. Raises what it raises, WarehouseBusyError, and
        WarehouseError where this thread is in a transaction.
        """
        self._warehouse.check_outside()
        if self._queue.process != os.getpid():  # what waited at a fork is the parent's
            self._queue = _Queue()
        queue, ticket = self._queue, _Ticket(work)
        try:
            leads = queue.join(ticket)
            if not leads:
                ticket.served_or_leads.wait()
            if not ticket.is_done:
                self._serve(queue.take_all())
        finally:  # also where a Ctrl-C came: another thread then serves the rest
            queue.leave(ticket)
        return ticket.outcome()

    def _serve(self, group: Sequence[_Ticket[Any]]) -> None:
        """Serve a group, or each alone where one of them fails."""
        try:
            with self._warehouse.transaction() as con:
                results = [ticket.work(con) for ticket in group]
        except Exception as error:
            if len(group) == 1 or isinstance(error, WarehouseBusyError):
                for ticket in group:
                    ticket.fail(error)
                return
            for ticket in group:
                self._serve([ticket])
            return
        for ticket, result in zip(group, results, strict=True):
            ticket.succeed(result)


class _Queue:
    """The work that waits; one thread at a time leads, that is, serves it."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._mutex = threading.Lock()
        self._waiting: list[_Ticket[Any]] = []
        self._taken: list[_Ticket[Any]] = []
        self._leader: _Ticket[Any] | None = None

    def join(self, ticket: _Ticket[Any]) -> bool:
        """Queue up; whether this thread leads, since no other does."""
        with self._mutex:
            self._waiting.append(ticket)
            if self._leader is None:
                self._leader = ticket
            return self._leader is ticket

    def take_all(self) -> list[_Ticket[Any]]:
        """All that wait now, for the leader to serve."""
        with self._mutex:
            self._taken, self._waiting = self._waiting, []
            return self._taken

    def leave(self, ticket: _Ticket[Any]) -> None:
        """Wait no more; a leader hands over to the first that is not served."""
        with self._mutex:
            if self._leader is ticket:
                unserved = [other for other in self._taken if not other.is_done]
                self._taken, self._waiting = [], unserved + self._waiting
            self._waiting = [other for other in self._waiting if other is not ticket]
            if self._leader is ticket:
                self._leader = self._waiting[0] if self._waiting else None
                if self._leader is not None:
                    self._leader.served_or_leads.set()


class _Ticket(Generic[T]):
    """One piece of work and what became of it."""

    def __init__(self, work: Callable[[Connection], T]) -> None:
        self.work = work
        self.served_or_leads = threading.Event()
        self.is_done = False
        self._result: T
        self._error: BaseException | None = None

    def succeed(self, result: T) -> None:
        self._result = result
        self._end()

    def fail(self, error: BaseException) -> None:
        self._error = error
        self._end()

    def _end(self) -> None:
        self.is_done = True
        self.served_or_leads.set()

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        return self._result
