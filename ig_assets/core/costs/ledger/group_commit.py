"""Commit the writes of several waiting threads in one transaction.

The first thread commits its own work and all work that was queued in the meantime. It
then hands this role to the first thread that is still waiting. Threads that wait during
one commit thus share the next one.
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
    """Runs pieces of work on one warehouse; those that wait together share a commit."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._queue = _Queue()

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction and return its result once it is committed.

        The work may run in another waiting thread, and the transaction may also contain
        other threads' work. If the transaction fails, the work may run a second time,
        so it must write the same rows again. Raises what the work raises,
        WarehouseBusyError, and WarehouseError if this thread is in a transaction.
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
        """Commit a group of tickets together; if that fails, commit each one alone."""
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
    """The queue of waiting tickets.

    One thread at a time is the leader, which commits them.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self._mutex = threading.Lock()
        self._waiting: list[_Ticket[Any]] = []
        self._taken: list[_Ticket[Any]] = []
        self._leader: _Ticket[Any] | None = None

    def join(self, ticket: _Ticket[Any]) -> bool:
        """Add a ticket; return whether its thread is now the leader."""
        with self._mutex:
            self._waiting.append(ticket)
            if self._leader is None:
                self._leader = ticket
            return self._leader is ticket

    def take_all(self) -> list[_Ticket[Any]]:
        """Remove and return all waiting tickets, for the leader to commit."""
        with self._mutex:
            self._taken, self._waiting = self._waiting, []
            return self._taken

    def leave(self, ticket: _Ticket[Any]) -> None:
        """Remove a ticket; a leader hands over to the first ticket that is not done."""
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
    """One piece of work and its result or error."""

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
