"""Records which embedding space each vector index uses for queries, and since when.

A space is a model with its number of dimensions; each space has its own namespace in
the index. While a new space is filled, the old one stays active. The table
`index_spaces` has one row per change of the active space, and the latest row counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ig_assets.core.identity import next_instant
from ig_assets.core.ports import Embedder
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

_LATEST = """
    SELECT model, dimensions, activated_at
    FROM latest_index_spaces
    WHERE index_name = ?
"""


@dataclass(frozen=True)
class Space:
    """A model and its dimensions; only vectors of one space are comparable."""

    model: str
    dimensions: int

    @classmethod
    def of(cls, embedder: Embedder) -> Space:
        """Return the space of the vectors that an embedder makes."""
        return cls(embedder.model, embedder.dimensions)

    @property
    def namespace(self) -> str:
        """The space's namespace in any index."""
        return f"{self.model}-{self.dimensions}"


def dimensions_of(namespace: str) -> int | None:
    """Return the number of dimensions at the end of a namespace's name, or None."""
    _, _, tail = namespace.rpartition("-")
    return int(tail) if tail.isdecimal() else None


def active_space(con: Connection, index_name: str) -> Space | None:
    """Return the space that is used for queries, or None if none was complete yet."""
    latest = con.execute(_LATEST, [index_name]).fetchall()
    return Space(latest[0][0], latest[0][1]) if latest else None


def activate(con: Connection, index_name: str, space: Space, now: datetime) -> None:
    """Record that queries of the index use this space from `now` on."""
    latest = con.execute(_LATEST, [index_name]).fetchall()
    row = {
        "index_name": index_name,
        "namespace": space.namespace,
        "model": space.model,
        "dimensions": space.dimensions,
        "activated_at": next_instant(now, latest[0][2] if latest else None),
    }
    merge_rows(con, "index_spaces", [row], replace=False)
