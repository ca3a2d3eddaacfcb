"""Each schedule, ticked headless at instants of a test's choice."""

from __future__ import annotations

from datetime import datetime

import pytest

from ig_assets_tests.defs.ticking import DagsterEnv

LIVE_POST = {
    "post_id": "p1",
    "experiment_id": "e1",
    "variant_id": "v1",
    "platform": "simulated_audience",
    "platform_post_id": "sim_1",
    "status": "published",
    "published_at": datetime(2026, 1, 10, 9),
}
TICK = datetime(2026, 1, 12, 0, 30)


def test_engagement_of_yesterday_is_asked_for_while_a_post_is_live(
    dagster_env: DagsterEnv,
) -> None:
    dagster_env.write("posts", LIVE_POST)
    dagster_env.clock.move_to(TICK)
    (asked,) = dagster_env.schedule("engagement_schedule", TICK).run_requests
    assert asked.partition_key == "2026-01-11"
    assert asked.run_key.startswith("read_engagement 2026-01-11 ")


def test_nothing_is_read_while_nothing_is_live(dagster_env: DagsterEnv) -> None:
    dagster_env.clock.move_to(TICK)
    tick = dagster_env.schedule("engagement_schedule", TICK)
    assert (tick.run_requests, tick.skip_message) == ([], "No post is live.")


def test_a_post_of_the_future_is_not_live_yet(dagster_env: DagsterEnv) -> None:
    dagster_env.write("posts", LIVE_POST | {"published_at": datetime(2026, 1, 12, 9)})
    dagster_env.clock.move_to(TICK)
    assert dagster_env.schedule("engagement_schedule", TICK).run_requests == []


@pytest.mark.parametrize(
    ("name", "tick"),
    [
        ("engagement_schedule", TICK),
        ("usage_schedule", datetime(2026, 1, 12, 0, 45)),
        ("monthly_fine_tune_schedule", datetime(2026, 2, 1)),
    ],
)
def test_a_tick_that_the_simulated_clock_has_not_reached_is_skipped(
    dagster_env: DagsterEnv, name: str, tick: datetime
) -> None:
    dagster_env.write("posts", LIVE_POST)
    dagster_env.clock.move_to(datetime(2026, 1, 11))
    skipped = dagster_env.schedule(name, tick)
    assert skipped.run_requests == []
    assert "clock" in skipped.skip_message


def test_the_first_of_april_fine_tunes_march(dagster_env: DagsterEnv) -> None:
    dagster_env.clock.move_to(datetime(2026, 4, 1))
    tick = dagster_env.schedule("monthly_fine_tune_schedule", datetime(2026, 4, 1))
    [asked] = tick.run_requests
    assert asked.partition_key == "2026-03"
    assert asked.run_key.startswith("fine_tune_month 2026-03 ")


def test_new_years_day_fine_tunes_december(dagster_env: DagsterEnv) -> None:
    dagster_env.clock.move_to(datetime(2027, 1, 1))
    tick = dagster_env.schedule("monthly_fine_tune_schedule", datetime(2027, 1, 1))
    assert [r.partition_key for r in tick.run_requests] == ["2026-12"]


def test_before_a_month_is_over_there_is_nothing_to_fine_tune(
    dagster_env: DagsterEnv,
) -> None:
    tick = dagster_env.schedule("monthly_fine_tune_schedule", datetime(2026, 1, 1))
    assert (tick.run_requests, tick.skip_message) == ([], "No month is over yet.")


def test_usage_of_yesterday_is_summed_up(dagster_env: DagsterEnv) -> None:
    dagster_env.write(
        "api_calls",
        {
            "call_id": "c1",
            "operation": "generate",
            "provider": "openai",
            "model": "m",
            "status": "done",
            "called_at": datetime(2026, 1, 11, 12),
        },
    )
    tick = datetime(2026, 1, 12, 0, 45)
    dagster_env.clock.move_to(tick)
    (asked,) = dagster_env.schedule("usage_schedule", tick).run_requests
    assert asked.partition_key == "2026-01-11"


def test_a_day_without_calls_needs_no_sum(dagster_env: DagsterEnv) -> None:
    tick = datetime(2026, 1, 12, 0, 45)
    dagster_env.clock.move_to(tick)
    skipped = dagster_env.schedule("usage_schedule", tick)
    assert (skipped.run_requests, skipped.skip_message) == (
        [],
        "Nothing was called on 2026-01-11.",
    )
