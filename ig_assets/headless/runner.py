"""Evaluates sensors, schedules and automation conditions, and runs what they request.

This does at once, in this process, what Dagster's daemon does by the clock. It uses the
same definitions and the same instance, so that the UI lists every run.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ig_assets.dagster_internals import (
    AUTO_MATERIALIZE_TAG,
    AUTOMATION_CONDITION_TAG,
    RUN_KEY_TAG,
    SCHEDULE_NAME_TAG,
    SENSOR_NAME_TAG,
    InstanceRef,
    NoOpComputeLogManager,
    OpenScheduleContext,
    deserialize_value,
    quick_sqlite_storages,
    serialize_value,
)
from ig_assets.defs.failures import failed_check_reasons, is_failed_check
from ig_assets.errors import IgAssetsError
from ig_assets.headless.dagster_home import ensure_dagster_home
from ig_assets.headless.dead_runs import end_dead_runs, end_run
from ig_assets.defs.failures import is_of_a_command
from ig_assets.headless.month_loop import BlockingCheckFailedError
from ig_assets.headless.one_command import one_command
from ig_assets.headless.recorded_run import execute_recorded
from ig_assets.run_tags import HEADLESS_RUN, HEADLESS_RUNS
from ig_assets.settings import Settings

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
# The UI reads these tags, else it says "Manually launched".
_BY_CONDITION = {AUTO_MATERIALIZE_TAG: "true", AUTOMATION_CONDITION_TAG: "true"}
_MOST_ROUNDS = 10
_AUTOMATION = "ig_assets/automation"
_INTERRUPTS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")


class RunFailedError(IgAssetsError):
    """A headless run failed; message and runbook section are those of its failure."""

    def __init__(self, sentence: str, section: str | None = None) -> None:
        super().__init__(sentence)
        self.section = section


@dataclass(frozen=True)
class SucceededRun:
    """A run that succeeded, and the assets that it materialised."""

    job: str
    assets: tuple[str, ...]
    partition: str | None
    run_id: str


class Headless:
    """Runs the code location's definitions in this process, on one Dagster instance.

    Sensor cursors are stored in the instance.
    """

    def __init__(
        self, definitions: dg.Definitions, instance: dg.DagsterInstance
    ) -> None:
        self._definitions = definitions
        self._instance = instance
        self._repository = definitions.get_repository_def()
        if self._stored(_AUTOMATION) is None:
            # Later evaluations compare with the first one.
            self.automate()

    def tick_sensor(self, name: str) -> list[SucceededRun]:
        """Evaluate a sensor once, and run what it requests. Raises RunFailedError."""
        sensor = self._repository.get_sensor_def(name)
        key = f"ig_assets/sensor/{name}"
        context = dg.build_sensor_context(
            instance=self._instance,
            cursor=self._stored(key),
            repository_def=self._repository,
            sensor_name=name,
            resources=self._resources(sensor.required_resource_keys),
        )
        with context:
            tick = sensor.evaluate_tick(context)
        for event in tick.asset_events:
            self._instance.report_runless_asset_event(event)
        by = {SENSOR_NAME_TAG: name}
        done = [
            # A sensor of several jobs has no `job_name`; its requests name theirs.
            self._serve(request, request.job_name or sensor.job_name, by)
            for request in tick.run_requests or []
        ]
        # Stored last: after a failed run, the next evaluation requests it at once.
        if tick.cursor is not None:
            self._instance.run_storage.set_cursor_values({key: tick.cursor})
        return done

    def tick_schedule(self, name: str, at: datetime) -> list[SucceededRun]:
        """Evaluate a schedule as if the time were `at` (naive UTC); run its requests.

        The daemon evaluates each tick once; here a tick may be evaluated repeatedly, as
        the schedules request no partition that has already succeeded. Raises
        RunFailedError.
        """
        schedule = self._repository.get_schedule_def(name)
        context = OpenScheduleContext(
            self._instance,
            scheduled_execution_time=at.replace(tzinfo=UTC),
            repository_def=self._repository,
            resources=self._resources(schedule.required_resource_keys),
        )
        with context:
            tick = schedule.evaluate_tick(context)
        by = {SCHEDULE_NAME_TAG: name}
        return [
            self._serve(request, schedule.job_name, by)
            for request in tick.run_requests or []
        ]

    def automate(self) -> list[SucceededRun]:
        """Run what automation conditions request until they request nothing more.

        After ten rounds it stops.
        """
        done: list[SucceededRun] = []
        for _ in range(_MOST_ROUNDS):
            stored = self._stored(_AUTOMATION)
            cursor: Any = deserialize_value(stored) if stored else None
            result = dg.evaluate_automation_conditions(
                self._definitions, self._instance, cursor=cursor
            )
            requested = self._requested(result)
            for partition, assets in requested.items():
                done.append(self.materialise(assets, partition, _BY_CONDITION))
            self._instance.run_storage.set_cursor_values(
                {_AUTOMATION: serialize_value(result.cursor)}
            )
            if not requested:
                break
        return done

    def materialise(
        self,
        assets: Sequence[str],
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> SucceededRun:
        """Materialise assets, for one partition if they are partitioned.

        Raises RunFailedError.
        """
        keys = [dg.AssetKey.from_user_string(name) for name in assets]
        job = self._definitions.resolve_implicit_job_def_def_for_assets(keys)
        if job is None:
            raise RunFailedError(f"No single job has all of {', '.join(assets)}.")
        return self._execute(job, keys, partition, tags or {})

    def run_job(
        self,
        name: str,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> SucceededRun:
        """Run a job of the code location. Raises RunFailedError."""
        job = self._definitions.resolve_job_def(name)
        return self._execute(job, None, partition, tags or {})

    def run_form(self, name: str, form: Mapping[str, object]) -> SucceededRun:
        """Run a job with the values in `form` as its configuration.

        Such a configuration cannot set the console's log level, so the console output
        is discarded. Raises RunFailedError.
        """
        job = self._definitions.resolve_job_def(name)
        with redirect_stderr(io.StringIO()):
            return self._execute(job, None, None, {}, form)

    def _serve(
        self, request: dg.RunRequest, job_name: str | None, by: Mapping[str, str]
    ) -> SucceededRun:
        tags = {**request.tags, **by}
        if request.run_key is not None:
            tags[RUN_KEY_TAG] = request.run_key
        name = request.job_name or job_name
        if name is None:
            raise RunFailedError("A sensor requested a run without naming its job.")
        job = self._definitions.resolve_job_def(name)
        return self._execute(job, None, request.partition_key, tags)

    def _execute(
        self,
        job: dg.JobDefinition,
        keys: Sequence[dg.AssetKey] | None,
        partition: str | None,
        tags: Mapping[str, str],
        config: Mapping[str, object] = _QUIET,
    ) -> SucceededRun:
        result = execute_recorded(
            job,
            self._instance,
            assets=keys,
            partition=partition,
            tags={**HEADLESS_RUN, **tags},
            run_config=config,
        )
        if _was_interrupted(result):  # even where Dagster retried the step
            raise KeyboardInterrupt
        if not result.success:
            if closed := _failed_blocking_checks(result):
                raise BlockingCheckFailedError(" ".join(closed))
            raise RunFailedError(
                _sentence(result, job.name, partition), _section(result)
            )
        made = sorted(
            {
                event.asset_key.to_user_string()
                for event in result.get_asset_materialization_events()
                if event.asset_key is not None
            }
        )
        return SucceededRun(job.name, tuple(made), partition, result.run_id)

    def _requested(self, result: Any) -> dict[str | None, list[str]]:
        """Return {partition: names of the requested assets}."""
        requested: dict[str | None, list[str]] = {}
        for one in result.results:
            if not isinstance(one.key, dg.AssetKey):
                continue
            if not result.get_num_requested(one.key):
                continue
            for partition in sorted(result.get_requested_partitions(one.key), key=str):
                requested.setdefault(partition, []).append(one.key.to_user_string())
        return requested

    def _resources(self, wanted: Iterable[str]) -> dict[str, object]:
        available = self._repository.get_top_level_resources()
        return {name: available[name] for name in wanted if name in available}

    def _stored(self, key: str) -> str | None:
        return self._instance.run_storage.get_cursor_values({key}).get(key)


@contextmanager
def open_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """Open the instance of DAGSTER_HOME, for one headless command at a time.

    Runs whose process was killed are ended first, as they would hold the slots of their
    pools for ever. Raises FolderInUseError if another headless command is running.
    """
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    with (
        one_command(settings.data_dir),
        quick_sqlite_storages(),
        dg.DagsterInstance.from_ref(_instance_ref()) as instance,
    ):
        _end_killed_runs(instance)
        end_dead_runs(instance)
        yield instance


def _instance_ref() -> InstanceRef:
    """Return the reference to DAGSTER_HOME, with the capture of steps' output disabled.

    Capturing starts two more processes per step, which answer Ctrl-C with tracebacks.
    """
    return InstanceRef.from_dir(
        os.environ["DAGSTER_HOME"],
        overrides={
            "compute_logs": {
                "module": NoOpComputeLogManager.__module__,
                "class": NoOpComputeLogManager.__name__,
            }
        },
    )


def _end_killed_runs(instance: dg.DagsterInstance) -> None:
    """End all unfinished headless runs; under the lock none of them can be alive."""
    unfinished = [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ]
    for tag in HEADLESS_RUNS:
        of_commands = dg.RunsFilter(tags=tag, statuses=unfinished)
        for run in filter(is_of_a_command, instance.get_runs(filters=of_commands)):
            end_run(instance, run)


@contextmanager
def open_headless(settings: Settings) -> Iterator[Headless]:
    """Open the code location's definitions on the data folder's instance.

    Raises InputError if the folder cannot be used, and what `open_instance` raises.
    """
    ensure_dagster_home(settings)
    with open_instance(settings) as instance:
        yield Headless(load_definitions(), instance)


def load_definitions() -> dg.Definitions:
    """Build the code location's definitions in the present environment."""
    from ig_assets.definitions import defs

    return defs()


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether Ctrl-C or SIGTERM ended the run; Dagster turns both into errors."""
    for event in result.all_events:
        error = getattr(event.event_specific_data, "error", None)
        while error is not None:
            if error.cls_name in _INTERRUPTS:
                return True
            error = error.cause
    return False


def _failed_blocking_checks(result: dg.ExecuteInProcessResult) -> list[str]:
    """Return the reasons of failed blocking checks; [] if anything else failed too."""
    for event in result.all_events:
        if event.is_step_failure and not is_failed_check(event):
            return []
    return failed_check_reasons(result.get_asset_check_evaluations())


def _section(result: dg.ExecuteInProcessResult) -> str | None:
    """Return the runbook section that the first failed step names, or None."""
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.user_failure_data:
            found = event.step_failure_data.user_failure_data.metadata.get("runbook")
            return None if found is None else str(found.value).partition("#")[2]
    return None


def _sentence(
    result: dg.ExecuteInProcessResult, job: str, partition: str | None
) -> str:
    where = f"{job}[{partition}]" if partition else job
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            return f"{event.step_key} in {where}: {data.user_failure_data.description}"
        if data.error is not None:
            root = data.error
            while root.cause is not None:
                root = root.cause
            first_line = root.message.strip().split("\n", 1)[0]
            return f"{event.step_key} in {where} failed: {first_line}"
    return f"{where} failed; run {result.run_id} has the log."
