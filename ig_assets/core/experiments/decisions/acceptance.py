"""Lets a person accept a held winner with a reason, or withdraw the acceptance.

A winner is held (view `held_winners`) if its audience was not divided as planned, or if
an earlier version of this program decided it by testing z a second time (rule `repeated
z`). A held winner is displayed with the cause. It is not promoted, trained on or
weighted in retrieval until a person who knows the cause accepts it.

Each acceptance or withdrawal is a row of `winner_acceptances`. The latest row of an
experiment counts. It holds for the arm that it names, until another arm wins.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from ig_assets.core.identity import next_instant
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import insert_row
from ig_assets.warehouse.warehouse import Connection, Warehouse

_WON = """
SELECT w.winner_arm, h.cause, v.experiment_id IS NOT NULL,
       w.decided_at, a.changed_at
FROM won_decisions AS w
LEFT JOIN held_winners AS h
  ON h.experiment_id = w.experiment_id
LEFT JOIN latest_acceptances AS a
  ON a.experiment_id = w.experiment_id
LEFT JOIN accepted_winners AS v
  ON v.experiment_id = w.experiment_id
WHERE w.experiment_id = ?
"""


class Acceptance(TypedDict):
    """One row of `winner_acceptances`."""

    experiment_id: str
    changed_at: datetime
    winner_arm: str
    is_accepted: bool
    reason: str
    changed_by: str


def accept_winner(
    warehouse: Warehouse,
    clock: Clock,
    experiment_id: str,
    *,
    reason: str,
    changed_by: str,
    undo: bool = False,
) -> Acceptance:
    """Accept the held winner of an experiment, or with `undo` hold it again.

    Raises InputError without a reason, if the experiment has no winner, and if nothing
    would change.
    """
    if not reason.strip():
        raise InputError("Accepting a held winner needs a reason; say why.")
    with warehouse.transaction() as con:
        winner_arm, decided_at, known_at = _winner(con, experiment_id, undo)
        row: Acceptance = {
            "experiment_id": experiment_id,
            "changed_at": next_instant(max(clock.now(), decided_at), known_at),
            "winner_arm": winner_arm,
            "is_accepted": not undo,
            "reason": reason.strip(),
            "changed_by": changed_by,
        }
        insert_row(con, "winner_acceptances", row)
    return row


def _winner(
    con: Connection, experiment_id: str, undo: bool
) -> tuple[str, datetime, datetime | None]:
    """Return (winning arm, time of its decision, time of the last acceptance or None).

    Raises InputError if there is no winner, or nothing to accept or to withdraw.
    """
    rows = con.execute(_WON, [experiment_id]).fetchall()
    if not rows:
        raise InputError(
            f"Experiment {experiment_id} has no winner now; there is nothing to accept."
        )
    ((arm, held_by, is_accepted, decided_at, changed_at),) = rows
    if undo and not is_accepted:
        raise InputError(
            f"The winner {arm} of experiment {experiment_id} was not accepted by a "
            "person; there is nothing to take back."
        )
    if not undo and held_by is None:
        raise InputError(
            f"The winner {arm} of experiment {experiment_id} is not held; it is used "
            "already."
        )
    return str(arm), decided_at, changed_at
