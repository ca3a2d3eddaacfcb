"""Notices a store or a warehouse that was restored from an older copy.

Store and warehouse name the state after each sync that ended with the same generation
(`index_generations`). While a sync writes, the warehouse has none and the store one of
its own, so that copies made meanwhile are no match either. Where the two differ, the
versions of all entries are compared: an entry's version is a hash of its revision and
its metadata, and part of its metadata in the store.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import NamedTuple

from ig_assets.core.ports import VectorIndex
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

_KNOWN = """
    SELECT generation
    FROM index_generations
    WHERE index_name = ?
        AND namespace = ?
"""


class State(NamedTuple):
    """How a namespace stands to its last sync.

    `is_trusted` where the store is as that sync left it; `is_named` where both have
    that state's generation.
    """

    is_trusted: bool
    is_named: bool


def compare(warehouse: Warehouse, index: VectorIndex, namespace: str) -> State:
    """Compare the generations of store and warehouse. Raises VendorError.

    A namespace from before there were generations, in both, is taken as it is.
    """
    stored = index.generation(namespace)
    with warehouse.transaction() as con:
        known = con.execute(_KNOWN, [index.name, namespace]).fetchall()
    is_named = bool(known) and stored is not None and known[0][0] == stored
    return State(is_named or (not known and stored is None), is_named)


def named(con: Connection, index_name: str, namespace: str) -> str | None:
    """The generation after the last sync that ended; None while one writes."""
    rows = con.execute(_KNOWN, [index_name, namespace]).fetchall()
    return rows[0][0] if rows else None


def begin(
    warehouse: Warehouse, index: VectorIndex, namespace: str, now: datetime
) -> None:
    """Say in both that a sync writes: first in the warehouse. Raises VendorError."""
    with warehouse.transaction() as con:
        _store(con, index.name, namespace, None, now)
    index.mark(namespace, f"open-{uuid.uuid4().hex}")


def end(
    warehouse: Warehouse, index: VectorIndex, namespace: str, now: datetime
) -> None:
    """Name the state in both: first in the store. Raises VendorError."""
    generation = uuid.uuid4().hex
    index.mark(namespace, generation)
    with warehouse.transaction() as con:
        _store(con, index.name, namespace, generation, now)


def forget(con: Connection, index_name: str, namespace: str) -> None:
    """Record that a namespace was emptied."""
    con.execute(
        "DELETE FROM index_generations WHERE index_name = ? AND namespace = ?",
        [index_name, namespace],
    )


def _store(
    con: Connection,
    index_name: str,
    namespace: str,
    generation: str | None,
    now: datetime,
) -> None:
    row = {
        "index_name": index_name,
        "namespace": namespace,
        "generation": generation,
        "marked_at": now,
    }
    merge_rows(con, "index_generations", [row])
