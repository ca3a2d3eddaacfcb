"""Embedding spaces: which one a vector index answers from, and since when.

A space is a model with its dimensions; each has its own namespace in the index. While
a new one is filled the old one answers: `index_spaces` has a row a switch, and the
latest one counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

_LATEST = """
    SELECT model, dimensions, activated_at
    FROM index_spaces
    WHERE index_name = ?
    ORDER BY activated_at DESC
    LIMIT 1
"""


@dataclass(frozen=True)
class Space:
    """What makes vectors comparable."""

    model: str
    dimensions: int

    @property
    def namespace(self) -> str:
        """The space's namespace in any index."""
        return f"{self.model}-{self.dimensions}"


def namespace_of(model: str, dimensions: int) -> str:
    """The namespace of an embedding space."""
    return Space(model, dimensions).namespace


def dimensions_of(namespace: str) -> int | None:
    """The dimensions that a namespace's name tells; None where it tells none."""
    _, _, tail = namespace.rpartition("-")
    return int(tail) if tail.isdecimal() else None


def active_space(con: Connection, index_name: str) -> Space | None:
    """The space that answers queries; None before the first was complete."""
    latest = con.execute(_LATEST, [index_name]).fetchall()
    return Space(latest[0][0], latest[0][1]) if latest else None


def activate(con: Connection, index_name: str, space: Space, now: datetime) -> None:
    """Let a space answer from now on."""
    latest = con.execute(_LATEST, [index_name]).fetchall()
    # Two switches at one instant of a simulated clock still have an order.
    after = [at + timedelta(microseconds=1) for _, _, at in latest]
    merge_rows(
        con,
        "index_spaces",
        [
            {
                "index_name": index_name,
                "namespace": space.namespace,
                "model": space.model,
                "dimensions": space.dimensions,
                "activated_at": max([now, *after]),
            }
        ],
        replace=False,
    )
