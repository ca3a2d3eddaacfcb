"""A simulated clock is moved forward by people, and refusals name the clock."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from ig_assets.adapters.simulated.clocks import SimulatedClock, SystemClock
from ig_assets.core.fine_tuning.training_set.examples import build_training_examples
from ig_assets.core.generation.topics.on_demand import open_month
from ig_assets.core.operations.clock import advance_clock, day_ranges
from ig_assets.errors import InputError
from ig_assets_tests.factories.warehouses import migrated_warehouse

NOON = datetime(2026, 3, 5, 12)


@pytest.fixture
def clock(tmp_path: Path) -> SimulatedClock:
    clock = SimulatedClock(tmp_path / "clock.json", datetime(2026, 1, 1))
    clock.move_to(NOON)
    return clock


@pytest.mark.parametrize(
    ("to", "now"),
    [
        ("", datetime(2026, 3, 6)),
        ("2026-04-01", datetime(2026, 4, 1)),
        (" 2026-03-05 12:01 ", datetime(2026, 3, 5, 12, 1)),
    ],
)
def test_the_clock_moves_to_the_day_or_minute_or_to_the_next_day(
    clock: SimulatedClock, to: str, now: datetime
) -> None:
    assert advance_clock(clock, to) == (NOON, now)
    assert clock.now() == now


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("2026-03-05", "cannot go back to 2026-03-05 00:00"),
        ("2026-03-05 12:00", "such as `to: 2026-03-06`"),
        ("tomorrow", "write it as 2026-02-01"),
        ("2206-03-06", "more than a year after 2026-03-05, and the clock cannot go"),
        ("9999-12-31", "a year at most at a time"),
        ("2026-04-01T00:00+02:00", "no time without a zone"),
    ],
)
def test_a_time_that_is_past_or_far_off_or_no_time_moves_nothing(
    clock: SimulatedClock, to: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        advance_clock(clock, to)
    assert clock.now() == NOON


def test_the_systems_clock_is_moved_by_nobody() -> None:
    with pytest.raises(InputError, match="the system clock is at"):
        advance_clock(SystemClock(), "2099-01-01")


def test_an_open_months_refusal_names_the_clock_and_what_to_type(
    clock: SimulatedClock, tmp_path: Path
) -> None:
    warehouse = migrated_warehouse(tmp_path / "w.duckdb", clock.now)
    with pytest.raises(InputError) as refused:
        build_training_examples(warehouse, clock, "2026-03", 7, "m", 1)
    assert "the simulated clock is at 2026-03-05 12:00 UTC" in str(refused.value)
    assert "run the job advance_clock with `to: 2026-04-01`" in str(refused.value)


def test_a_month_that_is_over_on_the_simulated_clock_is_refused_with_its_time(
    clock: SimulatedClock,
) -> None:
    with pytest.raises(InputError, match="simulated clock is at 2026-03-05 12:00 UTC"):
        open_month(clock, "2026-02")


def test_days_in_words_are_ranges() -> None:
    days = [date(2026, 1, day) for day in (9, 1, 2, 3, 2)] + [date(2025, 12, 31)]
    assert day_ranges(days) == "2025-12-31 to 2026-01-03, 2026-01-09"
