"""Asks again for what the schedules asked for and did not get."""

from collections.abc import Callable
from datetime import datetime

import dagster as dg

from ig_assets.core.ports import Clock
from ig_assets.defs.experiments.automation import engagement_due, engagement_job
from ig_assets.defs.fine_tuning.automation import fine_tune_due, fine_tune_month_job
from ig_assets.defs.operations.automation import usage_due, usage_job
from ig_assets.defs.run_requests import request_runs, skip_when_busy
from ig_assets.defs.scheduled_runs import Due, newest_ticks, overdue_runs
from ig_assets.warehouse.warehouse import Warehouse


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
    """At most one run per schedule; a newer partition takes an older one's place."""
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
    ticks, wanted = newest_ticks(context), []
    for name, (job, due_at) in schedules.items():
        if name in ticks and due_at(ticks[name]) == due_at(clock.now()):
            wanted += overdue_runs(context.instance, job, due_at(ticks[name]))
    return request_runs(
        context,
        money_clock,
        wanted,
        when_done="The runs of all schedules that are on have succeeded.",
    )
