"""Sensors evaluated by Dagster's own sensor daemon on a temporary instance.

Source of the behaviour of Dagster: 1.13.27, `dagster/_daemon/sensor.py`. A run key that
an earlier run of the same sensor had, whatever its status, makes the daemon skip the
request (`_get_or_create_sensor_run`); the tick still counts as a success, so that the
cursor moves on (`SensorLaunchContext._write`) and the request is lost.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.remote_representation.external import RemoteSensor
from dagster._core.test_utils import freeze_time
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._daemon.sensor import execute_sensor_iteration

from ig_assets.core.corpus.queries import CURRENT_SCRIPTS
from ig_assets.defs.run_requests import WantedRun, request_runs
from ig_assets_tests.defs import daemon_location
from ig_assets_tests.defs.test_sensors import EXPERIMENT, JOB, POST, add_winner
from ig_assets_tests.defs.ticking import DagsterEnv, reset_cursor
from ig_assets_tests.factories.cases import with_further

SUCCEEDED, FAILED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
STATE_SENSORS = [
    "script_library_sensor",
    "content_calendar_sensor",
    "fine_tune_status_sensor",
]
WORK_SENSORS = ["feedback_sensor", "publishing_sensor", "embedding_batch_sensor"]
ENDED_BATCH = {
    "intent_key": "b1",
    "provider": "openai",
    "model": "m",
    "dimensions": 48,
    "batch_id": "batch_1",
    "status": "ended",
    "outcome": "completed",
    "intended_at": datetime(2026, 1, 1),
}


class FixedClock:
    """Moves only when a test moves it."""

    def __init__(self) -> None:
        self.present = datetime(2026, 1, 1)

    def now(self) -> datetime:
        return self.present


@dataclass
class Daemon:
    """The sensor daemon of one instance; each tick is an hour after the one before."""

    env: DagsterEnv
    workspace: WorkspaceProcessContext
    sensor_name: str
    time: datetime = field(default_factory=lambda: datetime(2026, 3, 1, tzinfo=UTC))

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.workspace.instance

    @property
    def sensor(self) -> RemoteSensor:
        (entry,) = (
            self.workspace.create_request_context().get_code_location_entries().values()
        )
        assert entry.code_location, entry.load_error
        (repository,) = entry.code_location.get_repositories().values()
        return repository.get_sensor(self.sensor_name)

    def tick(self) -> list[dg.DagsterRunStatus]:
        """Evaluate the sensor once; the status of each run that this tick started."""
        before = {run.run_id for run in self.instance.get_runs()}
        self.time += timedelta(hours=1)
        with freeze_time(self.time):
            errors = list(
                execute_sensor_iteration(
                    self.workspace, logging.getLogger("daemon"), None, None
                )
            )
        assert not any(errors), errors
        runs = self.instance.get_runs()
        return [run.status for run in runs if run.run_id not in before]

    def skip_reason(self) -> str | None:
        """The reason that the last tick gave."""
        tick = self.instance.get_ticks(
            self.sensor.get_remote_origin_id(), self.sensor.selector_id, limit=1
        )[0]
        return tick.skip_reason

    def reset_cursor(self) -> None:
        reset_cursor(self.instance, self.sensor)

    def wait(self, **delay: float) -> None:
        """Move the clock of the retries."""
        clock = daemon_location.billing_clock(self.env.services.settings.data_dir)
        clock.move_to(clock.now() + timedelta(**delay))

    def break_runs(self, broken: bool) -> None:
        daemon_location.break_runs(self.env.services.settings.data_dir, broken)


@pytest.fixture(params=with_further(STATE_SENSORS) + with_further(WORK_SENSORS))
def daemon(
    request: pytest.FixtureRequest,
    dagster_env: DagsterEnv,
    workspace: WorkspaceProcessContext,
    monkeypatch: pytest.MonkeyPatch,
) -> Daemon:
    """Each sensor that requests runs, with a first state or some work to follow."""
    instance = workspace.instance
    for storage in (instance.run_storage, instance.event_log_storage):
        storage.wipe()
    assert instance.schedule_storage is not None
    instance.schedule_storage.wipe()
    for name in STATE_SENSORS + WORK_SENSORS:  # some are running by default
        other = Daemon(dagster_env, workspace, name).sensor
        instance.stop_sensor(other.get_remote_origin_id(), other.selector_id, other)
    dagster_env.add_script("knives")
    dagster_env.add_calendar("2026-01", "knives")
    dagster_env.write("fine_tune_jobs", JOB)
    if request.param == "fine_tune_status_sensor":
        dagster_env.clock.move_to(datetime(2026, 2, 1))  # the job's month is over
    if request.param == "feedback_sensor":
        add_winner(dagster_env)
    elif request.param == "publishing_sensor":
        dagster_env.write("experiments", EXPERIMENT)
        dagster_env.write("posts", POST | {"slot": datetime(2026, 1, 1)})
    elif request.param == "embedding_batch_sensor":
        monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-key")
        dagster_env.write("embedding_batches", ENDED_BATCH)
    daemon = Daemon(dagster_env, workspace, request.param)
    instance.start_sensor(daemon.sensor)
    return daemon


def test_each_state_runs_once(daemon: Daemon) -> None:
    assert daemon.tick() == [SUCCEEDED]
    assert daemon.tick() == []
    assert daemon.skip_reason() in (
        "The library has not changed.",
        "The calendar of 2026-01 has not changed.",
        "The models of all finished jobs are registered.",
        "Every winner is a script already.",
        "No variant waits for a plan and no post is due.",
        "No embedding batch is under way.",
    )


@pytest.mark.parametrize("daemon", ["script_library_sensor"], indirect=True)
def test_a_script_that_comes_and_goes_is_gone_from_the_corpus(daemon: Daemon) -> None:
    """States A, B, A: the second A is run too, though a run for A succeeded before.

    Under the library's fingerprint as run key, the daemon of Dagster 1.13.27 skipped
    it without a reason, and the removed script stayed active.
    """
    assert daemon.tick() == [SUCCEEDED]
    path = daemon.env.add_script("pans")
    assert daemon.tick() == [SUCCEEDED]
    assert len(daemon.env.rows(CURRENT_SCRIPTS)) == 2
    path.unlink()
    assert daemon.tick() == [SUCCEEDED]
    assert len(daemon.env.rows(CURRENT_SCRIPTS)) == 1
    assert daemon.tick() == []


@pytest.mark.parametrize("daemon", ["content_calendar_sensor"], indirect=True)
def test_a_calendar_that_is_changed_back_runs_again(daemon: Daemon) -> None:
    assert daemon.tick() == [SUCCEEDED]
    daemon.env.add_calendar("2026-01", "knives", "pans")
    assert daemon.tick() == [SUCCEEDED]
    daemon.env.add_calendar("2026-01", "knives")
    assert daemon.tick() == [SUCCEEDED]
    assert daemon.tick() == []


def test_a_failed_run_is_requested_again_later_and_later(daemon: Daemon) -> None:
    """The daemon never repeats a request of its own accord, whatever became of it."""
    daemon.break_runs(True)
    assert daemon.tick() == [FAILED]
    assert daemon.tick() == []
    assert str(daemon.skip_reason()).endswith(
        "failed; it is requested again at 2026-01-01 00:05 UTC."
    )
    daemon.wait(minutes=4)
    assert daemon.tick() == []
    daemon.wait(minutes=1)
    assert daemon.tick() == [FAILED]
    assert daemon.tick() == []
    daemon.wait(minutes=9)
    assert daemon.tick() == []
    daemon.break_runs(False)
    daemon.wait(minutes=1)
    assert daemon.tick() == [SUCCEEDED]
    daemon.wait(days=30)
    assert daemon.tick() == []


def test_the_delay_doubles_up_to_a_day() -> None:
    """Without the daemon: each request fails as soon as it was made."""
    clock, cursor, delays = FixedClock(), None, []
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(12):
            context = dg.build_sensor_context(instance=instance, cursor=cursor)
            result = request_runs(context, clock, [WantedRun("x", "1")], "done")
            (request,) = result.run_requests or []
            tags = {"dagster/run_key": str(request.run_key)}
            instance.add_run(dg.DagsterRun("job", tags=tags, status=FAILED))
            context = dg.build_sensor_context(instance=instance, cursor=result.cursor)
            result = request_runs(context, clock, [WantedRun("x", "1")], "done")
            assert not result.run_requests
            cursor = str(result.cursor)
            retry_at = datetime.fromisoformat(json.loads(cursor)["x"]["retry_at"])
            delays.append(retry_at - clock.present)
            clock.present = retry_at
    minutes = [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440, 1440]
    assert delays == [timedelta(minutes=m) for m in minutes]


@pytest.mark.parametrize("daemon", ["script_library_sensor"], indirect=True)
def test_a_person_who_repairs_a_failed_run_ends_its_retries(daemon: Daemon) -> None:
    """A re-execution has the tags of its parent, the run key among them."""
    daemon.break_runs(True)
    assert daemon.tick() == [FAILED]
    assert daemon.tick() == []
    (failed,) = daemon.instance.get_runs()
    daemon.instance.add_run(
        dg.DagsterRun(failed.job_name, tags=failed.tags, status=SUCCEEDED)
    )
    daemon.wait(days=1)
    assert daemon.tick() == []


@pytest.mark.parametrize("daemon", ["script_library_sensor"], indirect=True)
def test_a_cancelled_run_is_left_to_people(daemon: Daemon) -> None:
    daemon.break_runs(True)
    assert daemon.tick() == [FAILED]
    (failed,) = daemon.instance.get_runs()
    daemon.instance.add_run(
        dg.DagsterRun(
            failed.job_name, tags=failed.tags, status=dg.DagsterRunStatus.CANCELED
        )
    )
    daemon.wait(days=1)
    assert daemon.tick() == []
    assert "was cancelled; re-execute it, or reset" in str(daemon.skip_reason())


@pytest.mark.parametrize("daemon", with_further(STATE_SENSORS), indirect=True)
def test_a_reset_cursor_starts_again(daemon: Daemon) -> None:
    """A fixed run key would be skipped here too: the daemon asks the runs for it."""
    assert daemon.tick() == [SUCCEEDED]
    daemon.reset_cursor()
    assert daemon.tick() == [SUCCEEDED]
    assert daemon.tick() == []


@pytest.mark.parametrize("daemon", ["script_library_sensor"], indirect=True)
def test_a_run_that_was_deleted_unseen_is_requested_again(daemon: Daemon) -> None:
    assert daemon.tick() == [SUCCEEDED]
    (run,) = daemon.instance.get_runs()
    daemon.instance.delete_run(run.run_id)
    assert daemon.tick() == [SUCCEEDED]
    assert daemon.tick() == []
    for run in daemon.instance.get_runs():
        daemon.instance.delete_run(run.run_id)
    assert daemon.tick() == []  # its success was noticed before
