"""Which experiment a person means: by its id, its beginning, or the team's own name."""

from __future__ import annotations

from ig_assets.errors import InputError
from ig_assets.warehouse.warehouse import Connection

SHORTEST = 4
_SHOWN = 5

_NAMED = """
SELECT experiment_id
FROM experiments
WHERE experiment_id = ?
   OR segment = 'history' AND intent_key = ?
   OR length(?) >= ? AND starts_with(experiment_id, ?)
ORDER BY experiment_id = ? DESC, experiment_id
LIMIT ?
"""


def experiment_named(con: Connection, told: str) -> str:
    """The id of the experiment that `told` names.

    It may be the id, its beginning (4 letters or more), or for an imported test the
    name that its file gives it. Raises InputError where none or several are meant.
    """
    parameters = [told, told, told, SHORTEST, told, told, _SHOWN + 1]
    found = [str(row[0]) for row in con.execute(_NAMED, parameters).fetchall()]
    if not found:
        raise InputError(f"There is no experiment {told!r}.")
    if found[0] == told or len(found) == 1:
        return found[0]
    some = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
    raise InputError(f"{told!r} may be one of several experiments: {some}.")
