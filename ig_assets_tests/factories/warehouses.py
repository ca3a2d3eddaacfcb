"""Warehouses that begin migrated: a copy of a file is made sooner than its tables."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path

import duckdb
import pytest

from ig_assets.warehouse.backends import Connection, Home
from ig_assets.warehouse.warehouse import Warehouse

EARLIEST = datetime(2020, 1, 1)


@cache
def template() -> bytes:
    """The file of a migrated, empty warehouse, made once per process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.duckdb"
        warehouse = Warehouse(f"duckdb:///{path}", lambda: EARLIEST)
        with warehouse.transaction():
            pass
        warehouse.close()
        duckdb.connect(path).close()  # writes what is in the log into the file
        return path.read_bytes()


def begin_migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every new DuckDB file of this process begin as a copy of the template.

    To make its tables takes 0.3 s of CPU, a third of the time of most tests with one.
    """
    content, attach = template(), Home.attach

    def attach_copy(
        home: Home, con: Connection, give_up_s: float, busy: str, name: str = "home"
    ) -> None:
        if home.path is not None and not home.path.exists():
            with suppress(OSError):  # what the disk refuses, DuckDB says
                home.path.write_bytes(content)
        attach(home, con, give_up_s, busy, name)

    monkeypatch.setattr(Home, "attach", attach_copy)


def migrated_warehouse(
    path: Path, now: Callable[[], datetime], lock_timeout_s: float | None = None
) -> Warehouse:
    """A warehouse in this file, with all tables; the file may exist already."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(template())
    options = {} if lock_timeout_s is None else {"lock_timeout_s": lock_timeout_s}
    return Warehouse(f"duckdb:///{path}", now, **options)


def cells(warehouse: Warehouse) -> set[str]:
    """Every text in every table of the home."""
    found: set[str] = set()
    with warehouse.transaction() as con:
        tables = con.execute(
            "SELECT table_name FROM duckdb_tables() "
            "WHERE database_name = 'home' AND schema_name = 'ig'"
        ).fetchall()
        assert tables
        for (table,) in tables:
            for row in con.execute(f"SELECT * FROM home.ig.{table}").fetchall():
                found.update(value for value in row if isinstance(value, str))
    return found
