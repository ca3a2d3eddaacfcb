"""Reads Parquet with its types."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ig_assets.core.tabular.decoding import Content
from ig_assets.core.tabular.table import Batch, Cell, Nested, UnreadableTableError

_BATCH = 10_000


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

    Times with a zone are given as UTC without one; binary columns without a type are
    text, since older writers do not declare it.
    """
    import duckdb

    columns = _columns(content)
    selected = ", ".join(
        (
            f"timezone('UTC', {_quoted(name)}) AS {_quoted(name)}"
            if kind.startswith("TIMESTAMP WITH TIME ZONE")
            else _quoted(name)
        )
        for name, kind in columns
    )
    with _file(content) as file, duckdb.connect(":memory:") as con:
        try:
            found = con.execute(
                f"SELECT {selected} FROM read_parquet(?, binary_as_string = true)",
                [str(file)],
            )
            number = 1
            while rows := found.fetchmany(_BATCH):
                cells = [[_cell(value) for value in row] for row in rows]
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


def _cell(value: object) -> Cell:
    if isinstance(value, (dict, list, tuple, bytes)):
        return Nested(value)
    if value is None or isinstance(value, Cell):
        return value
    return str(value)
