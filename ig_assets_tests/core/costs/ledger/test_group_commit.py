"""What waits for the warehouse together is committed together, and fails alone."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from ig_assets.core.costs.ledger.group_commit import GroupCommit
from ig_assets.errors import WarehouseBusyError, WarehouseError
from ig_assets.warehouse import warehouse as door
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse
from ig_assets_tests.warehouse.conftest import wait_until_detached


@pytest.fixture
def homes_keep_their_log() -> None:
    """Nothing: these tests look at the file of a home that was left."""


class Counted(Warehouse):
    """Counts its transactions and how often it is attached, and can be made busy."""

    def __init__(self, folder: Path) -> None:
        now = datetime(2026, 5, 1)
        super().__init__(f"duckdb:///{folder / 'w.duckdb'}", lambda: now)
        self.transactions = 0
        self.attachments = 0
        self.busy = False

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self.transactions += 1
        if self.busy:
            raise WarehouseBusyError("held by another")
        with super().transaction() as con:
            yield con

    def _attach(self, give_up_s: float) -> None:
        self.attachments += 1
        super()._attach(give_up_s)


@pytest.fixture
def warehouse(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


def writes(name: str) -> Callable[[Connection], str]:
    def work(con: Connection) -> str:
        merge_rows(con, "scripts", [{"script_id": name, "revision_hash": "r"}])
        return name

    return work


def names(warehouse: Warehouse) -> list[str]:
    with warehouse.transaction() as con:
        rows = con.execute("SELECT script_id FROM scripts ORDER BY ALL").fetchall()
    return [name for (name,) in rows]


def queue_behind(
    commits: GroupCommit,
    pool: ThreadPoolExecutor,
    works: list[Callable[[Connection], str]],
) -> list[Future[str]]:
    """Let works queue while the first is held up in the warehouse."""
    inside, go_on = threading.Event(), threading.Event()

    def first(con: Connection) -> str:
        inside.set()
        assert go_on.wait(20)
        return "first"

    futures = [pool.submit(commits.run, first)]
    assert inside.wait(20)
    futures += [pool.submit(commits.run, work) for work in works]
    while len(commits._queue._waiting) < len(works):
        threading.Event().wait(0.001)
    go_on.set()
    return futures


def test_what_waited_together_is_one_transaction(warehouse: Counted) -> None:
    commits = GroupCommit(warehouse)
    works = [writes(name) for name in "abcde"]
    with ThreadPoolExecutor(6) as pool:
        futures = queue_behind(commits, pool, works)
        assert [future.result() for future in futures] == ["first", *"abcde"]
    assert warehouse.transactions == 2
    assert names(warehouse) == list("abcde")


def test_one_that_fails_does_not_take_the_others_with_it(warehouse: Counted) -> None:
    def fails(con: Connection) -> str:
        writes("half of it")(con)
        raise ValueError("mine")

    commits = GroupCommit(warehouse)
    works = [writes("a"), fails, writes("b")]
    with ThreadPoolExecutor(4) as pool:
        _, a, failed, b = queue_behind(commits, pool, works)
        assert (a.result(), b.result()) == ("a", "b")
        with pytest.raises(ValueError, match="mine"):
            failed.result()
    assert names(warehouse) == ["a", "b"]


def test_a_busy_warehouse_is_told_to_all_that_waited(warehouse: Counted) -> None:
    commits = GroupCommit(warehouse)
    warehouse.busy = True
    with pytest.raises(WarehouseBusyError):
        commits.run(writes("a"))
    warehouse.busy = False
    assert commits.run(writes("b")) == "b"
    assert names(warehouse) == ["b"]


def test_one_that_is_interrupted_leaves_the_others_their_turn(
    warehouse: Counted,
) -> None:
    commits = GroupCommit(warehouse)

    def interrupted(con: Connection) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        commits.run(interrupted)
    assert commits.run(writes("a")) == "a"
    assert names(warehouse) == ["a"]


def test_work_inside_a_transaction_is_refused_and_not_waited_for(
    warehouse: Counted,
) -> None:
    commits = GroupCommit(warehouse)
    with warehouse.transaction():
        with pytest.raises(WarehouseError, match="inside another"):
            commits.run(writes("a"))
    assert names(warehouse) == []


def test_work_that_follows_at_once_finds_the_home_attached(
    warehouse: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LINGER_S", "MAX_HOLD_S"):
        monkeypatch.setattr(door, name, 600.0)
    commits = GroupCommit(warehouse)
    for name in "abc":
        commits.run(writes(name))
    assert (warehouse.transactions, warehouse.attachments) == (3, 1)
    assert names(warehouse) == list("abc")
    warehouse.close()


def test_a_home_is_detached_now_and_then_whoever_has_work(
    warehouse: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "LINGER_S", 600.0)
    monkeypatch.setattr(door, "MAX_HOLD_S", 0.0)
    commits = GroupCommit(warehouse)
    for name in "abc":
        commits.run(writes(name))
    assert (warehouse.transactions, warehouse.attachments) == (3, 3)


def test_after_the_last_work_the_file_is_complete_and_anybody_s(
    warehouse: Counted,
) -> None:
    assert warehouse.path is not None
    commits = GroupCommit(warehouse)
    commits.run(writes("a"))
    wait_until_detached(warehouse)
    with duckdb.connect(str(warehouse.path), read_only=True) as con:
        assert con.execute("SELECT script_id FROM ig.scripts").fetchall() == [("a",)]
    left = {path.name for path in warehouse.path.parent.iterdir()}
    assert left == {
        "w.duckdb",
        "w.duckdb.lock",
        "w.duckdb.made",
        "w.duckdb.queue",
    }


FORKING = """
import os, sys
from pathlib import Path
from ig_assets.core.costs.ledger.group_commit import GroupCommit
from ig_assets.warehouse import warehouse as door
from ig_assets_tests.core.costs.ledger.test_group_commit import Counted, writes

door.LONG_S = 0.0  # every transaction gets threads, the child's too
warehouse = Counted(Path(sys.argv[1]))
commits = GroupCommit(warehouse)
commits.run(writes("before"))
child = os.fork()
commits.run(writes("after" if child else "in the child"))
if child:
    _, status = os.waitpid(child, 0)
    commits.run(writes("last"))
    sys.exit(status)
"""


def test_a_forked_child_works_beside_its_parent(
    tmp_path: Path, warehouse: Counted
) -> None:
    """DuckDB 1.5.5's own default connection aborted the child at its end."""
    command = [sys.executable, "-c", FORKING, str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)
    assert names(warehouse) == ["after", "before", "in the child", "last"]
