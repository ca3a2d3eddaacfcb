"""What keeps two writers apart where a turn was lost while it was used.

A server may end the session that holds a turn (an administrator, a time-out, a lost
network), and the next process then takes the turn while the first still writes. Asking
before COMMIT whether the turn is still held leaves a gap; these fences are part of the
transaction that writes, so they end with it and not before:

- Postgres: a lock of a table, taken before the transaction sees anything. The second
  waits, and sees what the first committed. (`pg_advisory_xact_lock` would not do: it
  is a query, and in repeatable read the first query fixes what is seen.)
- DuckLake: a commit makes the snapshot after the one it began with. Where another made
  that one meanwhile, DuckLake by default tries again and writes the same new key a
  second time; without that it refuses.
- A DuckDB file: DuckDB itself has the file locked while it is attached.

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
    """Whether the Postgres `home` has the table to lock and lets this user write it.

    Who may only read writes nothing and needs no fence.
    """
    [(may,)] = con.execute(
        "SELECT may FROM postgres_query('home', ?)", [_MAY_LOCK]
    ).fetchall()
    return bool(may)


def lock_postgres(con: duckdb.DuckDBPyConnection, wait_s: float) -> None:
    """Let no other writer of ours into the Postgres `home` until this transaction ends.

    Call it right after BEGIN. Readers are let in. Raises the duckdb.Error of a
    conflict (`conflicts.is_conflict`) where another has it for more than `wait_s`.
    """
    statement = _LOCK.format(milliseconds=max(1, round(1000 * wait_s)))
    con.execute(f"CALL postgres_execute('home', '{statement}')")


def refuse_overtaken_commits(con: duckdb.DuckDBPyConnection) -> None:
    """Refuse a commit to a lake where another was made since its transaction began.

    Also where both wrote different tables: what was read may have changed. For all
    transactions of this DuckDB; the extension must be loaded.
    """
    con.execute("SET ducklake_max_retry_count = 0")
