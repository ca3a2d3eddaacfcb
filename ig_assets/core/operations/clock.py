"""Describes the clock in words, and moves a simulated clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from ig_assets.core.ports.clock import Clock, MovableClock
from ig_assets.errors import InputError

JOB = "advance_clock"
_DAY = timedelta(days=1)
FURTHEST = timedelta(days=366)
"""Longest move of a simulated clock, which never goes back; each day is a partition."""


def clock_in_words(clock: Clock) -> str:
    """Return the name of the clock and its time, as a part of a sentence."""
    name = "simulated" if isinstance(clock, MovableClock) else "system"
    return f"the {name} clock is at {clock.now():%Y-%m-%d %H:%M} UTC"


def or_move_the_clock(clock: Clock, to: date) -> str:
    """Return advice on moving a simulated clock to a day; '' for the system's clock."""
    if not isinstance(clock, MovableClock):
        return ""
    return f", or run the job {JOB} with `to: {to:%Y-%m-%d}`"


def advance_clock(clock: Clock, to: str) -> tuple[datetime, datetime]:
    """Move a simulated clock to a day or minute; return the time before and after.

    An empty `to` means the start of the next day. The times are naive UTC. Raises
    InputError for the system's clock, for a text that is no time, and for a time that
    is not later than now or more than a year ahead.
    """
    before = clock.now()
    if not isinstance(clock, MovableClock):
        raise InputError(
            f"This data folder uses the system's clock ({clock_in_words(clock)}), "
            "which cannot be moved; for a simulated clock unset IG_CLOCK and use the "
            "simulated audience."
        )
    after = _instant(to.strip()) if to.strip() else _start(before) + _DAY
    if after <= before:
        raise InputError(
            f"The clock cannot go back to {after:%Y-%m-%d %H:%M}, since "
            f"{clock_in_words(clock)}; say a later time, such as `to: "
            f"{before + _DAY:%Y-%m-%d}`."
        )
    if after - before > FURTHEST:
        raise InputError(
            f"{after:%Y-%m-%d} is more than a year after {before:%Y-%m-%d}, and the "
            "clock cannot go back again; move it by a year at most at a time."
        )
    clock.move_to(after)
    return before, after


def day_ranges(days: Sequence[date]) -> str:
    """Return days in words: `2026-01-01 to 2026-01-05, 2026-01-09`."""
    runs: list[list[date]] = []
    for day in sorted(set(days)):
        if runs and day - runs[-1][-1] == _DAY:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs
    )


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            raise ValueError("the clock's time is naive UTC")
    except ValueError:
        raise InputError(
            f"`to` is {text!r}, which is no time without a zone; write it as "
            "2026-02-01 or 2026-02-01 09:05 (UTC)."
        ) from None
    return instant


def _start(instant: datetime) -> datetime:
    return datetime(instant.year, instant.month, instant.day)
