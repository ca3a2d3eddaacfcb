"""Runs that schedules ask for: a tick's partition is run until one run has succeeded.

The daemon evaluates a tick once, whatever became of its run: it compares the schedule,
the tick's time and the run key (1.13.27, `_get_existing_run_for_request`), so that
another tick with the same run key would run too. After it was off it evaluates the
newest tick that it missed and no other. So a partition that has succeeded, under the
daemon or headless, is not asked for again; and `overdue_runs_sensor` asks for the
partition of a schedule's newest tick again while no run of it has succeeded.
"""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from ig_assets.dagster_internals import (
    PARTITION_NAME_TAG,
    InstigatorType,
    TickStatus,
)
from ig_assets.defs.run_requests import WantedRun

Due = str | dg.SkipReason
"""The partition that a schedule's tick is for, or why there is none."""


def request_scheduled_run(
    context: dg.ScheduleEvaluationContext, job: str, due: Due
) -> dg.RunRequest | dg.SkipReason:
    """The run of a tick's partition, unless a run of it has succeeded."""
    if isinstance(due, dg.SkipReason):
        return due
    if _has_succeeded(context.instance, job, due):
        return dg.SkipReason(f"A run of {job} for {due} has succeeded already.")
    return dg.RunRequest(run_key=_run_key(job, due), partition_key=due)


def overdue_runs(instance: dg.DagsterInstance, job: str, due: Due) -> list[WantedRun]:
    """The run that a past tick was for, where none has succeeded: one or none.

    The run that the tick asked for counts as its first attempt.
    """
    if isinstance(due, dg.SkipReason) or _has_succeeded(instance, job, due):
        return []
    run_key = _run_key(job, due)
    return [WantedRun(run_key, "due", due, job=job, asked_under=run_key)]


def newest_ticks(context: dg.SensorEvaluationContext) -> dict[str, datetime]:
    """Each schedule of this repository that is on, and its newest tick, naive UTC.

    Without schedules that have not ticked since they were switched on, or whose tick
    is being evaluated.
    """
    instance, ticks = context.instance, {}
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE):
        repository = state.origin.repository_origin.repository_name
        if not state.is_running or repository != context.repository_name:
            continue
        since = getattr(state.instigator_data, "start_timestamp", None) or 0.0
        newest = instance.get_ticks(
            state.instigator_origin_id, state.selector_id, limit=1
        )
        for tick in newest:
            if tick.status is not TickStatus.STARTED and tick.timestamp >= since:
                at = datetime.fromtimestamp(tick.timestamp, UTC)
                ticks[state.instigator_name] = at.replace(tzinfo=None)
    return ticks


def _has_succeeded(instance: dg.DagsterInstance, job: str, partition: str) -> bool:
    """Whoever asked for the run: a schedule, a sensor, the headless loop, a person."""
    succeeded = dg.RunsFilter(
        job_name=job,
        statuses=[dg.DagsterRunStatus.SUCCESS],
        tags={PARTITION_NAME_TAG: partition},
    )
    return instance.get_runs_count(succeeded) > 0


def _run_key(job: str, partition: str) -> str:
    return f"{job} {partition}"
