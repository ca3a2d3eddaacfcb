"""Read the tables of an attached home of any version; count and hash their rows.

A home is attached to a DuckDB under a name; its tables lie in the schema `ig`. Counts
and hashes of two homes that are attached to one DuckDB may be compared. The hash is
DuckDB's own: it is the same over a file, a Postgres and a DuckLake (1.5.5), and may
differ in another version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ig_assets.warehouse.backends import Connection
from ig_assets.warehouse.migrations import COPYING

MIGRATIONS_TABLE = "migrations"
ROWS_OF_A_PART = 200_000
"""A table is compared and copied in parts of about this many rows."""

_COLUMNS = """
SELECT c.table_name, c.column_name, c.data_type
FROM duckdb_columns() AS c
JOIN duckdb_tables() AS t
    ON t.database_name = c.database_name
    AND t.schema_name = c.schema_name
    AND t.table_name = c.table_name
WHERE c.database_name = ?
    AND c.schema_name = 'ig'
ORDER BY c.table_name, c.column_index
"""

Columns = Mapping[str, str]
"""{column name: DuckDB type}, in the order of the table."""


@dataclass(frozen=True)
class Digest:
    """A row count and the sum of the rows' hashes, which ignores their order."""

    rows: int
    hashes: int


def tables_of(con: Connection, database: str) -> dict[str, Columns]:
    """Return {table: columns} of an attached home; empty for a new home."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in con.execute(_COLUMNS, [database]).fetchall():
        found.setdefault(str(table), {})[str(column)] = str(kind)
    return dict(found)


def row_counts(con: Connection, database: str) -> dict[str, int]:
    """Return {table: row count}. The mark of an unfinished copy is not counted."""
    counts = [
        f"SELECT '{table}', count(*) FROM {database}.ig.\"{table}\" {_marked(table)}"
        for table in tables_of(con, database)
    ]
    if not counts:
        return {}
    rows = con.execute(" UNION ALL ".join(counts)).fetchall()
    return {str(table): int(count) for table, count in rows}


def applied_migrations(con: Connection, database: str) -> set[int]:
    """Return the numbers of an attached home's migrations; empty for a new home."""
    if MIGRATIONS_TABLE not in tables_of(con, database):
        return set()
    rows = con.execute(f"SELECT number FROM {database}.ig.{MIGRATIONS_TABLE}")
    return {int(number) for (number,) in rows.fetchall()}


def part_of(columns: Columns, parts: int) -> str:
    """Return the SQL expression of a row's part number, from 0 to `parts` - 1."""
    return f"CAST({_row_hash(columns)} % {parts} AS INTEGER)"


def digests(
    con: Connection, database: str, table: str, columns: Columns, parts: int = 1
) -> dict[int, Digest]:
    """Return {part: digest} of a table, divided into `parts` by the rows' hashes.

    Parts without rows are left out. The mark of an unfinished copy is not counted.
    """
    rows = con.execute(f"""
        SELECT {part_of(columns, parts)}, count(*),
            sum(CAST({_row_hash(columns)} AS HUGEINT))
        FROM {database}.ig."{table}"
        {_marked(table)}
        GROUP BY 1
        """).fetchall()
    return {int(part): Digest(int(count), int(total)) for part, count, total in rows}


def names(columns: Columns) -> str:
    """Return the column names as a SQL list."""
    return ", ".join(f'"{name}"' for name in columns)


def _row_hash(columns: Columns) -> str:
    ordered = ", ".join(f'"{name}"' for name in sorted(columns))
    return f"hash({ordered})"


def _marked(table: str) -> str:
    return f"WHERE number <> {COPYING}" if table == MIGRATIONS_TABLE else ""
