"""Define what a named view is, and make views of the latest row of each key."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """A view over the tables and the views before it. `grain` says what one row is."""

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
    """Return a view of the latest row per `key` of a table.

    `recency` is the SQL order by which the latest row comes first.
    """
    return View(name, grain, _LATEST.format(table=table, key=key, recency=recency))
