"""The DuckDB instances of this process, kept: making one takes longer than its work.

An instance has one home attached at a time, as `home`, and the named views in its own
catalog. A home that is done with its instance leaves it to the next.

It has one thread, since to wake more takes longer than the few rows of most
transactions: with two threads an inserted row costs half as much again. A transaction
that lasts gets all threads for what it has yet to do.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import duckdb

from ig_assets.warehouse.backends import Connection


@dataclass
class Instance:
    """An in-memory DuckDB to which one warehouse at a time is attached, as `home`.

    `kind` is duckdb, postgres or ducklake; `has_views` says whether the named views
    exist in it.
    """

    con: Connection
    kind: str
    has_views: bool = False
    _all_threads: bool = False

    def use_all_threads(self) -> None:
        """Let what is running use every core; from any thread."""
        if not self._all_threads:
            self._all_threads = True
            with self.con.cursor() as con:
                con.execute("RESET threads")

    def use_one_thread(self) -> None:
        """Serve short transactions again; nothing may be running."""
        if self._all_threads:
            self._all_threads = False
            self.con.execute("SET threads = 1")


_IDLE: list[Instance] = []


def take_instance(kind: str) -> Instance:
    """An instance that no home is attached to."""
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
    """Give an instance back whose home is detached."""
    _IDLE.append(instance)


def disown_instances(in_use: list[Instance]) -> None:
    """In a forked child: use none of the parent's instances, and never close one.

    Its threads are not here, so that DuckDB would abort the child that waits for them:
    a reference more keeps them alive past the child's end. That includes the default
    connection, which DuckDB 1.5.5 makes by itself when it is imported: a child that
    started threads of its own was seen to abort where that one was closed.
    """
    connections = [instance.con for instance in (*_IDLE, *in_use)]
    for connection in (duckdb.default_connection(), *connections):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
    _IDLE.clear()
