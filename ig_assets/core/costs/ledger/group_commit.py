"""Writes of threads that wait for the warehouse together become one transaction.

Opening and closing the embedded file takes longer than the rows of one call. A thread
of its own opens it, commits what has come by then, and goes on for as long as more
comes at once; nobody waits for it to close. It lets other processes in between.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from ig_assets.errors import WarehouseBusyError
from ig_assets.warehouse.warehouse import Connection, Warehouse

T = TypeVar("T")
STAY_S = 0.02  # the file stays open for so long after a commit,
HOLD_S = 0.25  # for so long in all,
GAP_S = 0.03  # and is then anybody's for so long, which look for it every 10 ms


class GroupCommit:
    """Runs pieces of work on one warehouse, those that wait together in one go."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._queue = _Queue()

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction and return its result once it is committed.

        It runs in another thread, and the transaction may hold other threads' work
        too. Work may be run again where that fails, and must write the same rows
        then. Raises what it raises, WarehouseBusyError, and WarehouseError where this
        thread is in a transaction, for which the other would wait in vain.
        """
        self._warehouse.check_outside()
        if self._queue.process != os.getpid():  # what waited at a fork is the parent's
            self._queue = _Queue()
        queue, ticket = self._queue, _Ticket(work)
        try:
            queue.put(ticket, self._commit_all)
            ticket.done.wait()
        finally:
            queue.take_back(ticket)  # where a Ctrl-C came before its turn
        return ticket.outcome()

    def _commit_all(self, queue: _Queue) -> None:
        """Open the warehouse again and again until nobody waits."""
        while queue.is_wanted():
            until_s = time.monotonic() + HOLD_S
            try:
                with self._warehouse.held():
                    self._commit_what_comes(queue, until_s)
            except BaseException as error:  # it is raised where the work was asked for
                for ticket in queue.take(0.0):
                    ticket.fail(error)
            if time.monotonic() > until_s:
                time.sleep(GAP_S)

    def _commit_what_comes(self, queue: _Queue, until_s: float) -> None:
        while group := queue.take(STAY_S):
            self._serve(group)
            if time.monotonic() > until_s:
                return

    def _serve(self, group: Sequence[_Ticket[Any]]) -> None:
        """Serve a group, or each alone where one of them fails."""
        try:
            with self._warehouse.transaction() as con:
                results = [ticket.work(con) for ticket in group]
        except BaseException as error:
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
    """The work that waits, and the thread that does it."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._tickets: list[_Ticket[Any]] = []
        self._changed = threading.Condition()
        self._server: threading.Thread | None = None

    def put(self, ticket: _Ticket[Any], serve: Callable[[_Queue], None]) -> None:
        """Add one, and where nobody serves a thread that does."""
        with self._changed:
            self._tickets.append(ticket)
            self._changed.notify()
            if self._server is None:
                self._server = threading.Thread(target=serve, args=[self])
                self._server.start()

    def take(self, stay_s: float) -> list[_Ticket[Any]]:
        """All that wait; where none does, those that come within so long."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._tickets), stay_s)
            tickets, self._tickets = self._tickets, []
            return tickets

    def take_back(self, ticket: _Ticket[Any]) -> None:
        """Without one that nobody waits for any more."""
        with self._changed:
            self._tickets = [other for other in self._tickets if other is not ticket]

    def is_wanted(self) -> bool:
        """Whether any waits now; where none does, this thread serves no more."""
        with self._changed:
            if not self._tickets:
                self._server = None
            return bool(self._tickets)


class _Ticket(Generic[T]):
    """One piece of work and what became of it."""

    def __init__(self, work: Callable[[Connection], T]) -> None:
        self.work = work
        self.done = threading.Event()
        self._result: T
        self._error: BaseException | None = None

    def succeed(self, result: T) -> None:
        self._result = result
        self.done.set()

    def fail(self, error: BaseException) -> None:
        self._error = error
        self.done.set()

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        return self._result
