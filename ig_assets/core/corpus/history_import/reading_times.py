"""When the counts of a file were read, and which of them are news.

A reading's time is the file's own: its column's, or `--as-of`, or that of the newest
row, which says at least when the file was not made yet. Without any it is the import's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from ig_assets.core.corpus.history_import.arms import ImportedArm
from ig_assets.core.corpus.history_import.identity.file_posts import FilePost
from ig_assets.core.corpus.history_import.identity.known_posts import KnownPost
from ig_assets.core.corpus.history_import.present import Present
from ig_assets.core.corpus.history_import.rows import HistoryRow
from ig_assets.core.identity import next_instant


class Reading(NamedTuple):
    """The counts of one row, read at one time (naive UTC); `is_own` says whether the
    file or the person gave that time."""

    row: HistoryRow
    at: datetime
    is_own: bool


@dataclass(frozen=True)
class ReadingTime:
    """The time of a file's rows that have none of their own.

    `stated` is by the person (`is_own`) or by the newest row, None where neither says
    it; `now` is the import's. `by` says for a person what gave it.
    """

    stated: datetime | None
    is_own: bool
    now: datetime
    by: str

    @property
    def at(self) -> datetime:
        """When these rows were read, as far as is known."""
        return self.now if self.stated is None else self.stated

    def readings(self, post: FilePost) -> list[Reading]:
        """The readings of a post, the oldest first."""
        found = [
            Reading(row, row.read_at or self.at, row.read_at is not None or self.is_own)
            for row in post.rows
        ]
        return sorted(found, key=lambda reading: reading.at)

    def is_before(self, row: HistoryRow, end: datetime) -> bool:
        """Whether the row was read before a test's end; a date is that whole day.

        Without a time of its own it was read by the import's.
        """
        own = row.read_at or (self.stated if self.is_own else None)
        if own is None:
            return max(self.now, self.at) < _end_of_day(end)
        return own < (end if own == _day(own) else _end_of_day(end))


def reading_time(
    posts: Sequence[FilePost], as_of: datetime | None, present: Present
) -> ReadingTime:
    """The time of a file's readings, before they are compared with earlier ones.

    A post without any count above 0 may be a planned one, and dates nothing.
    """
    if as_of is not None:
        return ReadingTime(as_of, True, present.now, "--as-of")
    days = [
        row.posted_on
        for post in posts
        for row in post.rows
        if row.posted_on and any(row.counts.values())
    ]
    if days:
        return ReadingTime(max(days), False, present.now, "the newest post's day")
    by = "the simulated clock's day" if present.is_simulated else "the import's day"
    return ReadingTime(None, False, present.now, by)


def settle_time(
    time: ReadingTime, arms: Sequence[ImportedArm]
) -> tuple[ReadingTime, tuple[str, ...]]:
    """The time once the file's counts are compared with those of earlier imports.

    A file without dates is as new as its import. So is an export of older posts whose
    counters are ahead of known ones and none is behind.
    """
    known = [
        (arm.row, arm.known)
        for arm in arms
        if arm.known is not None and arm.known.read_at and arm.row.read_at is None
    ]
    latest = max((k.read_at for _, k in known if k.read_at), default=None)
    ahead = sum(_differs(row, k, 1) for row, k in known)
    behind = sum(_differs(row, k, -1) for row, k in known)
    stated = time.stated
    is_older = stated is not None and latest is not None and stated < latest
    if stated is None or (is_older and not time.is_own and ahead and not behind):
        at = next_instant(time.now, latest)
        by = time.by if stated is None else "the import's day"
        if at != time.now:
            by = "after the latest known reading"
        return replace(time, stated=at, by=by), _fell(behind)
    if is_older and (ahead or behind):
        return time, (
            f"These counts are of {stated:%Y-%m-%d}, older than the known ones of "
            f"{latest:%Y-%m-%d}: kept as history, the later ones stay the latest. "
            "--as-of DATE says when they were read.",
        )
    return time, _fell(0 if is_older else behind)


def _fell(posts: int) -> tuple[str, ...]:
    if not posts:
        return ()
    return (
        f"Known posts with a counter that fell: {posts:,}. The lower count is kept as "
        "the latest; if this file is an older one, import it again with --as-of DATE "
        "of when it was made.",
    )


def _differs(row: HistoryRow, known: KnownPost, sign: int) -> bool:
    latest = known.counts
    return any(
        (value - latest.get(n, value)) * sign > 0 for n, value in row.counts.items()
    )


def _day(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0)


def _end_of_day(end: datetime) -> datetime:
    """The end as an instant; a date's is its last."""
    return end.replace(hour=23, minute=59, second=59) if end == _day(end) else end
