"""The partitions: a month of the loop, and a day of engagement or usage."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import dagster as dg

from ig_assets.core.ports import Clock
from ig_assets.settings import load_settings

_FIRST = datetime.strptime(load_settings().first_month, "%Y-%m")

# Generation reaches two months ahead; fine-tuning never takes an open month.
months_ahead = dg.MonthlyPartitionsDefinition(_FIRST, fmt="%Y-%m", end_offset=2)
closed_months = dg.MonthlyPartitionsDefinition(_FIRST, fmt="%Y-%m")
days = dg.DailyPartitionsDefinition(_FIRST, fmt="%Y-%m-%d")


def tick_of(context: dg.ScheduleEvaluationContext) -> datetime:
    """The instant of a schedule's tick, naive UTC."""
    return context.scheduled_execution_time.replace(tzinfo=None)


def ahead_of(clock: Clock, tick: datetime) -> dg.SkipReason | None:
    """The reason to skip a tick that the data folder's clock has not reached yet."""
    if tick <= clock.now():
        return None
    return dg.SkipReason(
        f"The clock of this data folder is at {clock.now():%Y-%m-%d %H:%M}, before "
        "this tick; the simulated loop moves it."
    )


def day_before(tick: datetime) -> str | None:
    """The last day that had ended at the tick; None if none of ours had."""
    day = (tick - timedelta(days=1)).date()
    return day.isoformat() if day >= _FIRST.date() else None


def month_before(tick: datetime) -> str | None:
    """The last month that had ended at the tick; None if none of ours had."""
    month = (tick.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    return month if month >= _FIRST.strftime("%Y-%m") else None


def month_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> str:
    """The run's month, `YYYY-MM`."""
    return str(context.partition_key)


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The run's days in order: one, or those of a backfill."""
    return [date.fromisoformat(key) for key in sorted(context.partition_keys)]


def day_of(context: dg.AssetExecutionContext) -> date:
    """The run's day."""
    return date.fromisoformat(str(context.partition_key))
