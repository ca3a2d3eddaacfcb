"""Requests again the scheduled runs that have not succeeded."""

from collections.abc import Callable
from datetime import datetime

import dagster as dg

from ig_assets.core.ports import Clock
from ig_assets.defs.experiments.automation import engagement_due, engagement_job
from ig_assets.defs.fine_tuning.automation import fine_tune_due, fine_tune_month_job
from ig_assets.defs.operations.automation import usage_due, usage_job
from ig_assets.defs.run_requests import request_runs, skip_when_busy
from ig_assets.defs.scheduled_runs import Due, given_up, overdue_runs, recent_ticks
from ig_assets.warehouse.warehouse import Warehouse

_GIVEN_UP = (
    "Given up, since newer ones came before they succeeded: {}. To run them, open the "
    "job in the UI, choose the partitions and launch a backfill."
)


@dg.sensor(
    jobs=[usage_job, engagement_job, fine_tune_month_job],
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Asks again for the run of a schedule's newest tick while none has succeeded: "
        "it failed, or the warehouse was busy. Running by default: it asks for nothing "
        "of a schedule that is off."
    ),
)
@skip_when_busy
def overdue_runs_sensor(
    context: dg.SensorEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    clock: dg.ResourceParam[Clock],
    money_clock: dg.ResourceParam[Clock],
) -> dg.SensorResult:
    """Request the run of each schedule's newest tick until a run has succeeded.

    At most one run per schedule is requested. Partitions of earlier ticks without a
    successful run are given up, and named in the sensor's tick.
    """
    schedules: dict[str, tuple[str, Callable[[datetime], Due]]] = {
        "usage_schedule": (
            usage_job.name,
            lambda at: usage_due(warehouse, clock, at),
        ),
        "engagement_schedule": (
            engagement_job.name,
            lambda at: engagement_due(warehouse, clock, at),
        ),
        "monthly_fine_tune_schedule": (
            fine_tune_month_job.name,
            lambda at: fine_tune_due(clock, at),
        ),
    }
    wanted, gone = [], []
    for name, ticks in recent_ticks(context).items():
        if name not in schedules:
            continue
        job, due_at = schedules[name]
        newest = due_at(clock.now())
        if due_at(ticks[0]) == newest:
            wanted += overdue_runs(context, job, newest)
        lost = given_up(context, job, map(due_at, ticks), newest)
        gone += [f"{job} {partition}" for partition in lost]
    return request_runs(
        context,
        money_clock,
        wanted,
        when_done=(
            "No run of a newest day or month is left to ask for."
            if gone
            else "The runs of all schedules that are on have succeeded."
        ),
        notice=gone and _GIVEN_UP.format(", ".join(sorted(gone))) or "",
    )
