"""One month of the loop after the other, on a simulated clock.

A day goes: yesterday's numbers are read at 00:30, what follows from them follows, and
posts whose slot has come go out at 09:05. The first of the next month fine-tunes.
Everything asks the tables what is already there, so that a turn that was interrupted
is simply turned again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ig_assets.core.fine_tuning.jobs import latest_job, unevaluated_jobs
from ig_assets.core.ports import Clock
from ig_assets.errors import IgAssetsError
from ig_assets.warehouse.warehouse import Warehouse

Report = Callable[[str], None]


class GateClosedError(IgAssetsError):
    """A blocking check did not pass; the text is what it said."""


DAY = timedelta(days=1)
MORNING = timedelta(minutes=50)
PUBLISHING = timedelta(hours=9, minutes=5)


class MovableClock(Clock, Protocol):
    """A clock that the loop may set."""

    def move_to(self, instant: datetime) -> None:
        """Set the present; never backwards."""
        ...


class Turner(Protocol):
    """What the loop asks of Dagster."""

    def tick_sensor(self, name: str) -> Sequence[object]:
        """Evaluate a sensor and run what it requests."""
        ...

    def tick_schedule(self, name: str, at: datetime) -> Sequence[object]:
        """Evaluate a schedule at an instant and run what it requests."""
        ...

    def automate(self) -> Sequence[object]:
        """Run what automation conditions ask for."""
        ...


@dataclass(frozen=True)
class Loop:
    """The loop of one data folder."""

    turner: Turner
    clock: MovableClock
    warehouse: Warehouse
    first_month: str
    report: Report

    def turn(self, months: int) -> list[str]:
        """Turn until `months` months are closed; return those that were turned now."""
        turned = []
        for month in month_names(self.first_month, months):
            if not self.is_closed(month):
                self._turn_month(month)
                turned.append(month)
        return turned

    def is_closed(self, month: str) -> bool:
        """Whether the month is over and its fine-tune came to an end."""
        if self.clock.now() < next_month(month_start(month)):
            return False
        with self.warehouse.transaction() as con:
            job = latest_job(con, month)
            waiting = {j.job_id for j in unevaluated_jobs(con)}
        if job is None:
            return False
        ended = job.status in ("succeeded", "failed", "refused")
        return ended and job.job_id not in waiting

    def _turn_month(self, month: str) -> None:
        start, end = month_start(month), next_month(month_start(month))
        # A turn that was interrupted on the first of the next month goes on there.
        if self.clock.now() < end:
            self._month_itself(month, start, end)
        self.clock.move_to(end + MORNING)
        self._morning(end)
        self.report(f"{month}: training set, fine-tune, evaluation")
        self._schedule("monthly_fine_tune_schedule", end)
        try:
            self._sensor("fine_tune_status_sensor")
        except GateClosedError as closed:  # a month's usual end: no better model
            self.report(f"{month}: {closed}")
        self._follow()
        self._sensor("promotion_sensor")
        self._follow()

    def _month_itself(self, month: str, start: datetime, end: datetime) -> None:
        self.report(f"{month}: the library, its vectors, the index")
        self.clock.move_to(start + MORNING)
        self._sensor("script_library_sensor")
        self._follow()
        self.report(f"{month}: topics, drafts, variants")
        self._sensor("content_calendar_sensor")
        self._follow()
        for day in self._days(start, end):
            self.report(f"{day:%Y-%m-%d}: posts, engagement, decisions")
            self._day(day)

    def _days(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The days that are left; the present one again, since it may be unfinished."""
        now = self.clock.now()
        day = max(start, datetime(now.year, now.month, now.day))
        while day < end:
            yield day
            day += DAY

    def _day(self, day: datetime) -> None:
        self.clock.move_to(day + MORNING)
        self._morning(day)
        self.clock.move_to(day + PUBLISHING)
        self._sensor("publishing_sensor")

    def _morning(self, day: datetime) -> None:
        self._schedule("engagement_schedule", day + timedelta(minutes=30))
        self._schedule("usage_schedule", day + timedelta(minutes=45))
        self._follow()
        if self._sensor("feedback_sensor"):
            self._follow()

    def _follow(self) -> None:
        self.turner.automate()

    def _sensor(self, name: str) -> Sequence[object]:
        return self.turner.tick_sensor(name)

    def _schedule(self, name: str, at: datetime) -> Sequence[object]:
        return self.turner.tick_schedule(name, at)


def month_names(first: str, count: int) -> list[str]:
    """`count` months, `YYYY-MM`, from `first` on."""
    names = []
    start = month_start(first)
    for _ in range(count):
        names.append(start.strftime("%Y-%m"))
        start = next_month(start)
    return names


def month_start(month: str) -> datetime:
    """The first instant of `YYYY-MM`."""
    return datetime.strptime(month, "%Y-%m")


def next_month(start: datetime) -> datetime:
    """The first instant of the month after."""
    return (start.replace(day=1) + 32 * DAY).replace(day=1)
