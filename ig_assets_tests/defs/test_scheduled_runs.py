"""Schedules under Dagster's own scheduler and sensor daemon, and headless.

Source of the behaviour of Dagster: 1.13.27, `dagster/_scheduler/scheduler.py`. A tick
is evaluated once, also where its run failed; a run is an earlier one of the same tick
where schedule, time of the tick and run key are equal
(`_get_existing_run_for_request`); and of the ticks that were missed while the daemon
was off only the newest is evaluated (`launch_scheduled_runs_for_schedule_iterator`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.remote_representation.external import RemoteRepository
from dagster._core.test_utils import freeze_time
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._grpc.client import DEFAULT_SCHEDULE_GRPC_TIMEOUT
from dagster._scheduler.scheduler import launch_scheduled_runs
from filelock import FileLock

from ig_assets.defs import run_requests
from ig_assets.defs.whole_runs import WAREHOUSE_TAG
from ig_assets.headless.runner import Headless, RunFailedError
from ig_assets_tests.defs import daemon_location
from ig_assets_tests.defs.test_schedules import LIVE_POST
from ig_assets_tests.defs.ticking import DagsterEnv, reset_cursor
from ig_assets_tests.factories.cases import with_further

SUCCEEDED, FAILED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
DAY = timedelta(days=1)
TICKS = {  # two ticks in a row and the partitions that they are for
    "usage_schedule": (
        (datetime(2026, 2, 12, 0, 45), "2026-02-11"),
        (datetime(2026, 2, 13, 0, 45), "2026-02-12"),
    ),
    "engagement_schedule": (
        (datetime(2026, 2, 12, 0, 30), "2026-02-11"),
        (datetime(2026, 2, 13, 0, 30), "2026-02-12"),
    ),
    "monthly_fine_tune_schedule": (
        (datetime(2026, 3, 1), "2026-02"),
        (datetime(2026, 4, 1), "2026-03"),
    ),
}
CALL = {
    "operation": "generate",
    "provider": "openai",
    "model": "m",
    "status": "done",
}

Runs = list[tuple[str | None, dg.DagsterRunStatus]]


@dataclass
class Daemons:
    """The scheduler and the sensor daemon of one instance, with one schedule on."""

    env: DagsterEnv
    workspace: WorkspaceProcessContext
    schedule: str

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.workspace.instance

    @property
    def repository(self) -> RemoteRepository:
        (entry,) = (
            self.workspace.create_request_context().get_code_location_entries().values()
        )
        assert entry.code_location, entry.load_error
        (repository,) = entry.code_location.get_repositories().values()
        return repository

    def switch_on(self, at: datetime) -> None:
        with freeze_time(at.replace(tzinfo=UTC)):
            self.instance.start_schedule(self.repository.get_schedule(self.schedule))

    def switch_off(self) -> None:
        schedule = self.repository.get_schedule(self.schedule)
        self.instance.stop_schedule(
            schedule.get_remote_origin_id(), schedule.selector_id, schedule
        )

    def schedules_tick(self, at: datetime) -> Runs:
        """The runs that the scheduler starts at a time: partition and status."""
        before = {run.run_id for run in self.instance.get_runs()}
        self._move_to(at)
        with freeze_time(at.replace(tzinfo=UTC) + timedelta(seconds=1)):
            errors = list(
                launch_scheduled_runs(
                    self.workspace,
                    logging.getLogger("scheduler"),
                    at.replace(tzinfo=UTC) + timedelta(seconds=1),
                    iteration_times={},
                )
            )
        assert not any(errors), errors
        return self._runs_since(before)

    def sensor_ticks(self, at: datetime) -> Runs:
        """The runs that `overdue_runs_sensor` starts at a time."""
        before = {run.run_id for run in self.instance.get_runs()}
        self._move_to(at)
        with freeze_time(at.replace(tzinfo=UTC)):
            errors = list(
                execute_sensor_iteration(
                    self.workspace, logging.getLogger("daemon"), None, None
                )
            )
        assert not any(errors), errors
        return self._runs_since(before)

    def skip_reason(self) -> str:
        """Why the last tick of the sensor asked for nothing."""
        sensor = self.repository.get_sensor("overdue_runs_sensor")
        [tick] = self.instance.get_ticks(
            sensor.get_remote_origin_id(), sensor.selector_id, limit=1
        )
        return str(tick.skip_reason)

    def schedules_skip_reason(self) -> str:
        schedule = self.repository.get_schedule(self.schedule)
        [tick] = self.instance.get_ticks(
            schedule.get_remote_origin_id(), schedule.selector_id, limit=1
        )
        return str(tick.skip_reason)

    def reset_cursor(self) -> None:
        sensor = self.repository.get_sensor("overdue_runs_sensor")
        reset_cursor(self.instance, sensor)

    def break_runs(self, broken: bool) -> None:
        daemon_location.break_runs(self.env.services.settings.data_dir, broken)

    def headless(self, instance: dg.DagsterInstance) -> Headless:
        """The headless loop over the same stages and the same data folder."""
        return Headless(daemon_location.defs, instance)

    def _move_to(self, at: datetime) -> None:
        self.env.clock.move_to(at)
        daemon_location.billing_clock(self.env.services.settings.data_dir).move_to(at)

    def _runs_since(self, before: set[str]) -> Runs:
        return [
            (run.tags.get("dagster/partition"), run.status)
            for run in self.instance.get_runs()
            if run.run_id not in before
        ]


@pytest.fixture(params=with_further(sorted(TICKS)))
def daemons(
    request: pytest.FixtureRequest,
    dagster_env: DagsterEnv,
    workspace: WorkspaceProcessContext,
) -> Daemons:
    """Each schedule that has partitions, switched on before its first tick."""
    instance = workspace.instance
    for storage in (instance.run_storage, instance.event_log_storage):
        storage.wipe()
    assert instance.schedule_storage is not None
    instance.schedule_storage.wipe()
    daemons = Daemons(dagster_env, workspace, request.param)
    for sensor in daemons.repository.get_sensors():
        if sensor.name != "overdue_runs_sensor":
            instance.stop_sensor(
                sensor.get_remote_origin_id(), sensor.selector_id, sensor
            )
    for schedule in daemons.repository.get_schedules():
        instance.stop_schedule(
            schedule.get_remote_origin_id(), schedule.selector_id, schedule
        )
    dagster_env.write("posts", LIVE_POST | {"published_at": datetime(2026, 2, 10)})
    calls = [
        CALL
        | {"call_id": f"c{number}", "called_at": datetime(2026, 2, 1) + number * DAY}
        for number in range(90)
    ]
    dagster_env.write("api_calls", *calls)
    daemons.switch_on(datetime(2026, 2, 11, 12))
    return daemons


def test_a_failed_run_is_asked_for_until_one_succeeds(daemons: Daemons) -> None:
    """The scheduler itself would let it be: its tick is over."""
    (tick, partition), (next_tick, next_partition) = TICKS[daemons.schedule]
    daemons.break_runs(True)
    assert daemons.schedules_tick(tick) == [(partition, FAILED)]
    assert daemons.schedules_tick(tick + timedelta(minutes=1)) == []
    assert daemons.sensor_ticks(tick + timedelta(minutes=5)) == []
    assert "failed; it is requested again at" in daemons.skip_reason()
    assert daemons.sensor_ticks(tick + timedelta(minutes=10)) == [(partition, FAILED)]
    assert daemons.sensor_ticks(tick + timedelta(minutes=15)) == []
    daemons.break_runs(False)
    assert daemons.sensor_ticks(tick + timedelta(minutes=20)) == []
    assert daemons.sensor_ticks(tick + timedelta(minutes=25)) == [
        (partition, SUCCEEDED)
    ]
    assert daemons.sensor_ticks(tick + timedelta(hours=9)) == []
    assert daemons.skip_reason() == (
        "The runs of all schedules that are on have succeeded."
    )
    assert daemons.schedules_tick(next_tick) == [(next_partition, SUCCEEDED)]
    assert daemons.sensor_ticks(next_tick + timedelta(minutes=5)) == []


@pytest.mark.parametrize("daemons", ["monthly_fine_tune_schedule"], indirect=True)
def test_a_newer_partition_takes_the_place_of_one_that_never_succeeded(
    daemons: Daemons,
) -> None:
    (tick, partition), (next_tick, next_partition) = TICKS[daemons.schedule]
    daemons.break_runs(True)
    assert daemons.schedules_tick(tick) == [(partition, FAILED)]
    assert daemons.sensor_ticks(tick + timedelta(minutes=1)) == []
    assert daemons.schedules_tick(next_tick) == [(next_partition, FAILED)]
    daemons.break_runs(False)
    assert daemons.sensor_ticks(next_tick + timedelta(minutes=1)) == []
    assert daemons.sensor_ticks(next_tick + timedelta(minutes=7)) == [
        (next_partition, SUCCEEDED)
    ]


@pytest.mark.parametrize("daemons", ["engagement_schedule"], indirect=True)
def test_a_tick_that_found_the_warehouse_busy_is_not_lost(
    daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tick, partition), _ = TICKS[daemons.schedule]
    assert 3 * run_requests.TICK_WAIT_S < DEFAULT_SCHEDULE_GRPC_TIMEOUT
    monkeypatch.setattr(run_requests, "TICK_WAIT_S", 0.5)
    with FileLock(f"{daemons.env.services.warehouse.path}.lock"):
        assert daemons.schedules_tick(tick) == []
        assert "held by another process" in daemons.schedules_skip_reason()
    assert daemons.sensor_ticks(tick + timedelta(minutes=5)) == [(partition, SUCCEEDED)]


@pytest.mark.parametrize("daemons", ["engagement_schedule"], indirect=True)
def test_nothing_is_asked_for_a_schedule_that_was_switched_off(
    daemons: Daemons,
) -> None:
    (tick, partition), _ = TICKS[daemons.schedule]
    daemons.break_runs(True)
    assert daemons.schedules_tick(tick) == [(partition, FAILED)]
    daemons.break_runs(False)
    daemons.switch_off()
    assert daemons.sensor_ticks(tick + timedelta(hours=1)) == []
    daemons.switch_on(tick + timedelta(hours=2))  # begins with its next tick
    assert daemons.sensor_ticks(tick + timedelta(hours=3)) == []


@pytest.mark.parametrize(
    "daemons", ["engagement_schedule", "monthly_fine_tune_schedule"], indirect=True
)
def test_after_two_months_off_the_newest_tick_alone_runs(daemons: Daemons) -> None:
    """Whichever of the two daemons is the first to look."""
    (tick, partition), _ = TICKS[daemons.schedule]
    daemons.break_runs(True)
    assert daemons.schedules_tick(tick) == [(partition, FAILED)]
    daemons.break_runs(False)
    now = datetime(2026, 4, 20, 12)
    assert daemons.sensor_ticks(now) == [], "its partition is not the newest any more"
    newest = "2026-03" if daemons.schedule.startswith("monthly") else "2026-04-19"
    assert daemons.schedules_tick(now) == [(newest, SUCCEEDED)]
    assert daemons.sensor_ticks(now + timedelta(minutes=5)) == []


@pytest.mark.parametrize("daemons", ["usage_schedule"], indirect=True)
def test_a_cancelled_run_is_left_to_people(daemons: Daemons) -> None:
    (tick, partition), _ = TICKS[daemons.schedule]
    daemons.break_runs(True)
    assert daemons.schedules_tick(tick) == [(partition, FAILED)]
    [failed] = daemons.instance.get_runs()
    cancelled = dg.DagsterRunStatus.CANCELED
    daemons.instance.add_run(
        dg.DagsterRun(failed.job_name, tags=failed.tags, status=cancelled)
    )
    assert daemons.sensor_ticks(tick + timedelta(hours=3)) == []
    assert "was cancelled; re-execute it, or reset" in daemons.skip_reason()


@pytest.mark.parametrize("daemons", ["monthly_fine_tune_schedule"], indirect=True)
def test_a_reset_cursor_repeats_what_failed_and_nothing_else(daemons: Daemons) -> None:
    (tick, partition), _ = TICKS[daemons.schedule]
    daemons.break_runs(True)
    assert daemons.schedules_tick(tick) == [(partition, FAILED)]
    assert daemons.sensor_ticks(tick + timedelta(minutes=5)) == []
    daemons.reset_cursor()
    assert daemons.sensor_ticks(tick + timedelta(minutes=10)) == []
    daemons.break_runs(False)
    assert daemons.sensor_ticks(tick + timedelta(hours=1)) == [(partition, SUCCEEDED)]
    daemons.reset_cursor()
    assert daemons.sensor_ticks(tick + timedelta(hours=2)) == []


def test_the_headless_loop_asks_for_what_the_daemons_ask_for(daemons: Daemons) -> None:
    """Side by side, each on an instance of its own: fail, repeat, succeed, go on."""
    (tick, partition), (next_tick, next_partition) = TICKS[daemons.schedule]
    stored = daemons.env.library.parent / "headless"
    stored.mkdir()
    with dg.DagsterInstance.local_temp(str(stored)) as instance:
        headless = daemons.headless(instance)
        daemons.break_runs(True)
        under_daemons = daemons.schedules_tick(tick)
        with pytest.raises(RunFailedError, match="The vendor is down"):
            headless.tick_schedule(daemons.schedule, tick)
        daemons.break_runs(False)
        daemons.sensor_ticks(tick + timedelta(minutes=1))  # notices the failure
        under_daemons += daemons.sensor_ticks(tick + timedelta(minutes=7))
        assert headless.tick_schedule(daemons.schedule, tick)
        under_daemons += daemons.sensor_ticks(tick + timedelta(minutes=14))
        assert headless.tick_schedule(daemons.schedule, tick) == []
        under_daemons += daemons.schedules_tick(next_tick)
        assert headless.tick_schedule(daemons.schedule, next_tick)
        runs = reversed(list(instance.get_runs()))
        assert (
            [(run.tags.get("dagster/partition"), run.status) for run in runs]
            == under_daemons
            == [
                (partition, FAILED),
                (partition, SUCCEEDED),
                (next_partition, SUCCEEDED),
            ]
        )


@pytest.mark.parametrize("daemons", ["engagement_schedule"], indirect=True)
def test_what_one_has_run_the_other_does_not_run_again(daemons: Daemons) -> None:
    (tick, partition), (next_tick, next_partition) = TICKS[daemons.schedule]
    headless = daemons.headless(daemons.instance)
    daemons.env.clock.move_to(tick)
    [run] = headless.tick_schedule(daemons.schedule, tick)
    assert run.partition == partition
    assert daemons.schedules_tick(tick) == []
    assert f"for {partition} has succeeded already" in daemons.schedules_skip_reason()
    assert daemons.sensor_ticks(tick + timedelta(minutes=5)) == []
    assert daemons.schedules_tick(next_tick) == [(next_partition, SUCCEEDED)]
    assert headless.tick_schedule(daemons.schedule, next_tick) == []


@pytest.mark.parametrize("daemons", ["monthly_fine_tune_schedule"], indirect=True)
def test_a_run_of_one_asset_is_not_the_months_run(daemons: Daemons) -> None:
    """It has the job's name, the partition and a success (1.13.27)."""
    (tick, partition), _ = TICKS[daemons.schedule]
    daemons.env.clock.move_to(tick)
    part = daemon_location.defs.resolve_job_def("fine_tune_month").execute_in_process(
        instance=daemons.instance,
        partition_key=partition,
        asset_selection=[dg.AssetKey("training_examples")],
    )
    assert part.success
    assert daemons.schedules_tick(tick) == [(partition, SUCCEEDED)]
    assert daemons.schedules_tick(tick + timedelta(minutes=1)) == []


