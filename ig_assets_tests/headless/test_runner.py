"""A gate that does not open is a month's usual end; a run that breaks is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from ig_assets.headless.month_loop import BlockingCheckFailedError, MonthLoop
from ig_assets.headless.runner import Headless, RunFailedError
from ig_assets_tests.factories.warehouses import migrated_warehouse


@dg.asset
def model() -> None:
    """Something that is checked."""


@dg.asset
def broken() -> None:
    raise dg.Failure("The disk is full; make room.", allow_retries=False)


@dg.asset_check(asset=model, blocking=True)
def gate() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, description="0.9 against 1.1.")


@pytest.fixture
def headless() -> Headless:
    definitions = dg.Definitions(assets=[model, broken], asset_checks=[gate])
    return Headless(definitions, dg.DagsterInstance.ephemeral())


def test_a_closed_gate_says_what_its_check_said(headless: Headless) -> None:
    with pytest.raises(BlockingCheckFailedError, match="^model: 0.9 against 1.1.$"):
        headless.materialise(["model"])


def test_a_run_that_breaks_is_no_closed_gate(headless: Headless) -> None:
    with pytest.raises(RunFailedError, match="The disk is full; make room"):
        headless.materialise(["broken"])


def test_a_sensor_of_several_jobs_runs_the_one_that_it_names() -> None:
    jobs = [dg.define_asset_job(name, selection=[model]) for name in ("one", "other")]

    @dg.sensor(jobs=jobs)
    def several() -> dg.RunRequest:
        return dg.RunRequest(job_name="other")

    definitions = dg.Definitions(assets=[model], jobs=jobs, sensors=[several])
    headless = Headless(definitions, dg.DagsterInstance.ephemeral())
    (done,) = headless.tick_sensor("several")
    assert (done.job, done.assets) == ("other", ("model",))


class Clock:
    def __init__(self) -> None:
        self.present = datetime(2026, 1, 31)

    def now(self) -> datetime:
        return self.present

    def move_to(self, instant: datetime) -> None:
        self.present = max(self.present, instant)


class RecordingDagster:
    """Records what is evaluated; the candidate's gate stays closed."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def tick_sensor(self, name: str) -> Sequence[object]:
        self.asked.append(name)
        if name == "fine_tune_status_sensor":
            raise BlockingCheckFailedError("model_evaluation: 0.9 against 1.1.")
        return []

    def tick_schedule(self, name: str, at: datetime) -> Sequence[object]:
        return []

    def automate(self) -> Sequence[object]:
        return []


def test_the_loop_goes_on_without_a_better_model(tmp_path: Path) -> None:
    dagster, clock = RecordingDagster(), Clock()
    reports: list[str] = []
    warehouse = migrated_warehouse(tmp_path / "w.duckdb", clock.now)
    MonthLoop(dagster, clock, warehouse, reports.append).turn("2026-01")
    assert dagster.asked[-1] == "promotion_sensor"
    assert "2026-01: model_evaluation: 0.9 against 1.1." in reports
