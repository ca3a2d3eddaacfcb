"""Decides when a file's counts were read, and which counts of a post are the latest.

The reading time comes from the file's column, from `--as-of`, or from the date of the
newest row, since the file must have been made after that date. Without any of these it
is the time of the import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from ig_assets.core.corpus.history_import.identity.file_posts import FilePost
from ig_assets.core.corpus.history_import.identity.known_posts import KnownPost
from ig_assets.core.corpus.history_import.planning.arms import ImportedArm
from ig_assets.core.corpus.history_import.reading.columns import DENOMINATORS, METRICS
from ig_assets.core.operations.present import Present
from ig_assets.core.corpus.history_import.reading.rows import HistoryRow
from ig_assets.core.identity import next_instant
from ig_assets.errors import InputError

ONE_DAY = timedelta(days=1)


class Reading(NamedTuple):
    """The counts of one row, and when they were read (naive UTC).

    `is_own` is true if the row or a person gave the time.
    """

    row: HistoryRow
    at: datetime
    is_own: bool

    @property
    def is_before_the_post(self) -> bool:
        """Whether this reading is earlier than the post's own date of publication.

        A reading time without a time of day means the end of that day.
        """
        posted = self.row.posted_on
        return posted is not None and _end_of_day(self.at) < posted


@dataclass(frozen=True)
class ReadingTime:
    """The reading time for those rows of a file that have none.

    `stated` comes from a person (`is_own` is true) or from the newest row; it is None
    if neither gives a time. `now` is the time of the import. `by` names the origin of
    the time for messages.
    """

    stated: datetime | None
    is_own: bool
    now: datetime
    by: str

    @property
    def at(self) -> datetime:
        """The reading time: `stated`, else the time of the import."""
        return self.now if self.stated is None else self.stated

    def readings(self, post: FilePost) -> list[Reading]:
        """Return the readings of a post, the oldest first."""
        found = [
            Reading(row, row.read_at or self.at, row.read_at is not None or self.is_own)
            for row in post.rows
        ]
        return sorted(found, key=lambda reading: reading.at)

    def is_before(self, row: HistoryRow, end: datetime) -> bool:
        """Return whether the row was read before the end of a test.

        An end without a time of day means the end of that day. A row without a reading
        time was read no later than its import.
        """
        own = row.read_at or (self.stated if self.is_own else None)
        if own is None:
            return max(self.now, self.at) < _end_of_day(end)
        return own < (end if own == _day(own) else _end_of_day(end))


def reading_time(
    posts: Sequence[FilePost], as_of: datetime | None, present: Present
) -> ReadingTime:
    """Return the reading time of a file's rows that have none.

    It is `as_of`, else the newest post's date, else the time of the import. The date of
    a post whose counts are all 0 is ignored, since such a post may be planned for a
    later day.
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
    """Correct the reading time by comparing the file's counts with known ones.

    Returns (reading time, notes). A file without dates counts as read now. So does an
    export that was evidently updated after its dates: some posts have higher counts
    than later known readings, no post has a lower one, and the higher counts are new.

    Raises InputError if counts of a test's arms contradict the file's dates, since the
    latest counts decide a test. There are two cases: counts are higher than those of
    later readings; or no count has risen since earlier readings, and each post with a
    lower count also has a lower denominator.
    """
    stated = time.stated
    timed = [(arm.row, arm.known) for arm in arms if arm.known and arm.known.read_at]
    known = [(row, k) for row, k in timed if row.read_at is None]
    latest = max((k.read_at for _, k in known if k.read_at), default=None)
    ahead = [(row, k) for row, k in known if _differs(row, k, 1)]
    behind = [(row, k) for row, k in known if _differs(row, k, -1)]
    new = [
        row for row, k in ahead if _is_before(row, k, stated) and not _was_read(row, k)
    ]
    is_refreshed = bool(new) and not time.is_own and not behind
    if is_refreshed and latest is not None and any(row.experiment for row in new):
        raise InputError(_ahead(len(new), stated, latest, time))
    fallen = [(row, k) for row, k in behind if not _is_before(row, k, stated)]
    if latest is not None and not (time.is_own or ahead):
        tested = any(row.experiment for row, _ in fallen)
        if tested and all(_differs(row, k, -1, DENOMINATORS) for row, k in fallen):
            raise InputError(_behind(len(fallen), latest, time))
    if stated is None or is_refreshed:
        at = next_instant(time.now, latest)
        by = time.by if stated is None else "the import's day"
        if at != time.now:
            by = "after the latest known reading"
        time = replace(time, stated=at, by=by)
    return time, (
        *_kept_as_history(timed, time),
        *_fell(timed, time),
        *_too_early(arms, time),
    )


