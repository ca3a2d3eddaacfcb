"""Moves posts whose slot passed without publication, e.g. because no daemon ran.

If late posts were published at once, all arms of an experiment would appear within
minutes, perhaps weeks after their day. Therefore the open posts of an experiment are
moved together, by whole days: the time of day and the distances between arms stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

DAY = timedelta(days=1)
LATE = DAY
"""Largest delay after its slot at which an approved post is published as planned."""

_OPEN = """
SELECT post_id, experiment_id, slot, status, detail
FROM posts
WHERE status IN ('proposed', 'approved')
  AND variant_id IS NOT NULL
  AND experiment_id IN (
    SELECT experiment_id
    FROM posts
    WHERE status = 'approved'
      AND variant_id IS NOT NULL
      AND slot < ?
  )
ORDER BY experiment_id, slot, post_id
"""


def move_late_slots(con: Connection, now: datetime, asks_again: bool) -> int:
    """Move experiments with late approved posts to coming days.

    Returns the number of moved posts. The first slot of an experiment is then within a
    day of `now`. With `asks_again` its posts are proposed again, since a person
    approved them for another day.
    """
    experiments: dict[str, list[Mapping[str, Any]]] = {}
    for post in fetch_dicts(con, _OPEN, [now - LATE]):
        experiments.setdefault(post["experiment_id"], []).append(post)
    for posts in experiments.values():
        _move(con, now, posts, asks_again)
    return sum(map(len, experiments.values()))


def _move(
    con: Connection,
    now: datetime,
    posts: Sequence[Mapping[str, Any]],
    asks_again: bool,
) -> None:
    days = -((min(post["slot"] for post in posts) - now) // DAY)
    for post in posts:
        planned = str(post["detail"] or "planned").split("; ")[0]
        said = f"{planned}; moved on by {days} days, its slot had passed"
        status = "proposed" if asks_again else post["status"]
        con.execute(
            "UPDATE posts SET slot = ?, status = ?, detail = ? WHERE post_id = ?",
            [post["slot"] + days * DAY, status, said, post["post_id"]],
        )
