"""Read a home's migrations and row counts without changing anything in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from ig_assets.warehouse.backends import Connection, Home
from ig_assets.warehouse.migrations import MIGRATIONS, check_known
from ig_assets.warehouse.moving.copying import LOCK_TIMEOUT_S, own_turn
from ig_assets.warehouse.moving.tables import (
    MIGRATIONS_TABLE,
    applied_migrations,
    row_counts,
    tables_of,
)
from ig_assets.warehouse.writers.presence import check_not_lost


@dataclass(frozen=True)
class HomeState:
    """A home as it was found.

    `applied` are the numbers of its migrations, empty for a new home. `rows` counts the
    rows of all tables but the migrations, `newest_receipt` is the highest number of a
    receipt, 0 without any. `newest_call_at` is the latest time at which a call to a
    vendor was sent, or None.
    """

    applied: frozenset[int]
    rows: int = 0
    newest_receipt: int = 0
    newest_call_at: datetime | None = None

    @property
    def pending(self) -> tuple[int, ...]:
        """Return the numbers of the migrations that the next transaction applies."""
        numbers = (number for number, _, _ in MIGRATIONS)
        return tuple(number for number in numbers if number not in self.applied)

    def check(self) -> None:
        """Raise WarehouseError for a home that this version does not open."""
        check_known(self.applied)


def home_state(url: str, timeout_s: float = LOCK_TIMEOUT_S) -> HomeState:
    """Read a home without migrating it. A file that was never made is a new home.

    Raises WarehouseBusyError, WarehouseGoneError and WarehouseError.
    """
    home = Home(url)
    if home.path is not None and not home.path.exists():
        check_not_lost(home.path)
        return HomeState(frozenset())
    what = "The warehouse" if home.path is None else f"The warehouse file {home.path}"
    with own_turn(home, what, timeout_s) as busy, duckdb.connect(":memory:") as con:
        home.attach(con, time.monotonic() + timeout_s, busy)
        rows = row_counts(con, "home")
        total = sum(n for table, n in rows.items() if table != MIGRATIONS_TABLE)
        return HomeState(
            frozenset(applied_migrations(con, "home")),
            total,
            _greatest(con, "forget_requests", "number") or 0,
            _greatest(con, "api_calls", "sent_at"),
        )


def _greatest(con: Connection, table: str, column: str) -> Any:
    """Return the greatest value of a column, or None if it has none or is missing."""
    if column not in tables_of(con, "home").get(table, {}):
        return None
    return con.execute(f"SELECT max({column}) FROM home.ig.{table}").fetchall()[0][0]
