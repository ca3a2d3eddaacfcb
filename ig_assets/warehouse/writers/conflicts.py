"""Recognise errors which mean that another process wrote at the same time.

Nothing was written then, and the transaction may succeed when it is begun again. Our
own processes take turns (`turns`), unless the server ends the session that holds a
turn. Programs that do not use our locks take no turns: an analyst's client, a lake's
maintenance, an older version of this project. The error texts are those of DuckDB 1.5.5
with its Postgres and DuckLake extensions, and of Postgres 15.
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
    """Return whether a statement or commit failed only because another process wrote.

    Most `duckdb.TransactionException`s are not conflicts. After a lost connection to
    the server, for example, it is unknown whether the commit was made.
    """
    return _names(error, _CONFLICTS)


def is_first_start_conflict(error: duckdb.Error) -> bool:
    """Return whether preparing a home failed only because another process wrote.

    Besides the conflicts of `is_conflict`, this counts objects that already exist.
    """
    return _names(error, _CONFLICTS + _MADE_MEANWHILE)


def is_lost_server(error: duckdb.Error) -> bool:
    """Whether a database server ended the session that a transaction was in."""
    return _names(error, _LOST)


def lost_server_error() -> WarehouseError:
    """Return the error for the caller. It does not repeat the server's text."""
    return WarehouseError(
        "The database server closed the connection in the middle of a transaction; "
        "unless that was its end, nothing was written. Run the same command again: it "
        "adds what is missing. If it happens again, the server may end idle sessions "
        "(docs/runbook.md, idle_in_transaction_session_timeout)."
    )


def conflict_error() -> WarehouseBusyError:
    """Return the error for the caller. It does not repeat the server's text."""
    return WarehouseBusyError(
        "Another process wrote to the warehouse at the same moment; nothing was "
        "written, try again."
    )


def _names(error: duckdb.Error, texts: tuple[str, ...]) -> bool:
    message = str(error).lower()
    return any(text in message for text in texts)
