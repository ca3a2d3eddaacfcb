"""Runs that schedules ask for: a tick's partition is run until one run has succeeded.

The daemon evaluates a tick once, whatever became of its run: it compares the schedule,
the tick's time and the run key (1.13.27, `_get_existing_run_for_request`), so that
another tick with the same run key would run too. After it was off it evaluates the
newest tick that it missed and no other. So a partition that has succeeded, under the
daemon or headless, is not asked for again; and `overdue_runs_sensor` asks for the
partition of a schedule's newest tick again while no run of it has succeeded. Those of
earlier ticks that never succeeded are given up, and named.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg

from ig_assets.dagster_internals import (
    PARTITION_NAME_TAG,
    InstigatorState,
    InstigatorType,
    TickStatus,
)
from ig_assets.defs.following import WantedRun
from ig_assets.defs.whole_runs import (
    WAREHOUSE_TAG,
    WAREHOUSE_TAGS,
    EvaluationContext,
    ran_whole_job,
)

RECENT_TICKS = 31

Due = str | dg.SkipReason
"""The partition that a schedule's tick is for, or why there is none."""


def request_scheduled_run(
    context: dg.ScheduleEvaluationContext, job: str, due: Due
) -> dg.RunRequest | dg.SkipReason:
    """The run of a tick's partition, unless a run of it has succeeded."""
    if isinstance(due, dg.SkipReason):
        return due
    if _has_succeeded(context, job, due):
        return dg.SkipReason(f"A run of {job} for {due} has succeeded already.")
    return dg.RunRequest(run_key=_run_key(job, due), partition_key=due)


def overdue_runs(
    context: dg.SensorEvaluationContext, job: str, due: Due
) -> list[WantedRun]:
    """The run that a past tick was for, where none has succeeded: one or none.

    The run that the tick asked for counts as its first attempt.
    """
    if isinstance(due, dg.SkipReason) or _has_succeeded(context, job, due):
        return []
    run_key = _run_key(job, due)
    return [WantedRun(run_key, "due", due, job=job, asked_under=run_key)]


def given_up(
    context: dg.SensorEvaluationContext, job: str, dues: Iterable[Due], newest: Due
) -> list[str]:
    """Partitions of earlier ticks without a success, sorted: nothing asks for them."""
    partitions = {due for due in dues if isinstance(due, str) and due != newest}
    return [
        partition
        for partition in sorted(partitions)
        if not _has_succeeded(context, job, partition)
    ]


def recent_ticks(context: dg.SensorEvaluationContext) -> dict[str, list[datetime]]:
    """Each schedule of this code location that is on, and its ticks, naive UTC.

    At most `RECENT_TICKS`, the newest first, since it was switched on. Without
    schedules that have not ticked since, or whose tick is being evaluated.
    """
    instance, ticks = context.instance, {}
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE):
        if not state.is_running or not _is_of_this_location(context, state):
            continue
        since = getattr(state.instigator_data, "start_timestamp", None) or 0.0
        recent = [
            tick
            for tick in instance.get_ticks(
                state.instigator_origin_id, state.selector_id, limit=RECENT_TICKS
            )
            if tick.timestamp >= since
        ]
        if recent and recent[0].status is not TickStatus.STARTED:
            ticks[state.instigator_name] = [
                datetime.fromtimestamp(tick.timestamp, UTC).replace(tzinfo=None)
                for tick in recent
            ]
    return ticks


def _is_of_this_location(
    context: dg.SensorEvaluationContext, state: InstigatorState
) -> bool:
    repository = state.origin.repository_origin
    if repository.repository_name != context.repository_name:
        return False
    origin = context.code_location_origin  # None where evaluated without the daemon
    location = repository.code_location_origin.location_name
    return origin is None or location == origin.location_name


def _has_succeeded(context: EvaluationContext, job: str, partition: str) -> bool:
    """Whoever asked for the run: a schedule, a sensor, the headless loop, a person.

    Runs of a part of the job, and those of other tables on the instance, do not count.
    """
    for tables in WAREHOUSE_TAGS:
        succeeded = dg.RunsFilter(
            job_name=job,
            statuses=[dg.DagsterRunStatus.SUCCESS],
            tags={PARTITION_NAME_TAG: partition, **tables},
        )
        runs = context.instance.get_runs(succeeded)
        if any(ran_whole_job(context, run, job) for run in runs):
            return True
    return False


def _run_key(job: str, partition: str) -> str:
    """Not the same for two code locations on one instance, whose runs it finds."""
    return " ".join([job, partition, *WAREHOUSE_TAG.values()])
