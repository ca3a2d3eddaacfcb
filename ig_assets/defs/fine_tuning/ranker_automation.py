"""Fits the ranker on the first of each month, where the settings ask for one."""

import dagster as dg

from ig_assets.core.ports import Clock
from ig_assets.defs.fine_tuning.hook_ranker import hook_ranker
from ig_assets.defs.partitions import ahead_of, tick_of
from ig_assets.defs.whole_runs import WAREHOUSE_TAG
from ig_assets.settings import Settings

fit_ranker_job = dg.define_asset_job(
    "fit_ranker",
    selection=[hook_ranker],
    tags=WAREHOUSE_TAG,
    description="Fits the ranker of hooks to all experiments so far; costs nothing.",
)


@dg.schedule(
    job=fit_ranker_job,
    cron_schedule="40 0 1 * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=(
        "On the first of each month, with IG_RANKER=fit or choose. On by default: it "
        "runs on this machine and costs nothing."
    ),
)
def monthly_ranker_schedule(
    context: dg.ScheduleEvaluationContext,
    settings: dg.ResourceParam[Settings],
    clock: dg.ResourceParam[Clock],
) -> dg.RunRequest | dg.SkipReason:
    """Request one fit per month, if the settings ask for a ranker."""
    tick = tick_of(context)
    if not settings.fits_ranker:
        return dg.SkipReason("IG_RANKER is off; `fit` or `choose` fits one each month.")
    if reason := ahead_of(clock, tick):
        return reason
    return dg.RunRequest(run_key=f"{fit_ranker_job.name} {tick:%Y-%m}")
