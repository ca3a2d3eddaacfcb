"""The partitions: months of the loop, and days of engagement or usage.

On a simulated clock the partitions end at that clock, so that no day in its future
counts as missing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from ig_assets.core.operations.clock import clock_in_words, or_move_the_clock
from ig_assets.core.ports import Clock
from ig_assets.settings import load_settings
from ig_assets.wiring import make_clock

_FIRST = datetime.strptime(load_settings().first_month, "%Y-%m")


class _EndAtTheClock:
    """Makes a partitions definition end at the simulated clock.

    This process asks the clock each time. The UI and the daemon have a copy of the
    definition, with the `end` at the time when the code location was loaded; they see
    later partitions after it is loaded again.
    """

    def _get_current_timestamp(self) -> float:  # what Dagster takes as the present
        return make_clock(load_settings()).now().replace(tzinfo=UTC).timestamp()

    @property
    def end(self) -> datetime:
        """The end of the last partition; without one, the start of the first."""
        own: Any = self
        last = own.get_last_partition_window()
        found: datetime = last.end if last else own.start
        return found

    def __eq__(self, other: object) -> bool:
        """Compare without the end, so that a stored copy stays equal."""
        mine, others = (
            [getattr(one, name, None) for name in ("start", "fmt", "end_offset")]
            + [getattr(one, "cron_schedule", None), getattr(one, "timezone", None)]
            for one in (self, other)
        )
        return mine == others

    __hash__ = dg.TimeWindowPartitionsDefinition.__hash__


class _ClockDays(_EndAtTheClock, dg.DailyPartitionsDefinition):
    pass


class _ClockMonths(_EndAtTheClock, dg.MonthlyPartitionsDefinition):
    pass


_IS_SIMULATED = load_settings().uses_simulated_clock
_Days = _ClockDays if _IS_SIMULATED else dg.DailyPartitionsDefinition
_Months = _ClockMonths if _IS_SIMULATED else dg.MonthlyPartitionsDefinition

# Generation reaches two months ahead; fine-tuning never takes an open month.
months_ahead = _Months(_FIRST, fmt="%Y-%m", end_offset=2)
closed_months = _Months(_FIRST, fmt="%Y-%m")
days = _Days(_FIRST, fmt="%Y-%m-%d")


def tick_of(context: dg.ScheduleEvaluationContext) -> datetime:
    """Return the time of a schedule's tick, naive UTC."""
    return context.scheduled_execution_time.replace(tzinfo=None)


def ahead_of(clock: Clock, tick: datetime) -> dg.SkipReason | None:
    """Return the reason to skip a tick that is in the future of the clock, or None."""
    if tick <= clock.now():
        return None
    return dg.SkipReason(
        f"This tick is of {tick:%Y-%m-%d %H:%M} UTC, and {clock_in_words(clock)}; "
        f"`ig-assets loop` moves it{or_move_the_clock(clock, tick + timedelta(days=1))}"
        "."
    )


def day_before(tick: datetime) -> str | None:
    """Return the last day that had ended at the tick; None before the first one."""
    day = (tick - timedelta(days=1)).date()
    return day.isoformat() if day >= _FIRST.date() else None


def month_before(tick: datetime) -> str | None:
    """Return the last month that had ended at the tick; None before the first one."""
    month = (tick.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    return month if month >= _FIRST.strftime("%Y-%m") else None


def month_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> str:
    """The run's month, `YYYY-MM`."""
    return str(context.partition_key)


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """Return the run's days in order: one, or those of a backfill."""
    return [date.fromisoformat(key) for key in sorted(context.partition_keys)]


def day_of(context: dg.AssetExecutionContext) -> date:
    """The run's day."""
    return date.fromisoformat(str(context.partition_key))
