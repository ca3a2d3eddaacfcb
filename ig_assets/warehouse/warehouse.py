"""The one way into the warehouse: an in-memory DuckDB with the home attached.

Homes: `duckdb:///path` (a single file, the embedded default), `ducklake:postgres:…`
and `postgres:…` (extra `homes`). The DuckDB file admits one process at a time, so
each transaction on it is short and stands behind one inter-process lock; never
hold one open while a vendor is called.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from ig_assets.errors import WarehouseBusyError, WarehouseError
from ig_assets.warehouse.backends import Connection as Connection
from ig_assets.warehouse.backends import Home
from ig_assets.warehouse.migrations import apply_migrations

LOCK_TIMEOUT_S = 60.0
_POLL_S = 0.01
_FORK_WAIT_S = 5.0


class Warehouse:
    """Opens short transactions on one home; safe to share between threads."""

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
        self._have_nothing_open()
        _WAREHOUSES.add(self)

    def _have_nothing_open(self) -> None:
        self._thread = threading.local()
        self._mutex = threading.Lock()
        self._kept: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back on any exception.

        Raises WarehouseBusyError when the embedded file stays locked, and
        WarehouseError when transactions are nested in a thread.
        """
        self.check_outside()
        if (held := getattr(self._thread, "held", None)) is not None:
            with held.cursor() as con, self._committed(con):
                yield con
            return
        with self._exclusive() as give_up_s:
            with duckdb.connect(":memory:") as con:
                self._home.attach(con, give_up_s, self._busy())
                with self._committed(con):
                    yield con

    def check_outside(self) -> None:
        """Raises WarehouseError where this thread is in a transaction already."""
        if getattr(self._thread, "inside", False):
            raise WarehouseError("A warehouse transaction was opened inside another.")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the home open for the transactions that this thread makes in here.

        Everybody else waits meanwhile, so it must be as short as one transaction may
        be. Raises WarehouseBusyError.
        """
        with self._exclusive() as give_up_s:
            self._thread.held = self._open(give_up_s)
            try:
                yield
            finally:
                self._thread.held = None
                self._close()

    def _open(self, give_up_s: float) -> Connection:
        """Attach the home to a DuckDB that outlives it: to make one takes longer."""
        if self._kept is None:
            # Threads would take longer to wake than the few rows that are written.
            self._kept = duckdb.connect(":memory:", config={"threads": 1})
            # A forked child may end with a copy of what its parent has open.
            self._kept.execute("PRAGMA disable_checkpoint_on_shutdown")
        try:
            self._home.attach(self._kept, give_up_s, self._busy())
        except BaseException:
            self._forget_kept()
            raise
        return self._kept

    def _close(self) -> None:
        """Leave a file complete in itself, without a log beside it."""
        assert self._kept is not None
        try:
            if self.path is not None:
                self._kept.execute("CHECKPOINT home")
            self._kept.execute("DETACH home")
        except (
            duckdb.Error
        ):  # what is committed is in the log, which the next one reads
            self._forget_kept()

    def _forget_kept(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    @contextmanager
    def _committed(self, con: Connection) -> Iterator[None]:
        self._thread.inside = True
        try:
            con.execute("BEGIN")
            if not self._migrated:
                con.execute("CREATE SCHEMA IF NOT EXISTS home.ig")
            con.execute("USE home.ig")
            if not self._migrated:
                apply_migrations(con, self._now())
            yield
            con.execute("COMMIT")
            self._migrated = True
        except duckdb.TransactionException as error:
            _roll_back(con)
            raise WarehouseBusyError(
                "Another process wrote to the warehouse at the same moment; "
                "nothing was written, try again."
            ) from error
        except BaseException:
            _roll_back(con)
            raise
        finally:
            self._thread.inside = False

    @contextmanager
    def _exclusive(self) -> Iterator[float]:
        """One at a time: of this process, and of all on a file; until when to wait."""
        give_up_s = time.monotonic() + self._timeout_s
        if not self._mutex.acquire(timeout=self._timeout_s):
            raise WarehouseBusyError(self._busy())
        try:
            if self.path is None:
                yield give_up_s
                return
            lock = self._locked(self.path, give_up_s)
            try:
                yield give_up_s
            finally:
                lock.release()
        finally:
            self._mutex.release()

    def _locked(self, path: Path, give_up_s: float) -> FileLock:
        """Raises WarehouseBusyError, and WarehouseError for a read-only folder."""
        lock = FileLock(f"{path}.lock", thread_local=False, poll_interval=_POLL_S)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=max(give_up_s - time.monotonic(), 0.0))
        except Timeout:
            raise WarehouseBusyError(self._busy()) from None
        except OSError as error:
            raise WarehouseError(
                f"The data folder {path.parent} cannot be written to "
                f"({error.strerror or type(error).__name__}); point IG_DATA_DIR at a "
                "folder of yours."
            ) from None
        return lock

    def _busy(self) -> str:
        what = "warehouse" if self.path is None else f"warehouse file {self.path}"
        return (
            f"The {what} is held by another process for more than "
            f"{self._timeout_s:.0f} s; close the program that has it open."
        )

    def before_fork(self) -> bool:
        """Let no other thread be inside while a child is forked; true where none is."""
        if any(getattr(self._thread, what, None) for what in ("inside", "held")):
            return False
        return self._mutex.acquire(timeout=_FORK_WAIT_S)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._mutex.release()

    def after_fork_in_child(self) -> None:
        """Nothing is open here; what the parent has open is its own to close."""
        _PARENTS.append(self._kept)
        self._have_nothing_open()


def _roll_back(con: Connection) -> None:
    with suppress(duckdb.Error):  # a failed COMMIT has ended the transaction already
        con.execute("ROLLBACK")


_WAREHOUSES: weakref.WeakSet[Warehouse] = weakref.WeakSet()
_PARENTS: list[Connection | None] = []
_FORKING = threading.local()


def _before_fork() -> None:
    _FORKING.paused = [house for house in list(_WAREHOUSES) if house.before_fork()]


def _after_fork_in_parent() -> None:
    for house in _FORKING.paused:
        house.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for house in list(_WAREHOUSES):
        house.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
