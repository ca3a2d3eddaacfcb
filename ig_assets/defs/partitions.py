"""The partitions: a month is the loop's turn, a day is a look at the numbers."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import dagster as dg

from ig_assets.settings import load_settings

_FIRST = datetime.strptime(load_settings().first_month, "%Y-%m")

# Generation reaches two months ahead; fine-tuning never takes an open month.
months_ahead = dg.MonthlyPartitionsDefinition(_FIRST, fmt="%Y-%m", end_offset=2)
closed_months = dg.MonthlyPartitionsDefinition(_FIRST, fmt="%Y-%m")
days = dg.DailyPartitionsDefinition(_FIRST, fmt="%Y-%m-%d")


def day_before(tick: datetime) -> str | None:
    """The day that was over last at the tick; None before the first day's end."""
    day = (tick - timedelta(days=1)).date()
    return day.isoformat() if day >= _FIRST.date() else None


def month_before(tick: datetime) -> str | None:
    """The month that was over last at the tick; None before the first month's end."""
    month = (tick.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    return month if month >= _FIRST.strftime("%Y-%m") else None


def month_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> str:
    """The run's month, `YYYY-MM`."""
    return str(context.partition_key)


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The run's days, in order: one, or all of a backfill."""
    return [date.fromisoformat(key) for key in sorted(context.partition_keys)]


def day_of(context: dg.AssetExecutionContext) -> date:
    """The run's day."""
    return date.fromisoformat(str(context.partition_key))
