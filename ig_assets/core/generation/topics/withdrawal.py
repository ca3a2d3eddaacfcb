"""Lets a person withdraw a topic with a reason, or cancel the withdrawal.

Nothing more is written for a withdrawn topic, whatever the calendar says. Its drafts,
posts and training examples stay. Each change is a row of `topic_withdrawals`; the
latest counts (view `withdrawn_topics`).
"""

from __future__ import annotations

from typing import Any, TypedDict

from ig_assets.core.generation.topics.sync import PLANNED, WITHDRAWN
from ig_assets.core.identity import next_instant
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts, insert_row
from ig_assets.warehouse.warehouse import Connection, Warehouse

_NAMED = """
SELECT t.month, t.topic_id, t.topic, t.status, l.changed_at,
    w.topic_id IS NOT NULL AS by_person
FROM topics AS t
LEFT JOIN withdrawn_topics AS w
  ON w.month = t.month
 AND w.topic_id = t.topic_id
LEFT JOIN (
    SELECT month, topic_id, max(changed_at) AS changed_at
    FROM topic_withdrawals
    GROUP BY month, topic_id
) AS l
  ON l.month = t.month
 AND l.topic_id = t.topic_id
WHERE (? IS NULL OR t.month = ?)
  AND (
    lower(t.topic) = lower(?)
    OR length(?) >= 4 AND starts_with(t.topic_id, ?)
  )
ORDER BY t.month
"""

_WAITING = """
SELECT count(*)
FROM posts AS p
JOIN experiments AS e
  ON e.experiment_id = p.experiment_id
WHERE e.month = ?
  AND e.topic_id = ?
  AND p.status IN ('proposed', 'approved')
"""

_SET_STATUS = """
UPDATE topics
SET status = ?
WHERE month = ?
  AND topic_id = ?
"""


class Withdrawal(TypedDict):
    """A person's decision on a topic.

    `posts_waiting` is the number of its posts that are not published yet.
    """

    month: str
    topic_id: str
    topic: str
    is_withdrawn: bool
    reason: str
    changed_by: str
    posts_waiting: int


def withdraw_topic(
    warehouse: Warehouse,
    clock: Clock,
    topic: str,
    *,
    month: str | None,
    reason: str,
    changed_by: str,
    undo: bool = False,
) -> Withdrawal:
    """Withdraw a topic, or with `undo` plan it again.

    `topic` is its words or the beginning of its id. Raises InputError without a reason,
    if no topic or several match, and if nothing would change.
    """
    if not reason.strip():
        raise InputError("To withdraw a topic, or to plan it again, say why.")
    with warehouse.transaction() as con:
        found = _the_one(con, " ".join(topic.split()), month)
        name = f"{found['topic']!r} of {found['month']}"
        if not undo and found["by_person"]:
            raise InputError(f"The topic {name} is withdrawn already.")
        if undo and not found["by_person"]:
            raise InputError(
                f"The topic {name} was not withdrawn by a person; there is nothing to "
                "take back."
            )
        row = {
            "month": found["month"],
            "topic_id": found["topic_id"],
            "changed_at": next_instant(clock.now(), found["changed_at"]),
            "is_withdrawn": not undo,
            "reason": reason.strip(),
            "changed_by": changed_by,
        }
        insert_row(con, "topic_withdrawals", row)
        key = [found["month"], found["topic_id"]]
        con.execute(_SET_STATUS, [PLANNED if undo else WITHDRAWN, *key])
        waiting = con.execute(_WAITING, key).fetchall()[0][0]
    return Withdrawal(
        month=found["month"],
        topic_id=found["topic_id"],
        topic=found["topic"],
        is_withdrawn=not undo,
        reason=reason.strip(),
        changed_by=changed_by,
        posts_waiting=int(waiting),
    )


def _the_one(con: Connection, name: str, month: str | None) -> dict[str, Any]:
    found = fetch_dicts(con, _NAMED, [month, month, name, name, name])
    if not found:
        where = "" if month is None else f" in {month}"
        raise InputError(
            f"There is no topic {name!r}{where}; see `ig-assets topics list`."
        )
    if len(found) > 1:
        months = ", ".join(row["month"] for row in found)
        raise InputError(
            f"{name!r} is a topic of several months ({months}); add --month."
        )
    return found[0]
