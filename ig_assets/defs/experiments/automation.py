"""Automation of publishing and of reading engagement: both call the platform."""

from datetime import datetime

import dagster as dg

from ig_assets.core.experiments.engagement.collect import live_posts
from ig_assets.core.experiments.posts.publish import due_posts
from ig_assets.core.experiments.posts.unplanned import unplanned_topics
from ig_assets.core.operations.clock import clock_in_words
from ig_assets.core.ports import Clock
from ig_assets.defs.experiments.assets import engagement_metrics, posts
from ig_assets.defs.partitions import ahead_of, day_before, days, months_ahead, tick_of
from ig_assets.defs.run_requests import (
    WantedRun,
    request_runs,
    skip_when_busy,
    state_of,
)
from ig_assets.defs.scheduled_runs import Due, request_scheduled_run
from ig_assets.defs.whole_runs import WAREHOUSE_TAG
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse

posts_job = dg.define_asset_job(
    "publish_posts",
    selection=[posts],
    partitions_def=months_ahead,
    description="Plans the month's posts and publishes what is approved and due.",
)

engagement_job = dg.define_asset_job(
    "read_engagement",
    selection=[engagement_metrics],
    partitions_def=days,
    tags=WAREHOUSE_TAG,
    description="Reads one day's engagement of the live posts.",
)


@dg.sensor(
    job=posts_job,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Plans posts for finished variants and publishes approved posts whose slot "
        "has come. Stopped by default: it acts in the outside world."
    ),
)
@skip_when_busy
def publishing_sensor(
    context: dg.SensorEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    clock: dg.ResourceParam[Clock],
    money_clock: dg.ResourceParam[Clock],
    settings: dg.ResourceParam[Settings],
) -> dg.SensorResult | dg.SkipReason:
    """Request one run per month that has variants to plan or posts to publish."""
    with warehouse.transaction() as con:
        due = due_posts(con, clock.now()) if settings.publishes else {}
        unplanned = unplanned_topics(con)
    within_reach = set(months_ahead.get_partition_keys())
    work = [
        WantedRun(
            f"posts {month}",
            state_of([*unplanned.get(month, []), *due.get(month, [])]),
            month,
            is_work=True,
        )
        for month in sorted({*unplanned, *due} & within_reach)
    ]
    later = sorted({*unplanned, *due} - within_reach)
    return request_runs(
        context,
        money_clock,
        work,
        when_done="No variant waits for a plan and no post is due.",
        notice=later
        and f"{', '.join(later)}: planned when it is the present month or the next; "
        f"{clock_in_words(clock)}."
        or "",
    )


def engagement_due(warehouse: Warehouse, clock: Clock, tick: datetime) -> Due:
    """Return the day that had just ended at a tick, or a reason to skip the tick.

    It is skipped if no post was live on that day.
    """
    if reason := ahead_of(clock, tick):
        return reason
    day = day_before(tick)
    with warehouse.transaction() as con:
        live = live_posts(con, tick)
    if not live or day is None:
        return dg.SkipReason("No post is live.")
    return day


@dg.schedule(
    job=engagement_job,
    cron_schedule="30 0 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=(
        "Reads yesterday's engagement at 00:30 UTC. Stopped by default: it calls the "
        "platform."
    ),
)
@skip_when_busy
def engagement_schedule(
    context: dg.ScheduleEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    clock: dg.ResourceParam[Clock],
) -> dg.RunRequest | dg.SkipReason:
    """Request a run for the day that just ended, if a post was live on it."""
    due = engagement_due(warehouse, clock, tick_of(context))
    return request_scheduled_run(context, engagement_job.name, due)
