"""Detects that tables and index are unchanged since the last sync.

No rows are compared. The tables are checked by a digest of their rows, the store by its
generation (`generations.py`) and its number of entries. This misses a store that lost
one entry and gained another, so everything is compared once a day.
"""

from __future__ import annotations

from datetime import datetime

from ig_assets.core.corpus.checkpoints import (
    FULL_EVERY,
    SCRIPT_STATES,
    Checkpoint,
    read_checkpoint,
    rows_digest,
    write_checkpoint,
)
from ig_assets.core.corpus.embedding.spaces import Space, active_space
from ig_assets.core.corpus.index import generations
from ig_assets.core.ports import VectorIndex
from ig_assets.warehouse.warehouse import Connection, Warehouse

INPUTS = {
    "scripts": (
        "script_id, revision_hash, origin, language, topic, hook_style, first_seen_at, "
        "variant_id"
    ),
    "embeddings": "content_hash, model, dimensions",
    "script_performance": "script_id, revision_hash, source, as_of, rate",
    "decisions": "decisions",
    "experiments": "experiments",
    "standings": "standings",
    "winner_acceptances": "winner_acceptances",
    **SCRIPT_STATES,
}
"""{table: columns} that determine an index plan (`plan.py`).

Some of the tables are read through views. The table's name in place of columns stands
for all its columns.
"""


def inputs_digest(con: Connection) -> str:
    """Return a digest of the tables that determine what an index should contain."""
    return rows_digest(con, INPUTS)


def unchanged_entries(
    warehouse: Warehouse, index: VectorIndex, space: Space, now: datetime
) -> int | None:
    """Return the number of entries if tables and store are as the last sync left them.

    Returns None if they are not, or if a full comparison is due. Raises VendorError.
    """
    with warehouse.transaction() as con:
        last = read_checkpoint(con, _part(index, space))
        named = generations.named(con, index.name, space.namespace)
        if last is None or named is None or not _is_recent(last, now):
            return None
        if last.state != _state(con, index, space, inputs_digest(con)):
            return None
    is_same = index.generation(space.namespace) == named
    if not is_same or index.count(space.namespace) != last.unchanged:
        return None
    return last.unchanged


def note_complete(
    con: Connection,
    index: VectorIndex,
    space: Space,
    entries: int,
    inputs: str,
    now: datetime,
) -> None:
    """Record that everything was compared and that the index has every script.

    `entries` is the number of entries, `inputs` the digest of the tables at the
    comparison.
    """
    state = _state(con, index, space, inputs)
    write_checkpoint(con, _part(index, space), Checkpoint(state, entries, now))


def _is_recent(last: Checkpoint, now: datetime) -> bool:
    """Return whether the last comparison is recent; False if the clock was set back."""
    return last.compared_at <= now < last.compared_at + FULL_EVERY


def _part(index: VectorIndex, space: Space) -> str:
    return f"index {index.name} {space.namespace} {space.model}"


def _state(con: Connection, index: VectorIndex, space: Space, inputs: str) -> str:
    """Return a digest of the state that a sync leaves, to compare with a later one.

    It contains the digests of the inputs and of the recorded entries, and whether
    queries use `space`.
    """
    entries = rows_digest(con, {"index_entries": "index_entries"})
    return f"{inputs} {entries} {active_space(con, index.name) == space}"
