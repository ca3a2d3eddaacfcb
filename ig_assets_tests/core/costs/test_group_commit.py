"""What waits for the warehouse together is committed together, and fails alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from ig_assets.core.costs.group_commit import GroupCommit
from ig_assets.errors import WarehouseBusyError
from ig_assets.warehouse.connection import Connection, Warehouse
from ig_assets.warehouse.rows import merge_rows


class Counted(Warehouse):
    """Counts its transactions; the first can be held up inside or made to fail."""

    def __init__(self, folder: Path) -> None:
        now = datetime(2026, 5, 1)
        super().__init__(f"duckdb:///{folder / 'w.duckdb'}", lambda: now)
        self.transactions = 0
        self.busy = False

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self.transactions += 1
        if self.busy:
            raise WarehouseBusyError("held by another")
        with super().transaction() as con:
            yield con


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
    while len(commits._waiting) < len(works) + 1:
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
