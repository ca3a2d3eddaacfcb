"""Assigns the rows of a history file to posts, and these to experiments."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypedDict

from ig_assets.core.corpus.history_import.rows import HistoryRow, ParsedHistory
from ig_assets.core.corpus.history_import.sources import (
    ArmContent,
    KnownPosts,
    PublishedContent,
)
from ig_assets.core.identity import ID_LENGTH, stable_id

TEST_NAME_LENGTH = 200


class _Post(NamedTuple):
    post_id: str
    experiment_id: str | None
    label: str


@dataclass(frozen=True)
class ImportedArm:
    """A row that is a post; `experiment_id` is None for a post in no experiment."""

    row: HistoryRow
    script_id: str
    post_id: str
    experiment_id: str | None
    label: str


class ImportedExperiment(TypedDict):
    """A row of `experiments`; `intent_key` is the file's own name of the test."""

    experiment_id: str
    month: str | None
    topic_id: None
    segment: str
    numerator: str | None
    denominator: str | None
    randomised: bool
    sigma: float
    simulated: bool
    started_at: datetime | None
    ends_at: None
    status: str
    intent_key: str


def script_id_of(row: HistoryRow) -> str:
    """The id of a published text, which follows from its words."""
    return f"history/{row.revision_hash[:ID_LENGTH]}"


def image_of(row: HistoryRow) -> str | None:
    """The image of a post, as `posts.detail` names it: `image:<id>`."""
    return f"image:{row.image}" if row.image else None


def rated_rows(rows: Sequence[HistoryRow], history: ParsedHistory) -> list[HistoryRow]:
    """The rows that have both counts of the rate."""
    needed = (history.numerator, history.denominator)
    return [row for row in rows if all(n in row.counts for n in needed)]


def experiment_id_of(row: HistoryRow, source: str) -> str:
    """The id of a row's experiment; the file's names are unique within a source."""
    return stable_id("history", source, row.experiment)


def single_post_ids(
    rated: Sequence[HistoryRow], import_id: str, source: str
) -> dict[int, str]:
    """The post ids that rows have outside of an experiment, by the row's number.

    In a named source the id follows from what was published when, so that a row may
    move within the file; without a name it follows from the row's number.
    """
    by_number = import_id == stable_id("import", source)
    seen: Counter[PublishedContent] = Counter()
    ids = {}
    for row in rated:
        published = _published(row)
        if by_number:
            ids[row.number] = stable_id("post", "history", import_id, row.number)
        else:
            parts = (source, *published, seen[published])
            ids[row.number] = stable_id("post", "history", *parts)
        seen[published] += 1
    return ids


def make_arms(
    rated: Sequence[HistoryRow],
    source: str,
    single_ids: Mapping[int, str],
    known: KnownPosts,
) -> tuple[list[ImportedArm], list[HistoryRow]]:
    """Assign each row to a post.

    Returns (arms, rows left out since their arm is known with other words). Rows that
    lack a count of the rate are not expected.
    A test with a single arm is no experiment. A known row keeps its post, whatever
    the order of the rows; a single post becomes an arm once its test has two.
    """
    sizes = Counter(row.experiment for row in rated if row.experiment)
    tests: dict[str, list[HistoryRow]] = defaultdict(list)
    posts: dict[int, _Post] = {}
    for row in rated:
        experiment_id = experiment_id_of(row, source)
        if row.experiment and (
            sizes[row.experiment] > 1 or experiment_id in known.arms
        ):
            tests[experiment_id].append(row)
            continue
        post_id = _known_single(row, known) or single_ids[row.number]
        posts[row.number] = _Post(post_id, None, row.arm or "single")
    for experiment_id, rows in tests.items():
        posts |= _experiment_posts(experiment_id, rows, known)
    arms = [
        ImportedArm(row, script_id_of(row), *posts[row.number])
        for row in rated
        if row.number in posts
    ]
    return arms, [row for row in rated if row.number not in posts]


def _experiment_posts(
    experiment_id: str, rows: Sequence[HistoryRow], known: KnownPosts
) -> dict[int, _Post]:
    """The posts of an experiment's rows by number, without rows with other words."""
    unmatched = list(known.arms.get(experiment_id, ()))
    labels = {arm.label for arm in unmatched}
    posts: dict[int, _Post] = {}
    for row in rows:
        content = ArmContent(row.revision_hash, image_of(row))
        for arm in unmatched:
            if arm.content == content and _may_be(row.arm, arm.label):
                posts[row.number] = _Post(arm.post_id, experiment_id, arm.label)
                unmatched.remove(arm)
                break
    for row in rows:
        if row.number in posts:
            continue
        if any(_may_be(row.arm, arm.label) for arm in unmatched):
            continue  # it may be a known arm, which had other words
        label = row.arm or f"arm-{len(labels) + 1}"
        if label in labels:
            label = f"{label}-{len(labels) + 1}"
        labels.add(label)
        post_id = _known_single(row, known) or stable_id(
            "post", "history", experiment_id, label
        )
        posts[row.number] = _Post(post_id, experiment_id, label)
    return posts


def _may_be(given: str, label: str) -> bool:
    """Whether a row with this arm, or with none, may be the arm with the label."""
    return given in ("", label) or bool(
        re.fullmatch(f"{re.escape(given)}-[0-9]+", label)
    )


def _known_single(row: HistoryRow, known: KnownPosts) -> str | None:
    ids = known.singles.get(_published(row))
    return ids.pop(0) if ids else None


def _published(row: HistoryRow) -> PublishedContent:
    return PublishedContent(row.revision_hash, row.posted_on, image_of(row))


def make_experiments(
    arms: Sequence[ImportedArm],
    history: ParsedHistory,
    randomised: bool,
    sigma: float,
) -> list[ImportedExperiment]:
    """One row per experiment, whatever number of its arms the file has."""
    grouped: dict[str, list[HistoryRow]] = defaultdict(list)
    for arm in arms:
        if arm.experiment_id is not None:
            grouped[arm.experiment_id].append(arm.row)
    experiments = []
    for experiment_id, rows in grouped.items():
        started_at = min((r.posted_on for r in rows if r.posted_on), default=None)
        experiments.append(
            ImportedExperiment(
                experiment_id=experiment_id,
                month=f"{started_at:%Y-%m}" if started_at else None,
                topic_id=None,
                segment="history",
                numerator=history.numerator,
                denominator=history.denominator,
                randomised=randomised,
                sigma=sigma,
                simulated=any(row.simulated for row in rows),
                started_at=started_at,
                ends_at=None,
                status="running",
                intent_key=_test_name(rows[0]),
            )
        )
    return experiments


def _test_name(row: HistoryRow) -> str:
    """The file's name of a row's test, at most 200 characters and without NUL."""
    return row.experiment.replace("\x00", "")[:TEST_NAME_LENGTH]