@pytest.mark.parametrize("daemons", ["monthly_fine_tune_schedule"], indirect=True)
def test_the_rest_of_a_failed_run_makes_the_month_whole(daemons: Daemons) -> None:
    """As "Re-execute from failure" stores it: a part, and the run it goes on from."""
    (tick, partition), _ = TICKS[daemons.schedule]
    daemons.break_runs(True)
    assert daemons.schedules_tick(tick) == [(partition, FAILED)]
    daemons.break_runs(False)
    [failed] = daemons.instance.get_runs()
    daemons.instance.add_run(
        dg.DagsterRun(
            failed.job_name,
            tags={**failed.tags, "dagster/is_asset_resume_retry": "true"},
            status=SUCCEEDED,
            asset_selection=frozenset([dg.AssetKey("fine_tune_job")]),
            parent_run_id=failed.run_id,
            root_run_id=failed.run_id,
        )
    )
    assert daemons.sensor_ticks(tick + timedelta(days=1)) == []
    assert daemons.skip_reason() == (
        "The runs of all schedules that are on have succeeded."
    )


@pytest.mark.parametrize("home", [None, "of other tables"])
@pytest.mark.parametrize("daemons", ["engagement_schedule"], indirect=True)
def test_the_runs_of_another_code_location_are_not_ours(
    daemons: Daemons, home: str | None
) -> None:
    (tick, partition), _ = TICKS[daemons.schedule]
    tags = {"dagster/partition": partition, ".dagster/repository": "__repository__@b"}
    tags |= {"dagster/run_key": f"read_engagement {partition}"}
    tags |= {"ig/warehouse": home} if home else {}
    daemons.instance.add_run(
        dg.DagsterRun("read_engagement", tags=tags, status=SUCCEEDED)
    )
    assert daemons.schedules_tick(tick) == [(partition, SUCCEEDED)]


