"""Reads Parquet with its types."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from ig_assets.core.tabular.decoding import Content
from ig_assets.core.tabular.table import Batch, Cell, Nested, UnreadableTableError

_BATCH = 10_000
_ZONED = "TIMESTAMP WITH TIME ZONE"


@contextmanager
def _file(content: Content) -> Iterator[Path]:
    if isinstance(content, Path):
        yield content
        return
    with tempfile.TemporaryDirectory(prefix="ig_assets_") as folder:
        copy = Path(folder, "table.parquet")
        copy.write_bytes(content)
        yield copy


def parquet_columns(content: Content) -> tuple[str, ...]:
    """The names of the columns. Raises UnreadableTableError."""
    return tuple(name for name, _ in _columns(content))


def parquet_batches(content: Content) -> Iterator[Batch]:
    """The rows, numbered from 1. Raises UnreadableTableError.

    Binary columns without a type are text, since older writers do not declare it.
    """
    import duckdb

    columns = _columns(content)
    zoned = {n for n, (_, kind) in enumerate(columns) if kind == _ZONED}
    # DuckDB gives times with a zone in the machine's own, and needs pytz for that.
    selected = ", ".join(
        f"timezone('UTC', {_quoted(name)})" if n in zoned else _quoted(name)
        for n, (name, _) in enumerate(columns)
    )
    with _file(content) as file, duckdb.connect(":memory:") as con:
        con.execute("SET enable_progress_bar = false")
        try:
            found = con.execute(
                f"SELECT {selected} FROM read_parquet(?, binary_as_string = true)",
                [str(file)],
            )
            number = 1
            while rows := found.fetchmany(_BATCH):
                cells = [
                    [_cell(value, n in zoned) for n, value in enumerate(row)]
                    for row in rows
                ]
                yield Batch(range(number, number + len(rows)), cells)
                number += len(rows)
        except duckdb.Error:
            raise _broken() from None


def _columns(content: Content) -> list[tuple[str, str]]:
    import duckdb

    with _file(content) as file, duckdb.connect(":memory:") as con:
        try:
            found = con.execute(
                "DESCRIBE SELECT * FROM read_parquet(?, binary_as_string = true)",
                [str(file)],
            ).fetchall()
        except duckdb.Error:
            raise _broken() from None
    return [(str(row[0]), str(row[1])) for row in found]


def _broken() -> UnreadableTableError:
    return UnreadableTableError("it cannot be read as Parquet; is it complete?")


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _cell(value: object, is_zoned: bool) -> Cell:
    if is_zoned and isinstance(value, datetime):
        return value.replace(tzinfo=timezone.utc)
    if isinstance(value, (dict, list, tuple, bytes)):
        return Nested(value)
    if value is None or isinstance(value, Cell):
        return value
    return str(value)
