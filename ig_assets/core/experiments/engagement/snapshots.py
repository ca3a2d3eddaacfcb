"""Reads the rows of a recording as snapshots of posts, and rejects other rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from ig_assets.core.experiments.engagement.columns import AUDIENCES, COUNTERS
from ig_assets.core.identity import stable_id
from ig_assets.core.operations.present import Present
from ig_assets.core.tabular import (
    Batch,
    Cell,
    Formats,
    NestedCellError,
    NotACountError,
    NotAnInstantError,
    SpoiltTextError,
    ValueOptions,
    parse_cell_instant,
    parse_count,
    repaired,
    sheet_error,
    text_of,
)

_NO_DAY = "not a day such as 2026-01-31"
_NO_BIRTH = "not a time of publication"


class _NoSnapshotError(ValueError):
    """Raised if a row is not a snapshot; the message says why."""


class SnapshotReader:
    """Collects snapshots in lists, one entry per row.

    `indices` is {our name: column position}. Rows that were read more than a day after
    `today` are rejected; None rejects none. Times are naive UTC, a missing time of
    publication is None, a missing count NaN.
    """

    def __init__(
        self,
        indices: Mapping[str, int],
        formats: Formats,
        options: ValueOptions,
        today: datetime | None = None,
    ) -> None:
        self._indices = indices
        self._formats = formats
        self._present = None if today is None else Present(today, today)
        self._zone = options.assumed_zone
        self._named = [n for n in ("title", "author") if n in indices]
        self._instant = lru_cache(maxsize=100_000)(self._parse_instant)
        self.posts: list[str] = []
        self.observed_at: list[datetime] = []
        self.published_at: list[datetime | None] = []
        self.counters: dict[str, list[float]] = {
            name: [] for name in COUNTERS if name in indices
        }
        self.rejects: list[tuple[int, str]] = []
        self.skipped: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    @property
    def rows_read(self) -> int:
        """Return the number of physical rows that were read."""
        return len(self.posts) + len(self.rejects) + self.skipped.total()

    def read(self, batch: Batch) -> None:
        """Take the snapshots of a batch."""
        self.skipped += batch.skipped
        self.rejects += [(p.line, f"broken row: {p.detail}") for p in batch.problems]
        for line, cells in zip(batch.lines, batch.rows, strict=True):
            try:
                self._take(cells)
            except _NoSnapshotError as error:
                self.rejects.append((line, str(error)))

    def _take(self, cells: Sequence[Cell]) -> None:
        born = self._time(cells, "published_at", _NO_BIRTH)
        post = self._post(cells, born)
        observed = self._time(cells, "observed_on", _NO_DAY)
        if observed is None:
            raise _NoSnapshotError(_NO_DAY)
        if self._present and observed[0] > self._present.latest:
            after = self._present.day_in_words
            raise _NoSnapshotError(f"read on {observed[0]:%Y-%m-%d}, after {after}")
        counts = {name: self._count(cells, name) for name in self.counters}
        for name in AUDIENCES:
            if counts.get("likes", 0.0) > counts.get(name, math.inf):
                raise _NoSnapshotError(f"more likes than {name} are given")
        if born is not None and observed[0] + observed[1] < born[0]:
            raise _NoSnapshotError("read before it was published")
        self.posts.append(post)
        self.observed_at.append(observed[0] + observed[1])
        self.published_at.append(born[0] if born else None)
        for name, count in counts.items():
            self.counters[name].append(count)

    def _post(self, cells: Sequence[Cell], born: object) -> str:
        """Return an id of the row's post.

        Raises _NoSnapshotError if the row names no post.
        """
        if "post_id" in self._indices:
            post = self._text(cells, "post_id")
        else:
            # Only a hash of them is kept, so damaged characters do no harm.
            parts = [self._text(cells, name, whole=False) for name in self._named]
            if "published_at" in self._indices:
                parts.append(self._text(cells, "published_at"))
            title = parts[0] if "title" in self._indices else ""
            post = stable_id("recorded post", *parts) if title else ""
        if not post:
            raise _NoSnapshotError("names no post")
        return post

    def _text(self, cells: Sequence[Cell], name: str, whole: bool = True) -> str:
        refused = _NoSnapshotError(f"`{name}` is no readable text")
        try:
            text = text_of(cells[self._indices[name]])
        except NestedCellError:
            raise refused from None
        try:
            return repaired(text)[0]
        except SpoiltTextError:
            if whole:
                raise refused from None
            return text

    def _time(
        self, cells: Sequence[Cell], name: str, problem: str
    ) -> tuple[datetime, timedelta] | None:
        """Return (naive UTC instant, its precision), or None without a column or value.

        The precision is one day if no time of day is given. Raises _NoSnapshotError for
        an invalid value.
        """
        at = self._indices.get(name)
        if at is None:
            return None
        try:
            return self._instant(cells[at], name)
        except (NotAnInstantError, TypeError):
            raise _NoSnapshotError(problem) from None

    def _parse_instant(
        self, cell: Cell, name: str
    ) -> tuple[datetime, timedelta] | None:
        found = parse_cell_instant(cell, self._formats.orders[name])
        if found is None:
            return None
        if found.until is not None:
            raise NotAnInstantError("is a range of days")
        zone = self._formats.zones.get(name, self._zone)
        begin = found.utc(zone)
        if found.has_time:
            return begin, timedelta(0)
        next_day = found.local + timedelta(days=1)
        end = type(found)(next_day, found.zone, False).utc(zone)
        return begin, end - begin

    def _count(self, cells: Sequence[Cell], name: str) -> float:
        try:
            form = self._formats.numbers[name]
            count = parse_count(cells[self._indices[name]], form)
        except NotACountError as error:
            raise _NoSnapshotError(f"`{name}` {error}") from None
        if sheet_error(cells[self._indices[name]]):
            self.errors[name] += 1
        return float("nan") if count is None else count
