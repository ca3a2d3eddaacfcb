"""Remove from a server's storage what was deleted from its tables.

Postgres keeps old row versions until they are vacuumed, and samples of texts in its
statistics; analysing an empty table does not replace those. A DuckLake keeps earlier
snapshots, the files of deleted rows and, for as long as a table exists, the least and
greatest text of each column. As seen with DuckDB 1.5.5, its Postgres and DuckLake
extensions, and Postgres 15.18.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ig_assets.warehouse.backends import Connection, Home, quoted
from ig_assets.warehouse.forgetting.registry import COLUMNS

LEFT_ON_SERVER = (
    "Postgres's write-ahead log has the words until it is recycled, and so have its "
    "archives and backups, and its tables while another session has a transaction open."
)
HOLDING = tuple(name for name, of in COLUMNS.items() if of.words or of.vectors)
"""The tables with columns of words or vectors."""

_LAKE_TABLES = (
    "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name "
    "FROM pg_tables WHERE starts_with(tablename, 'ducklake_') ORDER BY name"
)
Part = Callable[[Home, Connection], None]


def parts_of_rewriting(home: Home) -> tuple[Part, ...]:
    """Return the functions that rewrite a Postgres or a DuckLake, in order.

    Each runs outside any transaction, and in a separate turn (`writers.turns`). The
    session that holds a turn is in a transaction itself, and Postgres keeps every row
    that was deleted after that transaction began.
    """
    if home.kind == "postgres":
        return _vacuum_tables, _vacuum_statistics
    return _rewrite_lake, _vacuum_catalogue, _vacuum_catalogues_statistics


def _vacuum_tables(home: Home, con: Connection) -> None:
    """Vacuum the tables that hold words or vectors; the user must own them."""
    for table in HOLDING:
        [(rows,)] = con.execute(f"SELECT count(*) FROM home.ig.{table}").fetchall()
        if not rows:
            # One row, which no other session sees, replaces the statistics.
            _execute(
                con,
                "home",
                f"INSERT INTO ig.{table} DEFAULT VALUES; ANALYZE ig.{table}; "
                f"DELETE FROM ig.{table}",
            )
        _vacuum(con, "home", f"(FULL{', ANALYZE' if rows else ''}) ig.{table}")


def _vacuum_statistics(home: Home, con: Connection) -> None:
    """Vacuum the statistics, which hold samples of texts.

    The user must own the database, else the samples stay.
    """
    _vacuum(con, "home", "(FULL) pg_catalog.pg_statistic")


def _rewrite_lake(home: Home, con: Connection) -> None:
    """Copy the tables into new ones; delete all earlier snapshots with their files."""
    con.execute("CALL ducklake_flush_inlined_data('home')")
    con.begin()
    try:
        for table in HOLDING:
            con.execute(
                f"CREATE TABLE home.ig.{table}_fresh AS SELECT * FROM home.ig.{table}"
            )
            con.execute(f"DROP TABLE home.ig.{table}")
            con.execute(f"ALTER TABLE home.ig.{table}_fresh RENAME TO {table}")
    except BaseException:
        con.rollback()
        raise
    con.commit()
    # Whatever the server's clock calls the present.
    con.execute(
        "CALL ducklake_expire_snapshots('home', older_than => TIMESTAMP '9999-01-01')"
    )
    con.execute("CALL ducklake_cleanup_old_files('home', cleanup_all => true)")


def _vacuum_catalogue(home: Home, con: Connection) -> None:
    """Vacuum the tables of DuckLake's own catalogue, in its Postgres."""
    with _catalogue(home, con):
        rows = con.execute(
            "SELECT name FROM postgres_query('catalogue', ?)", [_LAKE_TABLES]
        ).fetchall()
        for (name,) in rows:
            _vacuum(con, "catalogue", f"(FULL, ANALYZE) {name}")


def _vacuum_catalogues_statistics(home: Home, con: Connection) -> None:
    """Vacuum the statistics of the Postgres that holds the lake's catalogue."""
    with _catalogue(home, con):
        _vacuum(con, "catalogue", "(FULL) pg_catalog.pg_statistic")


@contextmanager
def _catalogue(home: Home, con: Connection) -> Iterator[None]:
    home.attach_catalogue(con)
    try:
        yield
    finally:
        con.execute("DETACH catalogue")


def _vacuum(con: Connection, database: str, what: str) -> None:
    statement = quoted(f"VACUUM {what}")
    con.execute(
        f"CALL postgres_execute('{database}', '{statement}', use_transaction => false)"
    )


def _execute(con: Connection, database: str, statements: str) -> None:
    con.execute(f"CALL postgres_execute('{database}', '{quoted(statements)}')")
