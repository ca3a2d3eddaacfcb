"""The way into the embedded warehouse: short, exclusive, and plain about trouble."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from multiprocessing.synchronize import Event
from pathlib import Path

import duckdb
import numpy as np
import pytest
from filelock import FileLock

from ig_assets.errors import SettingsError, WarehouseBusyError, WarehouseError
from ig_assets.warehouse.migrations import KEYS, MIGRATIONS
from ig_assets.warehouse.rows import column_types, merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.processes import CONTEXT, started
from ig_assets_tests.warehouse.conftest import wait_until_detached

NOW = datetime(2026, 5, 1, 9)


def warehouse(folder: Path, wait_s: float = 60.0) -> Warehouse:
    return Warehouse(f"duckdb:///{folder / 'w.duckdb'}", lambda: NOW, wait_s)


def count(home: Warehouse, table: str) -> int:
    with home.transaction() as con:
        return int(con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def test_migrations_are_applied_once_and_dated_by_the_clock(tmp_path: Path) -> None:
    for _ in range(2):
        with warehouse(tmp_path).transaction() as con:
            applied = con.execute(
                "SELECT number, title, applied_at FROM migrations ORDER BY number"
            ).fetchall()
    assert applied == [(number, title, NOW) for number, title, _ in MIGRATIONS]


def test_every_key_is_made_of_columns_of_its_table(tmp_path: Path) -> None:
    with warehouse(tmp_path).transaction() as con:
        names = {name for (name,) in con.execute("SHOW TABLES FROM home.ig").fetchall()}
        assert names == {*KEYS, "migrations"}
        for table, key in KEYS.items():
            assert set(key) <= set(column_types(con, table)), table


def test_a_first_transaction_that_fails_leaves_no_half_a_schema(tmp_path: Path) -> None:
    home = warehouse(tmp_path)
    with pytest.raises(ZeroDivisionError), home.transaction():
        raise ZeroDivisionError
    assert count(home, "migrations") == len(MIGRATIONS)


def test_a_newer_warehouse_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with warehouse(tmp_path).transaction() as con:
        con.execute("INSERT INTO migrations VALUES (999, 'the future', ?)", [NOW])
    with pytest.raises(WarehouseError, match="migration 999") as caught:
        with warehouse(tmp_path).transaction():
            raise AssertionError("must not be reached")
    assert "install the newer version" in str(caught.value)
    assert str(caught.value).count(".") == 1


def test_a_failed_transaction_leaves_nothing_behind(tmp_path: Path) -> None:
    home = warehouse(tmp_path)
    with pytest.raises(ZeroDivisionError):
        with home.transaction() as con:
            merge_rows(con, "forgotten", [{"script_id": "s"}])
            raise ZeroDivisionError
    assert count(home, "forgotten") == 0


def test_a_transaction_inside_another_is_an_error_and_the_outer_one_goes_on(
    tmp_path: Path,
) -> None:
    home = warehouse(tmp_path)
    with home.transaction() as con:
        with pytest.raises(WarehouseError, match="inside another"):
            with home.transaction():
                raise AssertionError("must not be reached")
        merge_rows(con, "forgotten", [{"script_id": "s"}])
    assert count(home, "forgotten") == 1


def write_many(folder: Path, name: str) -> None:
    home = warehouse(folder)
    for n in range(12):
        with home.transaction() as con:
            merge_rows(con, "forgotten", [{"script_id": f"{name}-{n}"}])


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [started(write_many, tmp_path, name) for name in "ab"]
    for process in writers:
        process.join()
    assert [process.exitcode for process in writers] == [0, 0]
    assert count(warehouse(tmp_path), "forgotten") == 24


def test_threads_that_share_a_warehouse_lose_nothing(tmp_path: Path) -> None:
    home = warehouse(tmp_path)

    def add(name: str) -> None:
        for n in range(5):
            with home.transaction() as con:
                merge_rows(con, "forgotten", [{"script_id": f"{name}-{n}"}])

    threads = [threading.Thread(target=add, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(home, "forgotten") == 20


def test_a_held_lock_is_waited_for_no_longer_than_told(tmp_path: Path) -> None:
    with FileLock(f"{tmp_path / 'w.duckdb'}.lock"):
        with pytest.raises(WarehouseBusyError, match="held by another process"):
            with warehouse(tmp_path, wait_s=0.1).transaction():
                raise AssertionError("must not be reached")
    assert count(warehouse(tmp_path), "forgotten") == 0


def test_a_lock_that_is_let_go_in_time_is_taken(tmp_path: Path) -> None:
    lock = FileLock(f"{tmp_path / 'w.duckdb'}.lock", thread_local=False)
    lock.acquire()
    timer = threading.Timer(0.2, lock.release)
    timer.start()
    assert count(warehouse(tmp_path), "forgotten") == 0
    timer.join()


def hold(path: Path, opened: Event) -> None:
    with duckdb.connect(str(path)):
        opened.set()
        threading.Event().wait(600)


def test_a_file_that_an_analyst_has_open_is_busy_and_not_broken(
    tmp_path: Path,
) -> None:
    home = warehouse(tmp_path, wait_s=0.1)
    assert count(home, "forgotten") == 0
    home.close()
    opened = CONTEXT.Event()
    analyst = started(hold, tmp_path / "w.duckdb", opened)
    try:
        assert opened.wait(60)
        with pytest.raises(WarehouseBusyError, match="close the program"):
            with home.transaction():
                raise AssertionError("must not be reached")
    finally:
        analyst.kill()
        analyst.join()
    assert count(home, "forgotten") == 0


def test_a_file_that_is_no_database_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "w.duckdb").write_bytes(b"not a database " * 400)
    with pytest.raises(WarehouseError, match="not a DuckDB file") as caught:
        with warehouse(tmp_path).transaction():
            raise AssertionError("must not be reached")
    assert not isinstance(caught.value, WarehouseBusyError)


def test_folder_and_file_are_made_and_odd_names_are_no_trouble(tmp_path: Path) -> None:
    assert count(warehouse(tmp_path / "it's new" / "deep"), "forgotten") == 0


@pytest.mark.parametrize("url", ["mysql://u:opensesame@h/db", "w.duckdb", "duckdb:w"])
def test_an_unknown_home_names_the_setting_and_no_password(url: str) -> None:
    with pytest.raises(SettingsError, match="IG_WAREHOUSE_URL") as caught:
        Warehouse(url, lambda: NOW)
    assert "opensesame" not in str(caught.value)


def test_what_a_transaction_leaves_on_its_connection_is_gone_in_the_next(
    tmp_path: Path,
) -> None:
    home = warehouse(tmp_path)
    for _ in range(2):
        with home.transaction() as con:
            con.execute("CREATE TEMP TABLE mine AS SELECT 1 AS one")
            con.register("yours", {"two": np.array([2])})
    with home.transaction() as con:
        for name in ("mine", "yours"):
            with pytest.raises(duckdb.CatalogException):
                con.execute(f"SELECT * FROM {name}")
            con.execute("ROLLBACK")
            con.execute("BEGIN")


def test_soon_after_a_transaction_the_file_is_complete_and_anybody_s(
    tmp_path: Path,
) -> None:
    home = warehouse(tmp_path)
    with home.transaction() as con:
        merge_rows(con, "forgotten", [{"script_id": "s"}])
    wait_until_detached(home)
    with duckdb.connect(str(home.path), read_only=True) as con:
        assert con.execute("SELECT script_id FROM ig.forgotten").fetchall() == [("s",)]
    assert not (tmp_path / "w.duckdb.wal").exists()


def test_a_home_that_is_closed_is_complete_at_once_and_can_be_used_further(
    tmp_path: Path,
) -> None:
    home = warehouse(tmp_path)
    for script_id in ("a", "b"):
        with home.transaction() as con:
            merge_rows(con, "forgotten", [{"script_id": script_id}])
        home.close()
        assert not (tmp_path / "w.duckdb.wal").exists()
    with duckdb.connect(str(home.path), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM ig.forgotten").fetchall() == [(2,)]


def test_a_home_whose_folder_was_removed_is_left_and_begins_anew(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    home = warehouse(folder)
    with home.transaction() as con:
        merge_rows(con, "forgotten", [{"script_id": "s"}])
    shutil.rmtree(folder)
    wait_until_detached(home)
    assert count(warehouse(folder), "forgotten") == 0
    assert capfd.readouterr().err == "", "no thread died of it"


def test_a_transaction_serves_its_thread_and_nobody_else(tmp_path: Path) -> None:
    home, other = warehouse(tmp_path, 0.1), warehouse(tmp_path, 0.1)
    with home.transaction():
        for waiting in (home, other):  # a thread of this one, or as another process
            with ThreadPoolExecutor(1) as pool:
                with pytest.raises(WarehouseBusyError):
                    pool.submit(count, waiting, "forgotten").result()
    assert count(home, "forgotten") == 0
    assert count(warehouse(tmp_path), "forgotten") == 0


def commit_and_be_killed(folder: Path) -> None:
    home = warehouse(folder)
    for name in "abc":
        with home.transaction() as con:
            merge_rows(con, "forgotten", [{"script_id": name}])
    with home.transaction() as con:
        merge_rows(con, "forgotten", [{"script_id": "not committed"}])
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_was_committed_in_a_burst_outlives_a_kill(tmp_path: Path) -> None:
    process = started(commit_and_be_killed, tmp_path)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert count(warehouse(tmp_path), "forgotten") == 3
