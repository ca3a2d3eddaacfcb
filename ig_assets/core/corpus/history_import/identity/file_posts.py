"""Groups the rows of a file into posts: several rows of one post are its readings.

The vendor's id or permalink identifies a post. Without one, rows that have a reading
time belong to one post if they share test, arm, words and date of publication. In a
file without reading times every row is a post of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from ig_assets.core.corpus.history_import.identity.row_groups import (
    image_id as image_id,
    keyed_rows,
    with_reading_times,
)
from ig_assets.core.corpus.history_import.identity.vendor_names import (
    VendorName,
    vendor_names,
    without_rounded,
)
from ig_assets.core.corpus.history_import.reading.present import without_future
from ig_assets.core.operations.present import Present
from ig_assets.core.corpus.history_import.reading.rows import HistoryRow

_NAMED = (
    "Rows of one post have different counts of the same time; say which column is the "
    "time of the reading with --map as_of=COLUMN."
)
_UNNAMED = (
    "Rows of the same words, date and time of reading have different counts; say which "
    "column names the post with --map post_id=COLUMN, or the arm with --map arm=COLUMN."
)

PARTS = "several rows of one arm"
_PARTS = (
    "Arm {0.arm!r} of the test has several rows of the same words and different counts "
    "or dates, as parts of it have (days, countries, devices), so no row of the test "
    "is taken. Give one row per arm with its totals; --map as_of=COLUMN says that they "
    "are readings, --map post_id=COLUMN that they are posts of their own."
)

SEGMENTS = "several rows of one post"
_SEGMENTS = (
    "The post has several rows of one time with different counts, by {}. Give one row "
    "per post with its totals; --map as_of=COLUMN names the time of the reading, and "
    "if {} is no part of a post, delete the column."
)


@dataclass(frozen=True)
class FilePost:
    """One post of a file: its rows, the newest reading last.

    `experiment` is the name of its test in the file, or "" if it is in no test; `names`
    are the vendor's names of the post.
    """

    rows: tuple[HistoryRow, ...]
    experiment: str
    names: tuple[VendorName, ...] = ()

    @property
    def row(self) -> HistoryRow:
        """The newest row; its words are the words of the post."""
        return self.rows[-1]

    @property
    def arm(self) -> str:
        """The arm's name in the file, else the vendor's name of the post, else ""."""
        return self.row.arm or next((name.value for name in self.names), "")

    @cached_property
    def order(self) -> tuple[object, ...]:
        """A sort key of the post, independent of the order of the file's rows."""
        row = self.row
        return (
            row.revision_hash,
            image_id(row.image) or "",
            row.posted_on or datetime.min,
            sorted(row.counts.items()),
            self.names,
            row.number,
        )

    def rated(self, numerator: str | None, denominator: str) -> HistoryRow | None:
        """Return the newest row with counts in both columns of the rate, or None."""
        return next(
            (
                row
                for row in reversed(self.rows)
                if numerator in row.counts and denominator in row.counts
            ),
            None,
        )


@dataclass(frozen=True)
class GroupedRows:
    """The posts of a file, and the rows that became part of no post.

    `repeated` rows contain nothing that other rows lack. `refused` rows contradict
    others; each is (row, reason, detail). `rounded` are the ids that a spreadsheet has
    rounded.
    """

    posts: tuple[FilePost, ...]
    repeated: tuple[HistoryRow, ...]
    refused: tuple[tuple[HistoryRow, str, str], ...]
    notes: tuple[str, ...]
    rounded: tuple[str, ...] = ()


def words_and_arm(post: FilePost) -> tuple[str, str, str]:
    """Return (hash of the words, image, arm) of a post.

    Posts of one test with the same key can only be distinguished by their counts.
    """
    return (post.row.revision_hash, image_id(post.row.image), post.row.arm)


def published_as(post: FilePost) -> tuple[object, ...]:
    """Return (hash of the words, date of publication, image, vendor's names) of a post.

    Posts without a test that have the same key can only be distinguished by their
    counts.
    """
    row = post.row
    return (row.revision_hash, row.posted_on, image_id(row.image), post.names)


def posts_by(
    posts: Sequence[FilePost], key: Callable[[FilePost], object]
) -> Iterable[list[FilePost]]:
    """Return the posts in groups that have the same value of `key`."""
    groups: dict[object, list[FilePost]] = defaultdict(list)
    for post in posts:
        groups[key(post)].append(post)
    return groups.values()


def group_posts(
    rows: Sequence[HistoryRow], mapping: Mapping[str, str], present: Present
) -> GroupedRows:
    """Group the accepted rows into posts; refuse readings that are dated in the future.

    `mapping` is {our column: the file's column}. Raises InputError if the column of ids
    does not identify posts.
    """
    rows, rounded = without_rounded(rows)
    rows, notes = with_reading_times(rows, mapping)
    rows, refused, dated = without_future(rows, present)
    groups: dict[tuple[object, ...], list[HistoryRow]] = defaultdict(list)
    for key, row in keyed_rows(rows):
        groups[key].append(row)
    posts: list[FilePost] = []
    repeated: list[HistoryRow] = []
    for group in groups.values():
        kept = _readings(group, repeated, refused)
        if kept:
            tests = {row.experiment for row in group} - {""}
            kept[-1] = _with_terms(kept[-1], group)
            names = sorted({name for row in kept for name in vendor_names(row)})
            posts.append(FilePost(tuple(kept), min(tests, default=""), tuple(names)))
    posts = _without_segments(posts, refused)
    posts = _without_parts(posts, repeated, refused)
    taken = {row.line for post in posts for row in post.rows}
    no = {
        row.line: (row, reason, detail)
        for row, reason, detail in refused
        if row.line not in taken
    }
    said = {row.line: row for row in repeated if row.line not in {*taken, *no}}
    return GroupedRows(
        tuple(posts), tuple(said.values()), tuple(no.values()), notes + dated, rounded
    )


