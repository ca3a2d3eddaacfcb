"""Evaluating sensors and schedules of the real definitions on a small data folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.remote_representation.external import RemoteSensor

from ig_assets.adapters.simulated.clocks import SimulatedClock
from ig_assets.settings import load_settings
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.wiring import Services

SCRIPT = """---
id: {name}
topic: {name}
hook_style: question
author: mara
language: en
---
# Why does {name} never work?

First look at {name}. Then change one thing. Wait a day and look at it again.

CTA: Save this for later.
"""


# To resolve the jobs anew takes longer than the check; the definitions are those of a
# whole run of the tests.
_CHECK_JOBS: dict[tuple[int, str, str], dg.JobDefinition] = {}


@dataclass(frozen=True)
class DagsterEnv:
    """The definitions, an instance and the folders that they read."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance
    library: Path
    calendar: Path

    @cached_property
    def services(self) -> Services:
        """The ports under the present settings."""
        return Services(load_settings())

    @property
    def clock(self) -> SimulatedClock:
        """The data folder's clock."""
        clock = self.services.clock
        assert isinstance(clock, SimulatedClock)
        return clock

    def add_script(self, name: str) -> Path:
        """One more file in the library."""
        path = self.library / f"{name}.md"
        path.write_text(SCRIPT.format(name=name), encoding="utf-8")
        return path

    def add_calendar(self, month: str, *topics: str) -> None:
        """A month's calendar; each topic is due on the tenth."""
        self.calendar.mkdir(exist_ok=True)
        lines = [f"month: {month}", "topics:"]
        for topic in topics:
            lines += [f"  - topic: {topic}", f"    due_on: {month}-10"]
        (self.calendar / f"{month}.yaml").write_text("\n".join(lines) + "\n")

    def write(self, table: str, *rows: dict[str, Any]) -> None:
        """Rows as a stage of the loop would leave them."""
        with self.services.warehouse.transaction() as con:
            merge_rows(con, table, list(rows))

    def execute(self, sql: str) -> None:
        """Change rows behind the back of the stages."""
        with self.services.warehouse.transaction() as con:
            con.execute(sql)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query."""
        with self.services.warehouse.transaction() as con:
            return fetch_dicts(con, sql)

    def sensor(self, name: str, cursor: str | None = None, **instead: object) -> Any:
        """One tick of a sensor, with some resources replaced: SensorExecutionData."""
        repository = self.definitions.get_repository_def()
        sensor = repository.get_sensor_def(name)
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=cursor,
            repository_def=repository,
            sensor_name=name,
            resources=self._resources(sensor.required_resource_keys) | instead,
        )
        with context:
            return sensor.evaluate_tick(context)

    def succeed(self, tick: Any) -> None:
        """Record a successful run of each request of a sensor's tick."""
        for request in tick.run_requests:
            tags = {**request.tags, "dagster/run_key": request.run_key}
            self.instance.add_run(
                dg.DagsterRun("job", tags=tags, status=dg.DagsterRunStatus.SUCCESS)
            )

    def schedule(self, name: str, at: datetime) -> Any:
        """One tick of a schedule at `at` (naive UTC): its ScheduleExecutionData.

        Without any earlier run: a schedule gets no instance that is not stored.
        """
        repository = self.definitions.get_repository_def()
        schedule = repository.get_schedule_def(name)
        stored = self.library.parent / "stored_instance"
        stored.mkdir(exist_ok=True)
        context = dg.build_schedule_context(
            instance=dg.DagsterInstance.local_temp(str(stored)),
            scheduled_execution_time=at.replace(tzinfo=UTC),
            repository_def=repository,
            resources=self._resources(schedule.required_resource_keys),
        )
        with context:
            return schedule.evaluate_tick(context)

    def run(
        self,
        job: str,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run a job in this process; a failure is a result, not an exception."""
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=partition,
            tags=dict(tags or {}),
            raise_on_error=False,
        )

    def materialise(
        self, asset: str, partition: str | None = None
    ) -> dg.ExecuteInProcessResult:
        """Materialise one asset in this process, as a person would."""
        key = dg.AssetKey(asset)
        job = self.definitions.resolve_implicit_job_def_def_for_assets([key])
        assert job is not None
        return job.execute_in_process(
            instance=self.instance,
            asset_selection=[key],
            partition_key=partition,
            raise_on_error=False,
        )

    def check(self, asset: str, name: str) -> dg.AssetCheckEvaluation:
        """Run one check alone and return its evaluation."""
        job = _check_job(self.definitions, asset, name)
        result = job.execute_in_process(instance=self.instance, raise_on_error=False)
        [evaluation] = result.get_asset_check_evaluations()
        return evaluation

    def _resources(self, wanted: Any) -> dict[str, object]:
        available = self.definitions.get_repository_def().get_top_level_resources()
        return {name: available[name] for name in wanted if name in available}


def _check_job(definitions: dg.Definitions, asset: str, name: str) -> dg.JobDefinition:
    """The job that runs this check alone."""
    made = (id(definitions), asset, name)
    if made not in _CHECK_JOBS:
        key = dg.AssetCheckKey(dg.AssetKey(asset), name)
        job = dg.define_asset_job("one_check", selection=dg.AssetSelection.checks(key))
        merged = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))
        _CHECK_JOBS[made] = merged.resolve_job_def("one_check")
    return _CHECK_JOBS[made]


def reset_cursor(instance: dg.DagsterInstance, sensor: RemoteSensor) -> None:
    """As the UI and `dagster sensor cursor --delete` do."""
    state = instance.get_instigator_state(
        sensor.get_remote_origin_id(), sensor.selector_id
    )
    assert state is not None
    data: Any = state.instigator_data
    without = type(data)(
        last_tick_timestamp=data.last_tick_timestamp,
        last_run_key=data.last_run_key,
        min_interval=data.min_interval,
        cursor=None,
        last_tick_start_timestamp=data.last_tick_start_timestamp,
        sensor_type=data.sensor_type,
    )
    instance.update_instigator_state(state.with_data(without))
