"""Write rows by key and read them as dictionaries, in the same way on every home."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ig_assets.errors import InputError
from ig_assets.warehouse.migrations import KEYS
from ig_assets.warehouse.warehouse import Connection

Row = Mapping[str, Any]
_FEW_ROWS = 1_000
SHORTEST_PREFIX = 4
_LISTED = 5


def merge_rows(
    con: Connection, table: str, rows: Sequence[Row], *, replace: bool = True
) -> int:
    """Write rows by the table's key; return how many were given.

    Every row must have the same columns, the key's among them. With `replace`
    an existing row's other columns are overwritten, without it the row is kept
    as it is (append-only tables). Of several rows with one key the last wins.
    """
    if not rows:
        return 0
    key = KEYS[table]
    by_key = {tuple(row[k] for k in key): row for row in rows}
    columns = list(rows[0])
    if len(by_key) == 1 and not _is_known(con, table, *by_key):
        insert_row(con, table, rows[-1])
        return 1
    types = column_types(con, table)
    names = ", ".join(f'"{column}"' for column in columns)
    values = [[row[column] for row in by_key.values()] for column in columns]
    source = _unnested(columns, types)
    if len(by_key) <= _FEW_ROWS and not _any_known(con, table, types, by_key):
        con.execute(f"INSERT INTO {table} ({names}) SELECT {source}", values)
        return len(by_key)
    inserted = ", ".join(f's."{column}"' for column in columns)
    updates = ", ".join(f'"{c}" = s."{c}"' for c in columns if c not in key)
    matched = f"WHEN MATCHED THEN UPDATE SET {updates}" if replace and updates else ""
    con.execute(
        f"""
        MERGE INTO {table} AS t
        USING (SELECT {source}) AS s
        ON {" AND ".join(f't."{k}" = s."{k}"' for k in key)}
        {matched}
        WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({inserted})
        """,
        values,
    )
    return len(by_key)


def _is_known(con: Connection, table: str, key: tuple[Any, ...]) -> bool:
    """Return whether the table has a row with this key."""
    wanted = " AND ".join(f'"{column}" = ?' for column in KEYS[table])
    found = con.execute(f"SELECT 1 FROM {table} WHERE {wanted} LIMIT 1", list(key))
    return found.fetchone() is not None


def _any_known(
    con: Connection,
    table: str,
    types: Mapping[str, str],
    keys: Collection[tuple[Any, ...]],
) -> bool:
    """Return whether the table has a row with one of the keys.

    For few rows, this query and a plain insert together take half the time of a merge,
    since DuckDB needs long to plan a merge.
    """
    key = KEYS[table]
    found = con.execute(
        f"""
        SELECT 1
        FROM {table}
        SEMI JOIN (SELECT {_unnested(key, types)}) AS s USING ({", ".join(key)})
        LIMIT 1
        """,
        [list(column) for column in zip(*keys, strict=True)],
    )
    return found.fetchone() is not None


def _unnested(columns: Iterable[str], types: Mapping[str, str]) -> str:
    """Return a SELECT list that turns one list parameter per column into rows."""
    return ", ".join(f'unnest(?::{types[name]}[]) AS "{name}"' for name in columns)


def insert_row(con: Connection, table: str, row: Row) -> None:
    """Insert a row whose key is new. This takes a quarter of the time of a merge."""
    names = ", ".join(f'"{column}"' for column in row)
    places = ", ".join("?" for _ in row)
    con.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(row.values()))


def column_types(con: Connection, table: str) -> dict[str, str]:
    """Return {column name: DuckDB type} of a table."""
    described = con.execute(f"DESCRIBE {table}").fetchall()
    return {str(name): str(kind) for name, kind, *_ in described}


def fetch_dicts(
    con: Connection, sql: str, parameters: Sequence[Any] | None = None
) -> list[dict[str, Any]]:
    """Run a query and return its rows as dictionaries."""
    cursor = con.execute(sql, list(parameters or []))
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def as_rows(items: Iterable[Any]) -> list[dict[str, Any]]:
    """Return dataclass instances as rows (shallow)."""
    return [
        {f.name: getattr(item, f.name) for f in dataclasses.fields(item)}
        for item in items
    ]


def only_one(found: Sequence[str], prefix: str, what: str) -> str:
    """Return the one id in `found`, which lists the ids that begin with `prefix`.

    Of several ids the first is returned, if it is `prefix` itself. Raises InputError if
    it is not, or if `found` is empty; `what` names the kind of id in the message.
    """
    if not found:
        raise InputError(f"There is no {what} {prefix!r}.")
    if found[0] == prefix or len(found) == 1:
        return found[0]
    some = ", ".join(found[:_LISTED]) + (", …" if len(found) > _LISTED else "")
    raise InputError(f"{prefix!r} may be one of several {what}s: {some}.")
