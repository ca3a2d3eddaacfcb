"""What a sync has compared and found equal, so that the next need not compare it again.

Each part of the corpus stage compares two sides: the library's files with the tables,
or the tables with a vector index. A checkpoint (table `sync_checkpoints`) is a digest
of all that such a comparison reads, written where it found nothing left to do. While
both sides have the same digests, there is nothing to do either.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

FULL_EVERY = timedelta(days=1)
"""How often a store that only counts its entries is compared in full all the same."""

SCRIPT_STATES = {
    "script_status": "script_id, changed_at, status, revision_hash",
    "forgotten": "script_id",
}
"""What the view `current_scripts` reads besides `scripts`."""

_READ = """
    SELECT state, unchanged, compared_at
    FROM sync_checkpoints
    WHERE part = ?
"""


class Checkpoint(NamedTuple):
    """A state with nothing to do: its digest, and how many scripts are in it."""

    state: str
    unchanged: int
    compared_at: datetime


def read_checkpoint(con: Connection, part: str) -> Checkpoint | None:
    """The last state of a part that had nothing left to do."""
    rows = con.execute(_READ, [part]).fetchall()
    return Checkpoint(*rows[0]) if rows else None


def write_checkpoint(con: Connection, part: str, checkpoint: Checkpoint) -> None:
    """Say that a part has nothing left to do in this state."""
    merge_rows(con, "sync_checkpoints", [{"part": part, **checkpoint._asdict()}])


def rows_digest(con: Connection, columns: Mapping[str, str]) -> str:
    """A digest of these columns of these tables, whatever the order of the rows.

    It differs where a row does. Only DuckDB of one version gives the same digest of
    the same rows.
    """
    parts = [
        f"(SELECT concat_ws('.', count(*), bit_xor(hash({listed}))) FROM {table})"
        for table, listed in sorted(columns.items())
    ]
    query = f"SELECT concat_ws(' ', {', '.join(parts)})"
    return str(con.execute(query).fetchall()[0][0])
