"""Writes of threads that wait for the warehouse together become one transaction.

Opening, committing and closing the embedded file takes longer than the rows of one
call. While one thread is in the warehouse the others queue; the next to enter does
the work of all that wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from ig_assets.errors import WarehouseBusyError
from ig_assets.warehouse.connection import Connection, Warehouse

T = TypeVar("T")
GATHER_S = 0.01


class GroupCommit:
    """Runs pieces of work on one warehouse, those that wait together in one go."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._waiting: list[_Ticket[Any]] = []
        self._changed = threading.Condition()
        self._busy = False
        self._last_group = 1

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction and return its result once it is committed.

        The transaction may hold other threads' work too. Work may be run again
        where that fails, and must write the same rows then. Raises what it raises,
        and WarehouseBusyError.
        """
        ticket = _Ticket(work)
        try:
            if self._must_lead(ticket):
                self._lead()
        finally:
            self._leave([ticket])  # where a Ctrl-C came before its turn
        return ticket.outcome()

    def _must_lead(self, ticket: _Ticket[Any]) -> bool:
        """Queue; true when nobody is in the warehouse, false when it was served."""
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: ticket.done or not self._busy)
            if ticket.done:
                return False
            self._busy = True
            return True

    def _lead(self) -> None:
        """Serve all that wait by now, oneself among them."""
        try:
            if self._last_group > 1:  # who was served together comes back together
                time.sleep(GATHER_S)
            with self._changed:
                group = list(self._waiting)
            self._last_group = len(group)
            self._serve(group)
            self._leave(group)
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _leave(self, group: Sequence[_Ticket[Any]]) -> None:
        with self._changed:
            self._waiting = [t for t in self._waiting if t not in group]

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


class _Ticket(Generic[T]):
    """One piece of work and what became of it."""

    def __init__(self, work: Callable[[Connection], T]) -> None:
        self.work = work
        self.done = False
        self._result: T
        self._error: Exception | None = None

    def succeed(self, result: T) -> None:
        self._result, self.done = result, True

    def fail(self, error: Exception) -> None:
        self._error, self.done = error, True

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        return self._result
