"""What a home is before this version touches it: its migrations and its rows."""

from __future__ import annotations

import time
from dataclasses import dataclass

import duckdb

from ig_assets.warehouse.backends import Home
from ig_assets.warehouse.migrations import MIGRATIONS, check_known
from ig_assets.warehouse.moving.copying import LOCK_TIMEOUT_S, own_turn
from ig_assets.warehouse.moving.tables import (
    MIGRATIONS_TABLE,
    applied_migrations,
    row_counts,
)


@dataclass(frozen=True)
class HomeState:
    """A home as it was found; `applied` is empty where it is new."""

    applied: frozenset[int]
    rows: int
    newest_receipt: int

    @property
    def pending(self) -> tuple[int, ...]:
        """The migrations that the next transaction applies."""
        numbers = (number for number, _, _ in MIGRATIONS)
        return tuple(number for number in numbers if number not in self.applied)

    def check(self) -> None:
        """Raise WarehouseError for a home that this version does not open."""
        check_known(self.applied)


def home_state(url: str) -> HomeState:
    """Look at a home without bringing it up to date; a missing file is new.

    Raises WarehouseBusyError and WarehouseError.
    """
    home = Home(url)
    if home.path is not None and not home.path.exists():
        return HomeState(frozenset(), 0, 0)
    what = "The warehouse" if home.path is None else f"The warehouse file {home.path}"
    with own_turn(home, what) as busy, duckdb.connect(":memory:") as con:
        home.attach(con, time.monotonic() + LOCK_TIMEOUT_S, busy)
        rows = row_counts(con, "home")
        receipt = 0
        if "forget_requests" in rows:
            [(newest,)] = con.execute(
                "SELECT max(number) FROM home.ig.forget_requests"
            ).fetchall()
            receipt = int(newest or 0)
        total = sum(n for table, n in rows.items() if table != MIGRATIONS_TABLE)
        return HomeState(frozenset(applied_migrations(con, "home")), total, receipt)
