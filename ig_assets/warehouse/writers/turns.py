"""Whose turn it is at a home: one process at a time, in the order in which they ask.

Two locks make a turn. Who has `turn` may use the home. Who has `queue` is the next:
he waits for `turn` and gives `queue` back once he has it. So a process that keeps its
turn for a while can see that another waits, since `queue` is then taken, and a process
that gave its turn back cannot take it again before the one that waits.
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
        """Take it where it is free; whether it was."""

    def release(self) -> None:
        """Let it go; no error where it is not held."""

    def forget(self) -> None:
        """In a forked child: leave a lock that is held to the parent."""


class Turn:
    """The right of one process to use a home."""

    def __init__(self, turn: Lock, queue: Lock) -> None:
        self._turn = turn
        self._queue = queue

    def take(self, give_up_s: float, busy: str) -> None:
        """Wait until `give_up_s` (monotonic).

        Raises WarehouseBusyError with the text `busy`.
        """
        _acquire(self._queue, give_up_s, busy)
        try:
            _acquire(self._turn, give_up_s, busy)
        finally:
            self._queue.release()

    def give_back(self) -> None:
        """Let the next process have it."""
        self._turn.release()

    def forget(self) -> None:
        """In a forked child: leave what is held to the parent."""
        self._turn.forget()
        self._queue.forget()

    def is_wanted(self) -> bool:
        """Whether another process waits for it now; none does in a removed folder."""
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
    """A locked file, which stays; its lock ends with the process, however that ends.

    The package filelock does the same, but takes 0.1 s to import, for its asyncio.
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
    """Turns at a file; its locks are files beside it, `.lock` and `.queue`."""
    return Turn(_LockedFile(Path(f"{path}.lock")), _LockedFile(Path(f"{path}.queue")))


class _AdvisoryLock:
    """A lock of a Postgres, in a transaction of its own that does nothing else.

    Taken before the transaction that it guards begins: in Postgres's repeatable read
    that one would not see what the process before it committed. A server that ends
    this session ends the turn without a message; then `fences` hold.
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
    """Roll back before closing: DuckDB aborts the process where it has to do so itself
    and the server is gone, which has then ended the transaction already."""
    with suppress(duckdb.Error):
        con.execute("ROLLBACK")
    con.close()


def server_turn(connect: Callable[[], duckdb.DuckDBPyConnection]) -> Turn:
    """Turns at a server; `connect` gives a DuckDB with its Postgres as `turns`."""
    connection = functools.cache(connect)
    return Turn(_AdvisoryLock(connection, 1), _AdvisoryLock(connection, 2))
