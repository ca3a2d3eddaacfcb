from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from ig_assets.core.experiments.engagement import (
    EngagementSummary,
    collect_engagement,
    live_posts,
)
from ig_assets.errors import InputError
from ig_assets.warehouse.connection import Warehouse
from ig_assets_tests.core.experiments.world import (
    DAY,
    START,
    MovedClock,
    ScriptedPlatform,
    add_experiment,
    new_warehouse,
    rows_of,
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
    again = collect_engagement(warehouse, clock, platform, day)
    assert again == EngagementSummary(posts=2, readings=2, missing=0, restated=2)
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
