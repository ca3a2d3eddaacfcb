"""Finds an experiment by its id, by the beginning of its id, or by a test's name."""

from __future__ import annotations

from ig_assets.warehouse.rows import SHORTEST_PREFIX, only_one
from ig_assets.warehouse.warehouse import Connection

_MOST = 6

_NAMED = """
SELECT experiment_id
FROM experiments
WHERE experiment_id = ?
   OR segment = 'history' AND intent_key = ?
   OR length(?) >= ? AND starts_with(experiment_id, ?)
ORDER BY experiment_id = ? DESC, experiment_id
LIMIT ?
"""


def experiment_named(con: Connection, name: str) -> str:
    """Return the id of the experiment that a person means by `name`.

    `name` is the experiment's id, the beginning of the id (4 letters or more), or for
    an imported test the name in its file. Raises InputError if none or several match.
    """
    parameters = [name, name, name, SHORTEST_PREFIX, name, name, _MOST]
    found = [str(row[0]) for row in con.execute(_NAMED, parameters).fetchall()]
    return only_one(found, name, "experiment")
