"""Detects that a store or a warehouse was restored from an older copy.

At the end of each sync, store and warehouse record the same new generation
(`index_generations`). While a sync writes, the warehouse has no generation and the
store a temporary one, so that copies made meanwhile do not match either. If the
generations of store and warehouse differ, the versions of all entries are compared. An
entry's version is a hash of its revision and its metadata; the store keeps it as part
of the entry's metadata.
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
    """The result of comparing the generations of store and warehouse.

    `is_named` is true if both have the same generation, so that the store is in the
    state that the last sync of its namespace left. `is_trusted` is also true if neither
    has one.
    """

    is_trusted: bool
    is_named: bool


def compare(warehouse: Warehouse, index: VectorIndex, namespace: str) -> State:
    """Compare the generations of store and warehouse. Raises VendorError.

    A namespace is also trusted if neither side has a generation, since earlier versions
    recorded none.
    """
    stored = index.generation(namespace)
    with warehouse.transaction() as con:
        known = con.execute(_KNOWN, [index.name, namespace]).fetchall()
    is_named = bool(known) and stored is not None and known[0][0] == stored
    return State(is_named or (not known and stored is None), is_named)


def named(con: Connection, index_name: str, namespace: str) -> str | None:
    """Return the generation that the last sync recorded; None while a sync writes."""
    rows = con.execute(_KNOWN, [index_name, namespace]).fetchall()
    return rows[0][0] if rows else None


def begin(
    warehouse: Warehouse, index: VectorIndex, namespace: str, now: datetime
) -> None:
    """Record that a sync has begun, first in the warehouse. Raises VendorError."""
    with warehouse.transaction() as con:
        _store(con, index.name, namespace, None, now)
    index.mark(namespace, f"open-{uuid.uuid4().hex}")


def end(
    warehouse: Warehouse, index: VectorIndex, namespace: str, now: datetime
) -> None:
    """Record a new generation after a sync, first in the store. Raises VendorError."""
    generation = uuid.uuid4().hex
    index.mark(namespace, generation)
    with warehouse.transaction() as con:
        _store(con, index.name, namespace, generation, now)


def forget(con: Connection, index_name: str, namespace: str) -> None:
    """Delete the generation of a namespace that was emptied."""
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
