"""Finds when things in lineage became known, for questions about an earlier day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from ig_assets.core.reports.lineage.labels import Node
from ig_assets.errors import InputError
from ig_assets.warehouse.warehouse import Connection

# kind: table, the column of its ids, the column of the time.
_FIRST_SEEN = {
    "script": ("scripts", "script_id", "first_seen_at"),
    "revision": ("scripts", "revision_hash", "first_seen_at"),
    "variant": ("drafts", "variant_id", "created_at"),
    "post": ("posts", "post_id", "published_at"),
    "experiment": ("experiments", "experiment_id", "started_at"),
    "dataset": ("datasets", "dataset_hash", "created_at"),
    "job": ("fine_tune_jobs", "job_id", "submitted_at"),
    "model": ("models", "model_id", "created_at"),
    "import": ("imports", "import_id", "imported_at"),
    "example": ("edges", "child_id", "recorded_at"),
}


def known_at(
    con: Connection, nodes: Collection[Node], as_of: datetime
) -> tuple[Node, ...]:
    """Return the nodes that were known before this instant, in their order.

    A node without a recorded time, such as a topic, counts as known. Raises InputError
    if none was known; the message has the node that became known first, and the day.
    """
    ids = defaultdict(list)
    for kind, id in nodes:
        ids[kind].append(id)
    since: dict[Node, datetime] = {}
    for kind in ids.keys() & _FIRST_SEEN.keys():
        table, column, time = _FIRST_SEEN[kind]
        rows = con.execute(
            f"SELECT {column}, min({time}) FROM {table} WHERE {column} IN "
            f"(SELECT unnest(?::TEXT[])) GROUP BY {column} "
            f"HAVING min({time}) IS NOT NULL",
            [ids[kind]],
        ).fetchall()
        since |= {(kind, str(id)): first for id, first in rows}
    known = tuple(node for node in nodes if node not in since or since[node] < as_of)
    if nodes and not known:
        (kind, id), first = min(since.items(), key=lambda item: item[1])
        raise InputError(
            f"The {kind} {id} is known since {first:%Y-%m-%d}, after the day that you "
            "ask for."
        )
    return known
