"""Give one process at a time its turn at a home, in the order in which they ask.

A turn uses two locks. The process that holds `turn` may use the home. The process that
holds `queue` is the next one: it waits for `turn` and releases `queue` once it has it.
So a process that keeps its turn for a while can see that another one waits, because
`queue` is taken. And a process that gave its turn back cannot take it again before the
one that waits.
"""

from __future__ import annotations

import fcntl
import functools
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import duckdb

from ig_assets.errors import WarehouseBusyError

_POLL_S = 0.002
_OF_THE_PARENT: list[duckdb.DuckDBPyConnection | None] = []
_APPLICATION = 20_260_512  # the first half of the keys of our advisory locks


class Lock(Protocol):
    """A lock between processes that ends with the process that holds it."""

    def try_acquire(self) -> bool:
        """Take the lock if it is free; return whether it was taken."""

    def release(self) -> None:
        """Release the lock; do nothing if it is not held."""

    def forget(self) -> None:
        """In a forked child, drop a held lock without releasing it for the parent."""


class Turn:
    """The right of one process to use a home."""

    def __init__(self, turn: Lock, queue: Lock) -> None:
        self._turn = turn
        self._queue = queue

    def take(self, give_up_s: float, busy: str) -> None:
        """Wait for the turn and take it.

        Raises WarehouseBusyError with the text `busy` if it is not free by `give_up_s`
        (monotonic seconds).
        """
        _acquire(self._queue, give_up_s, busy)
        try:
            _acquire(self._turn, give_up_s, busy)
        finally:
            self._queue.release()

    def give_back(self) -> None:
        """Release the turn, so that the next process can take it."""
        self._turn.release()

    def forget(self) -> None:
        """In a forked child, drop held locks without releasing them for the parent."""
        self._turn.forget()
        self._queue.forget()

    def is_wanted(self) -> bool:
        """Return whether another process waits for the turn.

        If the folder of the locks was removed, the answer is False.
        """
        try:
            if not self._queue.try_acquire():
                return True
        except FileNotFoundError:
            return False
        self._queue.release()
        return False


def _acquire(lock: Lock, give_up_s: float, busy: str) -> None:
    while not lock.try_acquire():
        if time.monotonic() > give_up_s:
            raise WarehouseBusyError(busy)
        time.sleep(_POLL_S)


class _LockedFile:
    """A lock on a file that is never deleted; it ends with the process that holds it.

    The package filelock does the same, but takes 0.1 s to import because of asyncio.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def try_acquire(self) -> bool:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        except BaseException:
            os.close(file)
            raise
        self._file = file
        return True

    def release(self) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self.forget()

    def forget(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def file_turn(path: Path) -> Turn:
    """Return the turn at a file, with the locks `PATH.lock` and `PATH.queue`."""
    return Turn(_LockedFile(Path(f"{path}.lock")), _LockedFile(Path(f"{path}.queue")))


class _AdvisoryLock:
    """An advisory lock of a Postgres, held by a transaction that does nothing else.

    It is taken before the transaction that it guards begins. In Postgres's repeatable
    read, a transaction that began earlier would not see what the process before it
    committed. A server that ends this session ends the turn without a message; `fences`
    then protect the data.
    """

    def __init__(
        self, connection: Callable[[], duckdb.DuckDBPyConnection], key: int
    ) -> None:
        self._connection = connection
        # A server that ends idle sessions would end the turn with them.
        self._query = (
            f"SELECT pg_try_advisory_xact_lock({_APPLICATION}, {key}) AS got, "
            "set_config('idle_in_transaction_session_timeout', '0', true)"
        )
        self._held: duckdb.DuckDBPyConnection | None = None

    def try_acquire(self) -> bool:
        con = self._connection().cursor()
        con.execute("BEGIN")
        [(got,)] = con.execute(
            "SELECT got FROM postgres_query('turns', ?)", [self._query]
        ).fetchall()
        if got:
            self._held = con
        else:
            _end(con)
        return bool(got)

    def release(self) -> None:
        if self._held is not None:
            _end(self._held)
            self._held = None

    def forget(self) -> None:
        _OF_THE_PARENT.append(self._held)
        self._held = None


def _end(con: duckdb.DuckDBPyConnection) -> None:
    """Roll back, then close.

    DuckDB aborts the process if it has to roll back by itself and the server is gone.
    The server has ended the transaction by then, so a failed ROLLBACK is ignored.
    """
    with suppress(duckdb.Error):
        con.execute("ROLLBACK")
    con.close()


def server_turn(connect: Callable[[], duckdb.DuckDBPyConnection]) -> Turn:
    """Return the turn at a server.

    `connect` returns a DuckDB that has the server's Postgres attached as `turns`.
    """
    connection = functools.cache(connect)
    return Turn(_AdvisoryLock(connection, 1), _AdvisoryLock(connection, 2))
