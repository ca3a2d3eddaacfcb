"""Automation of generation: it pays for text, so a person switches it on."""

import dagster as dg

from ig_assets.core.generation.topics.content_calendar import (
    calendar_months,
    read_calendar,
)
from ig_assets.core.ports import Clock
from ig_assets.core.source_states import calendar_source, source_state
from ig_assets.defs.generation.assets import script_drafts, script_variants, topics
from ig_assets.defs.partitions import months_ahead
from ig_assets.defs.run_requests import WantedRun, request_runs, skip_when_busy
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse

generation_job = dg.define_asset_job(
    "generate_month",
    selection=[topics, script_drafts, script_variants],
    partitions_def=months_ahead,
    description="Topics, drafts and variants of one month; writes what is missing.",
)


@dg.sensor(
    job=generation_job,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Starts the present month's generation when its calendar appears or changes. "
        "Stopped by default: it pays for text."
    ),
)
@skip_when_busy
def content_calendar_sensor(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    clock: dg.ResourceParam[Clock],
    money_clock: dg.ResourceParam[Clock],
) -> dg.SensorResult | dg.SkipReason:
    """Request the present month's generation when its valid calendar rows change.

    A hash of these rows is compared with the one that the asset `topics` took in last.
    """
    month = clock.now().strftime("%Y-%m")
    if not settings.calendar.exists():
        return dg.SkipReason(
            f"There is no content calendar at {settings.calendar.name!r}; "
            "set IG_CALENDAR."
        )
    reading = read_calendar(settings.calendar, month)
    if not reading.topics:
        known = ", ".join(sorted(calendar_months(settings.calendar))) or "no month"
        return dg.SkipReason(
            f"The calendar has no usable topic for {month}; it has {known}."
        )
    source = calendar_source(month)
    with warehouse.transaction() as con:
        taken_in = source_state(con, source)
    return request_runs(
        context,
        money_clock,
        [
            WantedRun(
                source,
                reading.state,
                month,
                job=generation_job.name,
                taken_in=taken_in,
            )
        ],
        when_done=f"The calendar of {month} has not changed.",
    )
