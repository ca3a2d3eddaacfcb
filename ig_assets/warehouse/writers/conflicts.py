"""Which errors of a home mean that another process wrote to it at the same moment.

Nothing was written then, and the same transaction may succeed when it is begun again.
Our own processes take turns (`turns`), unless the server ends the session of one;
programs beyond our locks do not: an analyst's client, a lake's maintenance, an older
version of this project. The texts are those of
DuckDB 1.5.5 with its Postgres and DuckLake extensions, and of Postgres 15.
"""

from __future__ import annotations

import duckdb

from ig_assets.errors import WarehouseBusyError, WarehouseError

_CONFLICTS = (
    "could not serialize access",
    "deadlock detected",
    "canceling statement due to lock timeout",
    "transaction conflict - ",  # DuckLake
    # Another commit to a lake since this transaction began (`fences`).
    'unique constraint "ducklake_snapshot_pkey"',
    # Two first starts: Postgres's own catalogue, which DuckLake's is made in too.
    'unique constraint "pg_',
)
_LOST = (
    "server closed the connection",
    "terminating connection due to",
    "no connection to the server",
    "ssl connection has been closed",
    'failed to execute query "rollback"',  # a lake's own, to a server that is gone
)
# Where a home is prepared: what another first start has made meanwhile.
_MADE_MEANWHILE = ("already exists",)


def is_conflict(error: duckdb.Error) -> bool:
    """Whether a statement or a commit failed for another process's writes alone.

    Most `duckdb.TransactionException`s are no conflict: a lost server, for example,
    leaves unknown whether a commit was made.
    """
    return _names(error, _CONFLICTS)


def is_first_start_conflict(error: duckdb.Error) -> bool:
    """As `is_conflict`, while a home is attached and brought up to date."""
    return _names(error, _CONFLICTS + _MADE_MEANWHILE)


def is_lost_server(error: duckdb.Error) -> bool:
    """Whether a database server ended the session that a transaction was in."""
    return _names(error, _LOST)


def lost_server_error() -> WarehouseError:
    """The message for the caller; it does not repeat the server's text."""
    return WarehouseError(
        "The database server closed the connection in the middle of a transaction; "
        "unless that was its end, nothing was written. Run the same command again: it "
        "adds what is missing. If it happens again, the server may end idle sessions "
        "(docs/runbook.md, idle_in_transaction_session_timeout)."
    )


def conflict_error() -> WarehouseBusyError:
    """The message for the caller; it does not repeat the server's text."""
    return WarehouseBusyError(
        "Another process wrote to the warehouse at the same moment; nothing was "
        "written, try again."
    )


def _names(error: duckdb.Error, texts: tuple[str, ...]) -> bool:
    message = str(error).lower()
    return any(text in message for text in texts)
