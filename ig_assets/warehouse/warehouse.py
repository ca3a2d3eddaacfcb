"""Open transactions on the warehouse; this is the only way into it.

The home (the database that holds the tables) is one of `duckdb:///path` (a single file,
the default), `ducklake:postgres:…` and `postgres:…` (the extra `homes`). It is attached
to an in-memory DuckDB of this process. One transaction is open at a time, across all
threads and processes; never hold one open while a vendor is called.

Attaching a home takes ten times longer than a short transaction. So the home stays
attached for LINGER_S after each transaction, and is detached at once when another
process waits for it:

    transaction → attach → commit → … commit → idle for LINGER_S, or wanted → detach

A detached file is complete in itself, without a write-ahead log beside it.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path

import duckdb

from ig_assets.errors import WarehouseBusyError, WarehouseError
from ig_assets.warehouse.backends import Connection as Connection, Home
from ig_assets.warehouse.forgetting.rewriting import rewrite_file
from ig_assets.warehouse.forgetting.server_rewriting import (
    LEFT_ON_SERVER,
    parts_of_rewriting,
)
from ig_assets.warehouse.instances import (
    Instance,
    disown_instances,
    leave_instance,
)
from ig_assets.warehouse.preparation import prepare_home
from ig_assets.warehouse.views import SEARCH_PATH
from ig_assets.warehouse.writers.conflicts import (
    conflict_error,
    is_conflict,
    is_lost_server,
    lost_server_error,
)
from ig_assets.warehouse.writers.presence import check_not_lost, check_present

LOCK_TIMEOUT_S = 60.0
LINGER_S = 0.05
"""Seconds that a home stays attached without a transaction."""
LONG_S = 0.05
"""Seconds after which an open transaction gets all threads of DuckDB."""
QUANTUM_S = 0.015
"""Seconds that a busy home stays attached while another process waits."""
MAX_HOLD_S = 0.5
"""Seconds after which a home is detached, once its transaction has ended."""
_POLL_S = 0.005
_FORK_WAIT_S = 5.0
_most_wait_s: ContextVar[float] = ContextVar("_most_wait_s", default=float("inf"))


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Limit how many seconds each transaction of this context waits for its turn."""
    before = _most_wait_s.set(seconds)
    try:
        yield
    finally:
        _most_wait_s.reset(before)


