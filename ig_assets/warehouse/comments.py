"""Write the data dictionary as comments of the database.

A client of the database then shows them. A DuckDB file and a DuckLake keep comments.
DuckDB 1.5 cannot write comments to an attached Postgres ("COMMENT ON" is not supported
there); its tables are described in `docs/tables.md`. The named views are not stored in
a home; the script that `views_sql` returns comments them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ig_assets.warehouse.backends import Connection, analyst_attachment
from ig_assets.warehouse.data_dictionary import (
    DescribedTable,
    described_tables,
    described_views,
)
from ig_assets.warehouse.views import SEARCH_PATH, VIEWS, view_statement

Subject = tuple[str, str | None]
"""A table, or a table and one of its columns."""

_PRESENT = """
SELECT table_name, NULL AS column_name, comment
FROM duckdb_tables()
WHERE database_name = 'home' AND schema_name = 'ig'
UNION ALL
SELECT table_name, column_name, comment
FROM duckdb_columns()
WHERE database_name = 'home' AND schema_name = 'ig'
"""


def write_comments(con: Connection) -> int:
    """Comment the home's tables and columns; return how many comments were changed.

    Tables and columns that the dictionary does not describe keep their comments.
    """
    present = {
        (table, column): comment
        for table, column, comment in con.execute(_PRESENT).fetchall()
    }
    changed = 0
    for table in described_tables().values():
        for (name, column), said in _said_of(table):
            if (name, column) in present and present[name, column] != said:
                con.execute(_statement("TABLE", f"home.ig.{name}", column, said))
                changed += 1
    return changed


def views_sql(url: str) -> str:
    """Return the named views, commented, as a script for `duckdb -init FILE`.

    The script attaches the home of `url` read-only. An analyst has to attach a server,
    since its URL can hold a password.
    """
    lines = [analyst_attachment(url)]
    for view in VIEWS:
        lines.append(f"-- {view.grain}\n{view_statement(view).strip()};")
        comments = [
            f"{_statement('VIEW', f'memory.main.{name}', column, said)};"
            for (name, column), said in _said_of(described_views()[view.name])
        ]
        lines += [*comments, ""]
    return "\n".join([*lines, f"SET search_path = '{SEARCH_PATH}';\n"])


def _said_of(table: DescribedTable) -> Iterator[tuple[Subject, str]]:
    yield (table.name, None), table.about
    for column in table.columns:
        yield (table.name, column.name), column.description


def _statement(kind: str, subject: str, column: str | None, said: str) -> str:
    quoted = said.replace("'", "''")
    if column is None:
        return f"COMMENT ON {kind} {subject} IS '{quoted}'"
    return f"COMMENT ON COLUMN {subject}.{column} IS '{quoted}'"
