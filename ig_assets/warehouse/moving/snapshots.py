"""Expire earlier snapshots of a DuckLake, which keeps every one with its files.

The writers' turn is held meanwhile: a DELETE that overlaps this maintenance can be
undone without a message (DuckLake of DuckDB 1.5.5). A DuckDB file and a Postgres keep
no snapshots.
"""

from __future__ import annotations

import time
from datetime import datetime

import duckdb

from ig_assets.warehouse.backends import Home
from ig_assets.warehouse.moving.copying import LOCK_TIMEOUT_S, own_turn

_OLD = (
    "SELECT count(*) FROM ducklake_expire_snapshots("
    "'home', older_than => ?::TIMESTAMP{dry})"
)


def expire_snapshots(url: str, before: datetime, dry_run: bool = False) -> int:
    """Expire a lake's snapshots from before a time (UTC); return their number.

    Files that only they need are deleted. For homes of other kinds the number is 0.
    With `dry_run` the snapshots are only counted. Raises WarehouseBusyError.
    """
    home = Home(url)
    if home.kind != "ducklake":
        return 0
    with (
        own_turn(home, "The warehouse") as busy,
        duckdb.connect(":memory:") as con,
    ):
        con.execute("SET TimeZone = 'UTC'")
        home.attach(con, time.monotonic() + LOCK_TIMEOUT_S, busy)
        dry = ", dry_run => true" if dry_run else ""
        [(count,)] = con.execute(_OLD.format(dry=dry), [before]).fetchall()
        if not dry_run:
            con.execute("CALL ducklake_cleanup_old_files('home', cleanup_all => true)")
        return int(count)
