from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from ig_assets.core.experiments.engagement.collect import (
    EngagementSummary,
    collect_engagement,
    live_posts,
)
from ig_assets.core.ports import Reading
from ig_assets.errors import InputError, TransientVendorError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    DAY,
    START,
    MovedClock,
    ScriptedPlatform,
    add_experiment,
    new_warehouse,
    rows_of,
    time_out,
)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(START + 40 * DAY)


@pytest.fixture
def warehouse(tmp_path: Path, clock: MovedClock) -> Warehouse:
    warehouse = new_warehouse(tmp_path, clock)
    add_experiment(warehouse, {"A": [], "B": []}, started_at=START + 9 * DAY / 24)
    return warehouse


def test_a_day_is_read_as_of_its_end_with_the_age_of_each_post(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    platform = ScriptedPlatform()
    platform.values = {"likes": 5.0, "reach": 100.0}
    found = collect_engagement(warehouse, clock, platform, date(2026, 1, 2))
    assert found == EngagementSummary(posts=2, readings=4, missing=0, restated=0)
    rows = rows_of(warehouse, "SELECT * FROM engagement")
    assert {r["as_of"] for r in rows} == {datetime(2026, 1, 3)}
    assert {r["age_hours"] for r in rows} == {39.0}
    assert {r["observed_at"] for r in rows} == {clock.present}


def test_missing_is_a_row_with_null_and_never_zero(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    platform = ScriptedPlatform()
    platform.values = {"likes": None}  # reach is not answered at all
    found = collect_engagement(warehouse, clock, platform, date(2026, 1, 2))
    assert (found.readings, found.missing) == (4, 4)
    rows = rows_of(warehouse, "SELECT metric, value FROM engagement")
    assert {(r["metric"], r["value"]) for r in rows} == {
        ("likes", None),
        ("reach", None),
    }


def test_the_same_value_writes_nothing_and_a_restated_one_is_a_new_row(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    platform, day = ScriptedPlatform(), date(2026, 1, 2)
    platform.values = {"likes": None, "reach": 100.0}
    collect_engagement(warehouse, clock, platform, day)
    assert collect_engagement(warehouse, clock, platform, day).readings == 0
    platform.values = {"likes": 7.0, "reach": 100.0}
    rerun = collect_engagement(warehouse, clock, platform, day)
    assert rerun == EngagementSummary(posts=2, readings=2, missing=0, restated=2)
    rows = rows_of(
        warehouse,
        "SELECT value, observed_at FROM engagement "
        "WHERE post_id = 'e1-A' AND metric = 'likes' ORDER BY observed_at",
    )
    assert [r["value"] for r in rows] == [None, 7.0]
    assert rows[0]["observed_at"] < rows[1]["observed_at"]
    assert collect_engagement(warehouse, clock, platform, day).readings == 0


def test_a_past_day_of_a_live_platform_reads_nothing(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    platform = ScriptedPlatform(can_read_the_past=False)
    platform.values = {"likes": 5.0, "reach": 100.0}
    clock.present = START + 10 * DAY + timedelta(hours=3)
    past = collect_engagement(warehouse, clock, platform, date(2026, 1, 9))
    assert past == EngagementSummary(0, 0, 0, 0)
    assert platform.reads == 0
    latest = collect_engagement(warehouse, clock, platform, date(2026, 1, 10))
    assert latest.readings == 4
    stamped = rows_of(warehouse, "SELECT DISTINCT as_of FROM engagement")
    assert [r["as_of"] for r in stamped] == [clock.present]


def test_a_day_that_lasts_is_read_as_of_now_and_one_to_come_not_at_all(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    platform = ScriptedPlatform()
    clock.present = datetime(2026, 1, 2, 12)
    collect_engagement(warehouse, clock, platform, date(2026, 1, 2))
    stamped = rows_of(warehouse, "SELECT DISTINCT as_of FROM engagement")
    assert [r["as_of"] for r in stamped] == [clock.present]
    with pytest.raises(InputError):
        collect_engagement(warehouse, clock, platform, date(2026, 1, 3))


def test_posts_are_read_daily_to_28_days_then_weekly_to_90(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    platform = ScriptedPlatform()
    clock.present = START + 120 * DAY
    ages = (0, 1, 13, 27, 28, 29, 34, 35, 36, 42, 70, 84, 85, 90, 91, 98)
    read = [
        age
        for age in ages
        if collect_engagement(warehouse, clock, platform, (START + age * DAY).date())
        != EngagementSummary(0, 0, 0, 0)
    ]
    assert read == [0, 1, 13, 27, 28, 35, 42, 70, 84]
    with warehouse.transaction() as con:
        assert live_posts(con, START + 50 * DAY) == 2
        assert live_posts(con, START) == 0
        assert live_posts(con, START + 92 * DAY) == 0


class BusyPlatform(ScriptedPlatform):
    """A live platform with many posts that counts its calls and may break off."""

    def __init__(self, calls_until_it_breaks: int | None = None) -> None:
        super().__init__(can_read_the_past=False)
        self.values = {"likes": 5.0, "reach": 100.0}
        self.calls_left = calls_until_it_breaks
        self.asked: list[str] = []
        self.sizes: list[int] = []
        self.most_at_once = 0
        self._at_once = 0
        self._mutex = threading.Lock()
        self._together = threading.Barrier(4)

    def insights(
        self, platform_post_ids: Sequence[str], as_of: datetime
    ) -> list[Reading]:
        with self._mutex:
            if self.calls_left is not None:
                self.calls_left -= 1
                if self.calls_left < 0:
                    raise time_out()
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.sizes.append(len(platform_post_ids))
            self.asked += platform_post_ids
        with suppress(threading.BrokenBarrierError):
            self._together.wait(timeout=0.05)
        with self._mutex:
            self._at_once -= 1
        return super().insights(platform_post_ids, as_of)


def add_posts(warehouse: Warehouse, count: int) -> None:
    posts = [
        {
            "post_id": f"many-{n}",
            "platform": "scripted",
            "platform_post_id": f"id-many-{n}",
            "status": "published",
            "published_at": START + timedelta(seconds=n),
        }
        for n in range(count)
    ]
    with warehouse.transaction() as con:
        merge_rows(con, "posts", posts)


def test_ten_thousand_live_posts_are_two_hundred_requests_bounded_at_a_time(
    tmp_path: Path,
) -> None:
    clock = MovedClock(START + DAY + timedelta(minutes=30))
    warehouse = CountingWarehouse(tmp_path, clock)
    add_posts(warehouse, 10_000)
    platform, before = BusyPlatform(), warehouse.transactions
    found = collect_engagement(
        warehouse, clock, platform, START.date(), max_in_flight=4
    )
    assert found == EngagementSummary(10_000, 20_000, 0, 0)
    assert platform.sizes == [50] * 200
    assert 2 <= platform.most_at_once <= 4
    assert warehouse.transactions - before <= 1 + 200


def test_a_run_that_broke_off_goes_on_with_the_posts_that_are_left(
    tmp_path: Path,
) -> None:
    clock = MovedClock(START + DAY + timedelta(minutes=30))
    warehouse = new_warehouse(tmp_path, clock)
    add_posts(warehouse, 1_000)
    broken = BusyPlatform(calls_until_it_breaks=7)
    with pytest.raises(TransientVendorError):
        collect_engagement(warehouse, clock, broken, START.date(), max_in_flight=3)
    [kept] = rows_of(warehouse, "SELECT count(DISTINCT post_id) AS n FROM engagement")
    assert kept["n"] == 7 * 50
    clock.present += timedelta(hours=2)
    rerun = BusyPlatform()
    found = collect_engagement(warehouse, clock, rerun, START.date(), max_in_flight=3)
    assert (found.posts, found.kept, len(rerun.sizes)) == (650, 350, 13)
    assert not set(rerun.asked) & set(broken.asked)


def test_a_past_day_of_a_live_platform_that_was_read_is_not_read_again(
    tmp_path: Path,
) -> None:
    clock = MovedClock(START + DAY / 2)
    warehouse = new_warehouse(tmp_path, clock)
    add_posts(warehouse, 60)
    platform = BusyPlatform()
    collect_engagement(warehouse, clock, platform, START.date())
    clock.present = START + DAY + timedelta(minutes=30)  # what was read at noon is not
    collect_engagement(warehouse, clock, platform, START.date())  # the day's reading
    assert len(platform.sizes) == 4
    clock.present += timedelta(hours=9)
    rerun = collect_engagement(warehouse, clock, platform, START.date())
    assert (rerun.posts, rerun.kept, len(platform.sizes)) == (0, 60, 4)
    stamps = rows_of(warehouse, "SELECT DISTINCT as_of FROM engagement ORDER BY as_of")
    assert [row["as_of"] for row in stamps] == [
        START + DAY / 2,
        START + DAY + timedelta(minutes=30),
    ]


class CountingWarehouse(Warehouse):
    """Counts the transactions that are opened on it."""

    def __init__(self, folder: Path, clock: MovedClock) -> None:
        super().__init__(f"duckdb:///{folder / 'w.duckdb'}", clock.now)
        self.transactions = 0

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self.transactions += 1
        with super().transaction() as con:
            yield con