def _readings(
    group: Sequence[HistoryRow],
    repeated: list[HistoryRow],
    refused: list[tuple[HistoryRow, str, str]],
) -> list[HistoryRow]:
    """Return one row per reading time, the newest last.

    The other rows of the group are appended to `repeated` or `refused`.
    """
    by_time: dict[datetime | None, list[HistoryRow]] = defaultdict(list)
    for row in group:
        by_time[row.read_at].append(row)
    kept = []
    for _, rows in sorted(by_time.items(), key=_when):
        rows = sorted(rows, key=_counts_of)
        largest = rows[-1].counts
        named = bool(vendor_names(rows[-1]))
        if column := _segmented_by(rows):
            detail = _SEGMENTS.format(column, column)
            refused += [(row, SEGMENTS, detail) for row in rows]
            continue
        if not all(_is_repeated(row.counts, largest, named) for row in rows):
            detail = _NAMED if named else _UNNAMED
            refused += [(row, "two readings of one time", detail) for row in rows]
            continue
        repeated += rows[:-1]
        kept.append(rows[-1])
    return kept


def _segmented_by(rows: Sequence[HistoryRow]) -> str:
    """Return the label column that splits one post's rows into segments, or "".

    It is the label column with the most distinct values, if there are at least two. The
    result is "" if all rows have the same counts.
    """
    if len(rows) < 2 or all(row.counts == rows[0].counts for row in rows):
        return ""
    values: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for name, label in row.labels:
            values[name].add(label)
    most = max(values, key=lambda name: len(values[name]), default="")
    return most if most and len(values[most]) > 1 else ""


def _without_segments(
    posts: Sequence[FilePost], refused: list[tuple[HistoryRow, str, str]]
) -> list[FilePost]:
    """Drop posts whose rows are segments (such as countries) of one and the same post.

    Only posts without a vendor's name and without a test are examined. The rows of
    dropped posts are appended to `refused`.
    """
    left = []
    for same in posts_by(posts, lambda p: (p.experiment, p.arm, published_as(p))):
        is_named = same[0].experiment or same[0].names
        column = "" if is_named else _segmented_by([post.row for post in same])
        if column:
            detail = _SEGMENTS.format(column, column)
            refused += [(row, SEGMENTS, detail) for p in same for row in p.rows]
        else:
            left += same
    return left


def _without_parts(
    posts: Sequence[FilePost],
    repeated: list[HistoryRow],
    refused: list[tuple[HistoryRow, str, str]],
) -> list[FilePost]:
    """Drop repeated rows of arms, and tests whose arms are divided into several rows.

    Only tests whose file names the arms are examined, and only posts without a vendor's
    name. Of two posts with the same arm and words, the second is a repetition if the
    two say the same: its rows are appended to `repeated`. Otherwise they are days or
    segments of one arm: all rows of the test are appended to `refused`.
    """
    of_arm: dict[tuple[str, ...], list[FilePost]] = defaultdict(list)
    for post in posts:
        if post.experiment and post.row.arm and not post.names:
            of_arm[(post.experiment, *words_and_arm(post))].append(post)
    twice: set[int] = set()
    in_parts: dict[str, HistoryRow] = {}
    for same in of_arm.values():
        first, *others = same
        for post in others:
            if _said_of(post) == _said_of(first):
                twice.add(id(post))
                repeated += post.rows
            else:
                in_parts.setdefault(post.experiment, post.row)
    left = []
    for post in posts:
        if id(post) in twice:
            continue
        if arm := in_parts.get(post.experiment):
            refused += [(row, PARTS, _PARTS.format(arm)) for row in post.rows]
        else:
            left.append(post)
    return left


def _said_of(post: FilePost) -> list[object]:
    return [(row.posted_on, row.read_at, row.counts) for row in post.rows]


def _with_terms(newest: HistoryRow, rows: Sequence[HistoryRow]) -> HistoryRow:
    """Return the newest row of a post, completed with its test's arm and state.

    If the newest row names no test, arm, running state and end are taken from the
    newest of `rows` that names one. An export of all posts may list a post without its
    test.
    """
    if newest.experiment:
        return newest
    said = [row for row in sorted(rows, key=_read_at) if row.experiment]
    if not said:
        return newest
    return replace(
        newest,
        arm=newest.arm or said[-1].arm,
        is_running=said[-1].is_running,
        ends_on=said[-1].ends_on,
    )


def _read_at(row: HistoryRow) -> datetime:
    return row.read_at or datetime.min


def _when(item: tuple[datetime | None, object]) -> datetime:
    return item[0] or datetime.min


def _counts_of(row: HistoryRow) -> tuple[object, ...]:
    return (sum(row.counts.values()), sorted(row.counts.items()), row.revision_hash)


def _is_repeated(
    counts: Mapping[str, float], largest: Mapping[str, float], named: bool
) -> bool:
    """Return whether `counts` are an earlier state of `largest`: no counter is higher.

    If the post is not `named` by its vendor, this is true only for equal counts.
    """
    if not named:
        return counts == largest
    return all(value <= largest.get(name, -1.0) for name, value in counts.items())