class Warehouse:
    """Open short transactions on one home. Threads may share one object."""

    def __init__(
        self,
        url: str,
        now: Callable[[], datetime],
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self.url = url
        self._now = now
        self._timeout_s = lock_timeout_s
        self._migrated = False
        self._home = Home(url)
        self.path: Path | None = self._home.path
        self._start_detached()
        _WAREHOUSES.add(self)

    def _start_detached(self) -> None:
        self._thread = threading.local()
        self._mutex = threading.Lock()
        self._attached: Instance | None = None
        self._closer: threading.Thread | None = None
        self._attached_s = self._began_s = self._idle_s = self._asked_s = 0.0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection in one transaction, which is committed at the end.

        Any exception rolls it back. Statements name the home's tables and the views of
        `views.VIEWS`. Other threads and processes wait meanwhile. Raises
        WarehouseBusyError when they hold the home for too long or wrote at the same
        moment, WarehouseGoneError when the file was there once and is missing, and
        WarehouseError when this thread has a transaction open already. Any other error
        of the home is raised unchanged. It is raised even if the caller caught it
        inside the block, since the transaction can no longer be committed.
        """
        self.check_outside()
        with self._exclusive() as instance, instance.con.cursor() as con:
            self._thread.inside = True
            try:
                con.execute("BEGIN")
                self._home.fence(con, self._wait_s)
                con.execute(f"SET search_path = '{SEARCH_PATH}'")
                yield con
                con.execute("SELECT 1")  # a COMMIT after an error says that all is well
                con.execute("COMMIT")
            except duckdb.Error as error:
                _roll_back(con)
                if is_conflict(error):
                    raise conflict_error() from error
                if is_lost_server(error):
                    self._detach()  # what is attached has no session any more
                    raise lost_server_error() from error
                raise
            except BaseException:
                _roll_back(con)
                raise
            finally:
                self._thread.inside = False

    def check_outside(self) -> None:
        """Raise WarehouseError if this thread has a transaction open."""
        if getattr(self._thread, "inside", False):
            raise WarehouseError("A warehouse transaction was opened inside another.")

    def check_present(self) -> None:
        """Raise an error if there is no warehouse file; for readers, who make none.

        WarehouseGoneError if it was there once, InputError if it was never made.
        """
        check_present(self.path, was_seen=self._migrated)

    def close(self) -> None:
        """Detach the home now, without lingering.

        A later transaction attaches it again.
        """
        with self._mutex:
            self._detach()

    def rewrite(self) -> str:
        """Rewrite the home without the rows that were deleted from it.

        Returns a sentence that says which copies of deleted words a server still holds;
        it is empty for a file. Other threads and processes wait. Raises
        WarehouseBusyError, WarehouseError inside a transaction, and what `rewrite_file`
        or the parts of `parts_of_rewriting` raise.
        """
        self.check_outside()
        if self.path is None:
            for part in parts_of_rewriting(self._home):
                self.close()
                with self._exclusive() as instance:
                    part(self._home, instance.con)
            return LEFT_ON_SERVER
        with self._exclusive():  # so that there is a file, up to date
            pass
        with self._mutex:
            self._detach()
            self._home.take_turn(time.monotonic() + self._wait_s, self._busy())
            try:
                rewrite_file(self.path)
            except duckdb.IOException as error:
                raise WarehouseBusyError(self._busy()) from error
            finally:
                self._home.turn.give_back()
        return ""

    @contextmanager
    def _exclusive(self) -> Iterator[Instance]:
        """Yield the instance with the home attached, for this thread alone.

        Raises WarehouseBusyError when the turn does not come within `_wait_s`.
        """
        give_up_s = time.monotonic() + self._wait_s
        if not self._mutex.acquire(timeout=self._wait_s):
            raise WarehouseBusyError(self._busy())
        try:
            if self._attached is None:
                self._attach(give_up_s)
            assert self._attached is not None
            self._began_s = time.monotonic()
            try:
                yield self._attached
            except duckdb.Error:  # what it left may be of no use
                self._detach()
                raise
            finally:
                self._linger()
        finally:
            self._mutex.release()

    def _attach(self, give_up_s: float) -> None:
        if self.path is not None:  # before the turn, which would make the folder
            check_not_lost(self.path, was_seen=self._migrated)
        self._home.take_turn(give_up_s, self._busy())
        try:
            now = None if self._migrated else self._now()
            self._attached = prepare_home(self._home, now, give_up_s, self._busy())
            self._migrated = True
        except BaseException:
            self._home.turn.give_back()
            raise
        self._attached_s = self._began_s = time.monotonic()
        self._is_watched()

    def _linger(self) -> None:
        """Keep the home attached for the next transaction, or detach it."""
        if self._attached is None:
            return
        self._idle_s = time.monotonic()
        held_s = self._idle_s - self._attached_s
        if held_s > MAX_HOLD_S or (held_s > QUANTUM_S and self._is_wanted()):
            self._detach()
        elif not self._is_watched():
            self._detach()

    def _is_watched(self) -> bool:
        """Start the thread that detaches an idle home; return whether it runs."""
        if self._closer is None:
            self._closer = threading.Thread(target=self._watch)
            try:
                self._closer.start()
            except RuntimeError:  # the interpreter ends
                self._closer = None
        return self._closer is not None

    def _is_wanted(self) -> bool:
        """Return whether another process waits; ask at most once per `_POLL_S / 2`."""
        now = time.monotonic()
        if now - self._asked_s < _POLL_S / 2:
            return False
        self._asked_s = now
        return self._home.turn.is_wanted()

    def _watch(self) -> None:
        while True:
            time.sleep(_POLL_S)
            if not self._mutex.acquire(blocking=False):  # a transaction is open
                self._hurry()
                continue
            try:
                if self._attached is not None and self._is_due():
                    self._detach()
                if self._attached is None:
                    self._closer = None
                    return
            finally:
                self._mutex.release()

    def _hurry(self) -> None:
        instance = self._attached
        if instance is not None and time.monotonic() - self._began_s > LONG_S:
            with suppress(duckdb.Error):  # it has just ended
                instance.use_all_threads()

    def _is_due(self) -> bool:
        now = time.monotonic()
        return (
            now - self._idle_s > LINGER_S
            or now - self._attached_s > MAX_HOLD_S
            or not threading.main_thread().is_alive()
            or self._is_wanted()
        )

    def _detach(self) -> None:
        """Detach the home, which leaves a complete file, and give the turn back."""
        instance, self._attached = self._attached, None
        if instance is None:
            return
        try:
            instance.use_one_thread()
            self._home.detach(instance.con)
        except duckdb.Error:  # what is committed is in the log, which the next reads
            instance.con.close()
        else:
            leave_instance(instance)
        finally:
            self._home.turn.give_back()

    def _busy(self) -> str:
        what = "warehouse" if self.path is None else f"warehouse file {self.path}"
        return (
            f"The {what} is held by another process for more than "
            f"{self._wait_s:.0f} s; close the program that has it open."
        )

    @property
    def _wait_s(self) -> float:
        """Return how many seconds a transaction waits for its turn."""
        return min(self._timeout_s, _most_wait_s.get())

    def before_fork(self) -> bool:
        """Detach the home and let no thread in until the child is forked.

        Returns False, and does nothing, if this thread has a transaction open or the
        lock is not free within `_FORK_WAIT_S`.
        """
        if getattr(self._thread, "inside", False):
            return False
        if not self._mutex.acquire(timeout=_FORK_WAIT_S):
            return False
        self._detach()
        return True

    def after_fork_in_parent(self) -> None:
        """Release the lock that was taken in `before_fork`."""
        self._mutex.release()

    def after_fork_in_child(self) -> Instance | None:
        """Start with no home attached.

        Returns the instance that the parent attached, or None.
        """
        of_the_parent = self._attached
        self._start_detached()
        self._home.forget_turn()
        return of_the_parent


def _roll_back(con: Connection) -> None:
    with suppress(duckdb.Error):  # a failed COMMIT has ended the transaction already
        con.execute("ROLLBACK")


_WAREHOUSES: weakref.WeakSet[Warehouse] = weakref.WeakSet()
_FORKING = threading.local()


def _before_fork() -> None:
    _FORKING.paused = [w for w in list(_WAREHOUSES) if w.before_fork()]


def _after_fork_in_parent() -> None:
    for warehouse in _FORKING.paused:
        warehouse.after_fork_in_parent()


def _after_fork_in_child() -> None:
    attached = [w.after_fork_in_child() for w in list(_WAREHOUSES)]
    disown_instances([instance for instance in attached if instance is not None])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
