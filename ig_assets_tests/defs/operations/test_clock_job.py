"""The job that moves the simulated clock, as a person starts it in the UI."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ig_assets_tests.defs.ticking import DagsterEnv


def advance(env: DagsterEnv, to: str) -> Any:
    """Run the job with a filled form."""
    return env.definitions.resolve_job_def("advance_clock").execute_in_process(
        instance=env.instance, run_config={"to": to}, raise_on_error=False
    )


def test_the_job_moves_the_clock_and_the_partitions_with_it(
    dagster_env: DagsterEnv,
) -> None:
    job = dagster_env.definitions.resolve_job_def("read_engagement")
    assert job.partitions_def is not None
    assert job.partitions_def.get_partition_keys() == []
    assert advance(dagster_env, "2026-01-03").success
    assert dagster_env.clock.now() == datetime(2026, 1, 3)
    assert job.partitions_def.get_partition_keys() == ["2026-01-01", "2026-01-02"]


def test_the_job_refuses_on_the_systems_clock_in_one_sentence(
    dagster_env: DagsterEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IG_CLOCK", "system")
    [failed] = advance(dagster_env, "2099-01-01").get_step_failure_events()
    said = failed.step_failure_data.user_failure_data.description
    assert said.startswith("This data folder uses the system's clock")


def test_the_log_says_that_nothing_was_done_in_between(
    dagster_env: DagsterEnv, caplog: pytest.LogCaptureFixture
) -> None:
    run = advance(dagster_env, "")
    said = " ".join(
        entry.user_message for entry in dagster_env.instance.all_logs(run.run_id)
    )
    assert "was at 2026-01-01 00:00 UTC and is at 2026-01-02 00:00 UTC now" in said
    assert "Nothing was published, read or decided" in said
    assert "Reload definitions" in said
