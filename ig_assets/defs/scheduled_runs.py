"""Runs of schedules: the partition of a tick is run until one run has succeeded.

Dagster's daemon evaluates a tick once and does not repeat it after a failed run. It
recognises a run by schedule, time of the tick and run key (1.13.27,
`_get_existing_run_for_request`), so a later tick with the same run key is run too.
After a pause it evaluates only the newest tick that it missed. For these reasons, a
partition is not requested again here once a run of it has succeeded. Until then,
`overdue_runs_sensor` repeats the request of a schedule's newest tick. Partitions of
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
"""The partition that a schedule's tick is for, or the reason to skip the tick."""


def request_scheduled_run(
    context: dg.ScheduleEvaluationContext, job: str, due: Due
) -> dg.RunRequest | dg.SkipReason:
    """Request the run of a tick's partition, unless a run of it has succeeded."""
    if isinstance(due, dg.SkipReason):
        return due
    if _has_succeeded(context, job, due):
        return dg.SkipReason(f"A run of {job} for {due} has succeeded already.")
    return dg.RunRequest(run_key=_run_key(job, due), partition_key=due)


def overdue_runs(
    context: dg.SensorEvaluationContext, job: str, due: Due
) -> list[WantedRun]:
    """Return the run for a past tick's partition, or [] if one has succeeded.

    The run that the tick requested counts as its first attempt.
    """
    if isinstance(due, dg.SkipReason) or _has_succeeded(context, job, due):
        return []
    run_key = _run_key(job, due)
    return [WantedRun(run_key, "due", due, job=job, asked_under=run_key)]


def given_up(
    context: dg.SensorEvaluationContext, job: str, dues: Iterable[Due], newest: Due
) -> list[str]:
    """Return partitions of earlier ticks that never succeeded, sorted.

    They are not requested again.
    """
    partitions = {due for due in dues if isinstance(due, str) and due != newest}
    return [
        partition
        for partition in sorted(partitions)
        if not _has_succeeded(context, job, partition)
    ]


def recent_ticks(context: dg.SensorEvaluationContext) -> dict[str, list[datetime]]:
    """Return the recent ticks (naive UTC) of each active schedule of this location.

    These are at most `RECENT_TICKS` since the schedule was switched on, the newest
    first. Schedules without such ticks, or whose tick is being evaluated, are left out.
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
    """Whether a run of the whole job has succeeded for a partition, whoever started it.

    Runs of a part of the job, and of other tables on the instance, do not count.
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
    """Return a run key that differs between code locations on one instance."""
    return " ".join([job, partition, *WAREHOUSE_TAG.values()])
