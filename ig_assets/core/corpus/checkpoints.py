"""Reads and writes checkpoints, which let a sync skip a comparison that it has done.

Each part of the corpus stage compares two sides: the library's files with the tables,
or the tables with a vector index. A part that finds no difference writes a checkpoint
to the table `sync_checkpoints`: a digest of all that the comparison read. The next sync
of the part skips the comparison if the digest is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

FULL_EVERY = timedelta(days=1)
"""Time after which an index is compared in full whatever its checkpoint says."""

SCRIPT_STATES = {
    "script_status": "script_id, changed_at, status, revision_hash",
    "forgotten": "script_id",
}
"""{table: columns} that the view `current_scripts` reads besides `scripts`."""

_READ = """
    SELECT state, unchanged, compared_at
    FROM sync_checkpoints
    WHERE part = ?
"""


class Checkpoint(NamedTuple):
    """A state in which a part of the corpus stage had nothing left to do.

    `state` is the digest of what the part compared, `unchanged` the number of scripts
    in it, and `compared_at` the time of the comparison.
    """

    state: str
    unchanged: int
    compared_at: datetime


def read_checkpoint(con: Connection, part: str) -> Checkpoint | None:
    """Return the latest checkpoint of a part of the corpus stage, or None."""
    rows = con.execute(_READ, [part]).fetchall()
    return Checkpoint(*rows[0]) if rows else None


def write_checkpoint(con: Connection, part: str, checkpoint: Checkpoint) -> None:
    """Store the checkpoint of a part; it replaces the part's earlier checkpoint."""
    merge_rows(con, "sync_checkpoints", [{"part": part, **checkpoint._asdict()}])


def rows_digest(con: Connection, columns: Mapping[str, str]) -> str:
    """Return a digest of all rows of the tables in `columns` ({table: columns}).

    The digest changes if a value in one of these columns changes, or if a row is added
    or deleted; the order of the rows does not matter. Another version of DuckDB gives
    another digest for the same rows.
    """
    parts = [
        f"(SELECT concat_ws('.', count(*), bit_xor(hash({listed}))) FROM {table})"
        for table, listed in sorted(columns.items())
    ]
    query = f"SELECT concat_ws(' ', {', '.join(parts)})"
    return str(con.execute(query).fetchall()[0][0])
