"""Keep two writers apart after a turn was lost while it was used.

A server may end the session that holds a turn (an administrator, a time-out, a lost
network). The next process then takes the turn while the first still writes. Asking
before COMMIT whether the turn is still held would leave a gap. These fences are part of
the writing transaction, so they last exactly as long as it does:

- Postgres: a table lock, taken before the transaction reads anything. The second
  writer waits, and then sees what the first committed. (`pg_advisory_xact_lock` would
  not do: it is a query, and in repeatable read the first query fixes what is seen.)
- DuckLake: a commit creates the snapshot that follows the one it began with. If
  another process created that snapshot meanwhile, DuckLake by default tries again and
  writes the same new key a second time; without retries it refuses the commit.
- DuckDB file: DuckDB itself locks the file while it is attached.

As seen with DuckDB 1.5.5, its Postgres and DuckLake extensions, and Postgres 15.18.
"""

from __future__ import annotations

import duckdb

_MAY_LOCK = (
    "SELECT coalesce(has_table_privilege(to_regclass('ig.migrations'), 'UPDATE'), "
    "false) AS may"
)
# First in its transaction: LOCK TABLE is no query and fixes nothing.
_LOCK = (
    "SET LOCAL idle_in_transaction_session_timeout = 0; "
    "SET LOCAL lock_timeout = {milliseconds}; "
    "LOCK TABLE ig.migrations IN EXCLUSIVE MODE"
)


def may_lock(con: duckdb.DuckDBPyConnection) -> bool:
    """Return whether this user may lock the fence's table of the Postgres `home`.

    The answer is False before the first migration has made the table. A user who may
    only read writes nothing and needs no fence.
    """
    [(may,)] = con.execute(
        "SELECT may FROM postgres_query('home', ?)", [_MAY_LOCK]
    ).fetchall()
    return bool(may)


def lock_postgres(con: duckdb.DuckDBPyConnection, wait_s: float) -> None:
    """Lock our other writers out of the Postgres `home` until this transaction ends.

    Call it right after BEGIN. Readers are not locked out. Raises the duckdb.Error of a
    conflict (`conflicts.is_conflict`) if another process holds the lock for more than
    `wait_s` seconds.
    """
    statement = _LOCK.format(milliseconds=max(1, round(1000 * wait_s)))
    con.execute(f"CALL postgres_execute('home', '{statement}')")


def refuse_overtaken_commits(con: duckdb.DuckDBPyConnection) -> None:
    """Make a DuckLake refuse a commit if another was made since its transaction began.

    The commit is refused even if the two wrote different tables, since what was read
    may have changed. This holds for all transactions of this DuckDB. The ducklake
    extension must be loaded.
    """
    con.execute("SET ducklake_max_retry_count = 0")