def _kept_as_history(
    timed: Sequence[tuple[HistoryRow, KnownPost]], time: ReadingTime
) -> tuple[str, ...]:
    """Return a note on counts that are older than known ones, or an empty tuple."""
    older = [
        (row.read_at or time.at, k.read_at)
        for row, k in timed
        if k.read_at and _is_before(row, k, time.at) and _differs(row, k)
    ]
    if not older:
        return ()
    read, latest = (max(times) for times in zip(*older, strict=True))
    says = "" if time.is_own else " --as-of DATE says when they were read."
    return (
        f"Known posts with older counts than their latest: {len(older):,}. These are "
        f"of {read:%Y-%m-%d}, older than the known ones of {latest:%Y-%m-%d}: kept as "
        f"history, the later ones stay the latest.{says}",
    )


def _fell(
    timed: Sequence[tuple[HistoryRow, KnownPost]], time: ReadingTime
) -> tuple[str, ...]:
    """Return a note on how many posts get a lower latest count, or an empty tuple."""
    posts = sum(
        _differs(row, k, -1) for row, k in timed if not _is_before(row, k, time.at)
    )
    if not posts:
        return ()
    return (
        f"Known posts with a counter that fell: {posts:,}. The lower count is kept as "
        "the latest, and a decision on the higher one is made again.",
    )


def _too_early(arms: Sequence[ImportedArm], time: ReadingTime) -> tuple[str, ...]:
    """Return a note on readings that are earlier than their post, and are skipped.

    If the file has no reading times, such posts have only counts of 0 and are dated
    after every post with a count.
    """
    found = {arm.post.row.number: time.readings(arm.post) for arm in arms}
    early = [
        one for of_post in found.values() for one in of_post if one.is_before_the_post
    ]
    if not early:
        return ()
    why = (
        "their time of reading is before the day of their post"
        if any(one.is_own for one in early)
        else f"these posts have no counts above 0 and are dated after {time.by}, "
        f"{time.at:%Y-%m-%d}, so that they may be planned ones"
    )
    return (
        f"Readings skipped: {len(early):,}, since {why}. --as-of DATE, or a column "
        "mapped by --map as_of=COLUMN, says when the counts were read.",
    )


def _ahead(
    posts: int, stated: datetime | None, latest: datetime, time: ReadingTime
) -> str:
    return (
        f"The newest row of this file is of {stated:%Y-%m-%d}, older than the known "
        f"counts of {latest:%Y-%m-%d}, but the counts of {posts:,} of its posts are "
        "higher. If the file is older, its counts were corrected since: "
        f"--as-of {stated:%Y-%m-%d} keeps them as history. If it is newer, "
        f"--as-of {_newest(latest, time)} makes them the latest."
    )


def _behind(posts: int, latest: datetime, time: ReadingTime) -> str:
    return (
        f"Known posts whose counts differ: {posts:,}, and all of them had a larger "
        f"audience on {latest:%Y-%m-%d}. If the file is older, "
        f"--as-of {latest - ONE_DAY:%Y-%m-%d} (or its own day, where that is before) "
        "keeps its counts as history. If counts were withdrawn, "
        f"--as-of {_newest(latest, time)} makes them the latest."
    )


def _newest(latest: datetime, time: ReadingTime) -> str:
    """Return a time after all known readings, formatted for `--as-of`."""
    at = max(time.now, latest) + timedelta(seconds=1)
    return f"{at:%Y-%m-%dT%H:%M:%S}"


def _is_before(row: HistoryRow, known: KnownPost, at: datetime | None) -> bool:
    """Return whether a row was read before the post's latest known reading.

    `at` is the reading time of a row that has none. Returns False if a time is missing.
    """
    read_at = row.read_at or at
    return bool(read_at and known.read_at and read_at < known.read_at)


def _was_read(row: HistoryRow, known: KnownPost) -> bool:
    """Return whether some known reading of the post had exactly these counts."""
    return any(
        all(counts.get(name) == value for name, value in row.counts.items())
        for counts in known.readings.values()
    )


def _differs(
    row: HistoryRow,
    known: KnownPost,
    sign: int | None = None,
    names: Sequence[str] = METRICS,
) -> bool:
    """Return whether one of the metrics `names` differs from its known value.

    With `sign` 1 only higher values count, with -1 only lower ones.
    """
    latest = known.counts
    return any(
        (step := value - latest.get(n, value)) and (sign is None or step * sign > 0)
        for n, value in row.counts.items()
        if n in names
    )


def _day(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0)


def _end_of_day(end: datetime) -> datetime:
    """Return `end` as an instant: a bare date becomes the last second of that day."""
    return end.replace(hour=23, minute=59, second=59) if end == _day(end) else end
