"""Keep the DuckDB instances of this process for reuse.

Making an instance takes longer than a short transaction in it. An instance has one home
attached at a time, as `home`, and the named views in its own catalogue. A warehouse
that detached its home leaves the instance for the next one.

An instance runs with one thread: waking more takes longer than the few rows of most
transactions (with two threads an inserted row costs half as much again). A transaction
that lasts longer gets all threads for the rest of its work.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import duckdb

from ig_assets.warehouse.backends import Connection


@dataclass
class Instance:
    """An in-memory DuckDB to which one warehouse at a time is attached, as `home`.

    `kind` is duckdb, postgres or ducklake. `has_views` says whether the named views
    exist in it.
    """

    con: Connection
    kind: str
    has_views: bool = False
    _all_threads: bool = False

    def use_all_threads(self) -> None:
        """Let the running statement use every core; any thread may call this."""
        if not self._all_threads:
            self._all_threads = True
            with self.con.cursor() as con:
                con.execute("RESET threads")

    def use_one_thread(self) -> None:
        """Go back to one thread, for short transactions.

        No statement may be running.
        """
        if self._all_threads:
            self._all_threads = False
            self.con.execute("SET threads = 1")


_IDLE: list[Instance] = []


def take_instance(kind: str) -> Instance:
    """Return an instance for homes of this kind, with no home attached.

    An idle one is reused; otherwise a new one is made.
    """
    for instance in list(_IDLE):
        if instance.kind == kind:
            try:
                _IDLE.remove(instance)
            except ValueError:  # another thread took it
                continue
            return instance
    con = duckdb.connect(":memory:")
    con.execute("SET threads = 1")
    # A forked child may end with a copy of what its parent has attached.
    con.execute("PRAGMA disable_checkpoint_on_shutdown")
    return Instance(con, kind)


def leave_instance(instance: Instance) -> None:
    """Give back an instance whose home is detached."""
    _IDLE.append(instance)


def disown_instances(in_use: list[Instance]) -> None:
    """In a forked child, use none of the parent's instances, and never close one.

    The parent's threads do not exist in the child, and DuckDB would abort a child that
    waits for them. One more reference keeps the instances alive past the child's end.
    The default connection, which DuckDB 1.5.5 makes when it is imported, is kept too: a
    child with threads of its own was seen to abort when that connection was closed.
    """
    connections = [instance.con for instance in (*_IDLE, *in_use)]
    for connection in (duckdb.default_connection(), *connections):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
    _IDLE.clear()
