"""What a named view is, and the form of those of the latest row of each key."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """A view over the tables and over the views before it; `grain` is its one line."""

    name: str
    grain: str
    query: str


_LATEST = """
SELECT *
FROM home.ig.{table}
QUALIFY row_number() OVER (
    PARTITION BY {key}
    ORDER BY {recency}
) = 1
"""


def latest(name: str, grain: str, table: str, key: str, recency: str) -> View:
    """A view of the first row of each `key` of a table, ordered by `recency`."""
    return View(name, grain, _LATEST.format(table=table, key=key, recency=recency))
