"""Runs one month of the loop after another, on a simulated clock.

Each day, yesterday's engagement is read at 00:30, the automation conditions are
evaluated, and posts whose slot has come are published at 09:05. On the first of each
month, the month before is fine-tuned and a ranker is fitted. Every stage reads from the
tables what is done already, so an interrupted month is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ig_assets.core.fine_tuning.jobs.rows import FINAL, latest_job, unevaluated_jobs
from ig_assets.core.operations.runbook import FAILED_CHECK
from ig_assets.core.ports import MovableClock
from ig_assets.errors import IgAssetsError
from ig_assets.warehouse.warehouse import Warehouse

Report = Callable[[str], None]


class BlockingCheckFailedError(IgAssetsError):
    """A blocking check failed; the message is its reason."""

    section = FAILED_CHECK


DAY = timedelta(days=1)
MORNING = timedelta(minutes=50)
RANKING = timedelta(minutes=40)
PUBLISHING = timedelta(hours=9, minutes=5)


class Dagster(Protocol):
    """The operations of Dagster that the loop needs; each returns the runs it made."""

    def tick_sensor(self, name: str) -> Sequence[object]:
        """Evaluate a sensor and run what it requests."""
        ...

    def tick_schedule(self, name: str, at: datetime) -> Sequence[object]:
        """Evaluate a schedule at an instant and run what it requests."""
        ...

    def automate(self) -> Sequence[object]:
        """Run what automation conditions request."""
        ...


@dataclass(frozen=True)
class MonthLoop:
    """Runs the loop of one data folder."""

    dagster: Dagster
    clock: MovableClock
    warehouse: Warehouse
    report: Report

    def is_closed(self, month: str) -> bool:
        """Whether the month is over and its fine-tune has ended and been evaluated."""
        if self.clock.now() < next_month(month_start(month)):
            return False
        with self.warehouse.transaction() as con:
            job = latest_job(con, month)
            waiting = {j.job_id for j in unevaluated_jobs(con)}
        if job is None:
            return False
        ended = job.status in FINAL
        return ended and job.job_id not in waiting

    def turn(self, month: str) -> None:
        """Run the rest of a month (`YYYY-MM`), and its fine-tune."""
        start, end = month_start(month), next_month(month_start(month))
        # The clock of an interrupted turn may be on the first of the next month.
        if self.clock.now() < end:
            self._turn_days(month, start, end)
        self.clock.move_to(end + MORNING)
        self._morning(end)
        self.report(f"{month}: training set, fine-tune, evaluation")
        self.dagster.tick_schedule("monthly_fine_tune_schedule", end)
        try:
            self.dagster.tick_sensor("fine_tune_status_sensor")
        except (
            BlockingCheckFailedError
        ) as closed:  # a month's usual end: no better model
            self.report(f"{month}: {closed}")
        self.dagster.automate()
        self.dagster.tick_sensor("promotion_sensor")
        self.dagster.tick_schedule("monthly_ranker_schedule", end + RANKING)
        self.dagster.automate()

    def _turn_days(self, month: str, start: datetime, end: datetime) -> None:
        self.report(f"{month}: the library, its vectors, the index")
        self.clock.move_to(start + MORNING)
        self.dagster.tick_sensor("script_library_sensor")
        self.dagster.automate()
        self.dagster.tick_schedule("monthly_ranker_schedule", start + RANKING)
        self.report(f"{month}: topics, drafts, variants")
        self.dagster.tick_sensor("content_calendar_sensor")
        self.dagster.automate()
        for day in self._days(start, end):
            self.report(f"{day:%Y-%m-%d}: posts, engagement, decisions")
            self.clock.move_to(day + MORNING)
            self._morning(day)
            self.clock.move_to(day + PUBLISHING)
            self.dagster.tick_sensor("publishing_sensor")

    def _days(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the remaining days, from the present one, which may be unfinished."""
        now = self.clock.now()
        day = max(start, datetime(now.year, now.month, now.day))
        while day < end:
            yield day
            day += DAY

    def _morning(self, day: datetime) -> None:
        half_past, quarter_to = timedelta(minutes=30), timedelta(minutes=45)
        self.dagster.tick_schedule("engagement_schedule", day + half_past)
        self.dagster.tick_schedule("usage_schedule", day + quarter_to)
        self.dagster.automate()
        if self.dagster.tick_sensor("feedback_sensor"):
            self.dagster.automate()


def month_names(first: str, count: int) -> list[str]:
    """Return `count` months as `YYYY-MM`, from `first` on."""
    names = []
    start = month_start(first)
    for _ in range(count):
        names.append(start.strftime("%Y-%m"))
        start = next_month(start)
    return names


def month_start(month: str) -> datetime:
    """Return the first instant of `YYYY-MM`."""
    return datetime.strptime(month, "%Y-%m")


def next_month(start: datetime) -> datetime:
    """Return the first instant of the following month."""
    return (start.replace(day=1) + 32 * DAY).replace(day=1)
