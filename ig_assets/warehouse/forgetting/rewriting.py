"""Rewrite a DuckDB file without the rows that were deleted from it.

DuckDB only marks deleted rows and old versions of updated rows, and reuses their blocks
later. Their texts stay in the file's bytes after DELETE, CHECKPOINT and VACUUM. A copy
holds the present rows alone.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from ig_assets.errors import WarehouseError
from ig_assets.warehouse.backends import FORMAT, quoted

_COUNTED = """
    SELECT table_name
    FROM duckdb_tables()
    WHERE database_name = ?
        AND schema_name = 'ig'
    ORDER BY table_name
"""


def rewrite_file(path: Path) -> None:
    """Replace the file by a copy of its rows; no process may have it attached.

    A crash leaves either the old file or the new one. The write-ahead log is merged
    into the old file first, so that it is not read into the new one. Raises
    WarehouseError if the copy lacks a row, and duckdb.Error.
    """
    fresh, log = path.with_name(f"{path.name}.rewritten"), Path(f"{path}.wal")
    for leftover in (fresh, Path(f"{fresh}.wal")):
        leftover.unlink(missing_ok=True)
    with duckdb.connect(":memory:") as con:
        con.execute(f"ATTACH '{quoted(str(path))}' AS old")
        con.execute("CHECKPOINT old")
        con.execute("DETACH old")
        if log.exists():
            raise WarehouseError(f"The write-ahead log {log} could not be merged.")
        con.execute(f"ATTACH '{quoted(str(path))}' AS old (READ_ONLY)")
        con.execute(
            f"ATTACH '{quoted(str(fresh))}' AS fresh (STORAGE_VERSION '{FORMAT}')"
        )
        con.execute("COPY FROM DATABASE old TO fresh")
        if _counts(con, "old") != _counts(con, "fresh"):
            raise WarehouseError(
                f"The copy of {path} lacks rows; it was not put in its place."
            )
        con.execute("CHECKPOINT fresh")
        con.execute("DETACH fresh")
        con.execute("DETACH old")
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(fresh, path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _counts(con: duckdb.DuckDBPyConnection, database: str) -> dict[str, int]:
    tables = [name for (name,) in con.execute(_COUNTED, [database]).fetchall()]
    return {
        name: int(
            con.execute(f'SELECT count(*) FROM {database}.ig."{name}"').fetchall()[0][0]
        )
        for name in tables
    }
