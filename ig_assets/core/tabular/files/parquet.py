"""Reads Parquet with its types; nested rows are read like JSON."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ig_assets.core.tabular.files.decoding import Content
from ig_assets.core.tabular.files.json_rows import object_batches, object_columns
from ig_assets.core.tabular.files.json_shapes import row_of
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
    """Return the names of the columns, with those of nested objects (`owner.username`).

    Raises UnreadableTableError.
    """
    columns = _columns(content)
    if not any(_is_nested(kind) for _, kind in columns):
        return tuple(name for name, _ in columns)
    return object_columns(_objects(content, columns))


def parquet_batches(content: Content, names: Sequence[str]) -> Iterator[Batch]:
    """Yield the rows of the columns `names`, numbered from 1.

    Binary columns without a declared type are read as text, as old writers declare
    none. Raises UnreadableTableError.
    """
    columns = _columns(content)
    if any(_is_nested(kind) for _, kind in columns):
        yield from object_batches(_objects(content, columns), names)
        return
    number = 1
    for rows in _rows(content, columns):
        yield Batch(range(number, number + len(rows)), rows)
        number += len(rows)


def _objects(
    content: Content, columns: Sequence[tuple[str, str]]
) -> Iterator[tuple[int, dict[str, Any] | str | None]]:
    """Yield (row number, row as an object), without vendors' wrappers."""
    names = [name for name, _ in columns]
    nested = {n for n, (_, kind) in enumerate(columns) if _is_nested(kind)}
    number = 0
    for rows in _rows(content, columns):
        for row in rows:
            number += 1
            cells = [
                json.loads(cell) if n in nested and isinstance(cell, str) else cell
                for n, cell in enumerate(row)
            ]
            yield number, row_of(dict(zip(names, cells, strict=True)))


def _rows(
    content: Content, columns: Sequence[tuple[str, str]]
) -> Iterator[list[list[Cell]]]:
    """Yield the cells of some thousand rows at a time; nested values are JSON texts."""
    import duckdb

    zoned = {n for n, (_, kind) in enumerate(columns) if kind == _ZONED}
    selected = ", ".join(_selected(name, kind) for name, kind in columns)
    with _file(content) as file, duckdb.connect(":memory:") as con:
        con.execute("SET enable_progress_bar = false")
        con.execute("SET TimeZone = 'UTC'")
        try:
            found = con.execute(
                f"SELECT {selected} FROM read_parquet(?, binary_as_string = true)",
                [str(file)],
            )
            while rows := found.fetchmany(_BATCH):
                yield [
                    [_cell(value, n in zoned) for n, value in enumerate(row)]
                    for row in rows
                ]
        except duckdb.Error:
            raise _broken() from None


def _selected(name: str, kind: str) -> str:
    """Return the SQL for a column: nested values as JSON, zoned times in UTC."""
    if kind == _ZONED:
        # DuckDB gives times with a zone in the machine's own, and needs pytz for that.
        return f"timezone('UTC', {_quoted(name)})"
    return f"to_json({_quoted(name)})" if _is_nested(kind) else _quoted(name)


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT(", "MAP("))


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
    if isinstance(value, bytes):
        return Nested(value)
    if value is None or isinstance(value, Cell):
        return value
    return str(value)
