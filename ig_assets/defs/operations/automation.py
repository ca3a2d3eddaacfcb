"""Automation of operations: usage, key rotation, asset conditions."""

from datetime import date, datetime

import dagster as dg

from ig_assets.core.costs.usage import usage_by_model
from ig_assets.core.operations.diagnosis import State
from ig_assets.core.operations.key_rotation import key_ages, overdue_sentence
from ig_assets.core.ports import Clock
from ig_assets.defs.operations.assets import api_usage
from ig_assets.defs.partitions import ahead_of, day_before, days, tick_of
from ig_assets.defs.run_requests import skip_when_busy
from ig_assets.defs.scheduled_runs import Due, request_scheduled_run
from ig_assets.defs.whole_runs import WAREHOUSE_TAG
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring.vendor_checks import configured_keys

usage_job = dg.define_asset_job(
    "sum_up_usage",
    selection=[api_usage],
    partitions_def=days,
    tags=WAREHOUSE_TAG,
    description="Sums up one day's calls.",
)


def usage_due(warehouse: Warehouse, clock: Clock, tick: datetime) -> Due:
    """Return the day that had just ended at a tick, or a reason to skip the tick.

    It is skipped if there were no calls on that day.
    """
    if reason := ahead_of(clock, tick):
        return reason
    day = day_before(tick)
    if day is None:
        return dg.SkipReason("No day is over yet.")
    with warehouse.transaction() as con:
        called = usage_by_model(con, date.fromisoformat(day))
    return day if called else dg.SkipReason(f"Nothing was called on {day}.")


@dg.schedule(
    job=usage_job,
    cron_schedule="45 0 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Sums up yesterday's calls at 00:45 UTC; free.",
)
@skip_when_busy
def usage_schedule(
    context: dg.ScheduleEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    clock: dg.ResourceParam[Clock],
) -> dg.RunRequest | dg.SkipReason:
    """Request a run for the day that just ended, if there were calls on it."""
    due = usage_due(warehouse, clock, tick_of(context))
    return request_scheduled_run(context, usage_job.name, due)


@dg.op(description="Computes the age of the configured keys from their fingerprints.")
def review_keys(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    money_clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
) -> None:
    """Warn of keys in use for 75 days; fail with one sentence from 90 on.

    Keys age in real time, also where the audience's clock is simulated.
    """
    ages = key_ages(warehouse, money_clock, configured_keys(settings))
    for age in ages:
        context.log.info(f"{age.name}: {age.sentence}")
    sentence = overdue_sentence(ages)
    if any(age.state is State.FAILED for age in ages):
        raise dg.Failure(sentence, allow_retries=False)
    if sentence:
        context.log.warning(sentence)


@dg.job(description="Lists the keys that are due for rotation; changes nothing.")
def key_rotation() -> None:
    """Review every configured key."""
    review_keys()


key_rotation_schedule = dg.ScheduleDefinition(
    name="key_rotation_schedule",
    job=key_rotation,
    cron_schedule="0 9 1 1,4,7,10 *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Each quarter: which keys are due for rotation.",
)


# Only assets that cost nothing and stay on this machine have a condition at all.
automation_sensor = dg.AutomationConditionSensorDefinition(
    "automation_sensor",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Brings embeddings, index, results and reports up to date.",
)