@pytest.mark.parametrize("name", ["ig/warehouse", "ig/home"])
@pytest.mark.parametrize("daemons", ["engagement_schedule"], indirect=True)
def test_a_run_for_these_tables_counts_also_under_the_tag_of_earlier_versions(
    daemons: Daemons, name: str
) -> None:
    (tick, partition), _ = TICKS[daemons.schedule]
    [tables] = WAREHOUSE_TAG.values()
    daemons.instance.add_run(
        dg.DagsterRun(
            "read_engagement",
            tags={"dagster/partition": partition, name: tables},
            status=SUCCEEDED,
        )
    )
    assert daemons.schedules_tick(tick) == []


@pytest.mark.parametrize("daemons", ["engagement_schedule"], indirect=True)
def test_a_day_that_was_given_up_is_named_until_it_is_run(daemons: Daemons) -> None:
    (tick, partition), (next_tick, next_partition) = TICKS[daemons.schedule]
    daemons.break_runs(True)
    assert daemons.schedules_tick(tick) == [(partition, FAILED)]
    daemons.break_runs(False)
    assert daemons.schedules_tick(next_tick) == [(next_partition, SUCCEEDED)]
    assert daemons.sensor_ticks(next_tick + timedelta(minutes=5)) == []
    assert daemons.skip_reason() == (
        "No run of a newest day or month is left to ask for. Given up, since newer "
        f"ones came before they succeeded: read_engagement {partition}. To run them, "
        "open the job in the UI, choose the partitions and launch a backfill."
    )
    daemons.headless(daemons.instance).run_job("read_engagement", partition)
    assert daemons.sensor_ticks(next_tick + timedelta(minutes=10)) == []
    assert daemons.skip_reason() == (
        "The runs of all schedules that are on have succeeded."
    )
