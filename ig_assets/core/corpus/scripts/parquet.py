"""Reads Parquet with the warehouse's own engine: every cell as text.

Bytes without a type are text too: older writers do not say that they mean it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path


class NotParquetError(Exception):
    """The bytes are no Parquet file, or only a part of one."""


def parquet_rows(content: bytes) -> tuple[list[str], list[tuple[str | None, ...]]]:
    """The column names and the rows; NULL stays None. Raises NotParquetError."""
    with tempfile.TemporaryDirectory(prefix="ig_assets_") as folder:
        file = Path(folder, "table.parquet")
        file.write_bytes(content)
        return parquet_file_rows(file)


def parquet_file_rows(file: Path) -> tuple[list[str], list[tuple[str | None, ...]]]:
    """The same of a file that is there."""
    import duckdb

    with duckdb.connect(":memory:") as con:
        try:
            found = con.execute(
                "SELECT CAST(COLUMNS(*) AS TEXT) "
                "FROM read_parquet(?, binary_as_string = true)",
                [str(file)],
            )
            names = [str(column[0]) for column in found.description or []]
            return names, found.fetchall()
        except duckdb.Error as error:
            raise NotParquetError from error
