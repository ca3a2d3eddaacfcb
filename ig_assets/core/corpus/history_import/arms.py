"""Which of a history file's rows are arms of an experiment, and of which."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ig_assets.core.corpus.history_import.rows import HistoryReading, HistoryRow
from ig_assets.core.corpus.history_import.sources import KnownPosts, Published, Words
from ig_assets.core.identity import ID_LENGTH, stable_id

TEST_NAME_LENGTH = 200


@dataclass(frozen=True)
class ImportedArm:
    """A row that is a post, in an experiment (or None) under a label of its own."""

    row: HistoryRow
    script_id: str
    post_id: str
    experiment_id: str | None
    label: str


def script_id_of(row: HistoryRow) -> str:
    """The id of a text that was published: named by its words."""
    return f"history/{row.revision_hash[:ID_LENGTH]}"


def image_of(row: HistoryRow) -> str | None:
    """How a post's `detail` names the image that it was shown with."""
    return f"image:{row.image}" if row.image else None


def rated_rows(rows: Sequence[HistoryRow], reading: HistoryReading) -> list[HistoryRow]:
    """The rows that have a rate."""
    needed = (reading.numerator, reading.denominator)
    return [row for row in rows if all(n in row.counts for n in needed)]


def experiment_id_of(row: HistoryRow, source: str) -> str:
    """The id of a row's test, whose name is the file's own within its source."""
    return stable_id("history", source, row.experiment)


def name_of_test(row: HistoryRow) -> str:
    """What the file calls a row's test, as far as a home keeps it."""
    return row.experiment.replace("\x00", "")[:TEST_NAME_LENGTH]


def single_post_ids(
    rated: Sequence[HistoryRow], import_id: str, source: str
) -> dict[int, str]:
    """The post ids that rows would have outside of a test, by the row's number.

    In a named source a post is what was published when, wherever its row stands.
    """
    by_content = import_id == stable_id("import", source)
    seen: Counter[Published] = Counter()
    ids = {}
    for row in rated:
        published = _published(row)
        parts = (import_id, row.number)
        named = (source, *published, seen[published])
        ids[row.number] = stable_id(
            "post", "history", *(parts if by_content else named)
        )
        seen[published] += 1
    return ids


def make_arms(
    rated: Sequence[HistoryRow],
    source: str,
    single_ids: dict[int, str],
    known: KnownPosts,
) -> tuple[list[ImportedArm], list[HistoryRow]]:
    """The rows' posts, and the rows that give a known arm other words.

    A test with a single arm is no experiment. What is known keeps its post, whatever
    the order of the rows; a post in no test becomes an arm when its test is one.
    """
    sizes = Counter(row.experiment for row in rated if row.experiment)
    tests: dict[str, list[HistoryRow]] = defaultdict(list)
    posts: dict[int, tuple[str, str | None, str]] = {}
    for row in rated:
        experiment_id = experiment_id_of(row, source)
        if row.experiment and (
            sizes[row.experiment] > 1 or experiment_id in known.arms
        ):
            tests[experiment_id].append(row)
            continue
        post_id = _known_single(row, known) or single_ids[row.number]
        posts[row.number] = (post_id, None, row.arm or "single")
    for experiment_id, rows in tests.items():
        posts |= _test_posts(experiment_id, rows, known)
    arms = [
        ImportedArm(row, script_id_of(row), *posts[row.number])
        for row in rated
        if row.number in posts
    ]
    return arms, [row for row in rated if row.number not in posts]


def _test_posts(
    experiment_id: str, rows: Sequence[HistoryRow], known: KnownPosts
) -> dict[int, tuple[str, str | None, str]]:
    """Post id, test and label of a test's rows, by number."""
    left = list(known.arms.get(experiment_id, ()))
    taken = {label for label, _, _ in left}
    posts: dict[int, tuple[str, str | None, str]] = {}
    for row in rows:
        words: Words = (row.revision_hash, image_of(row))
        for arm in left:
            label, its_words, post_id = arm
            if its_words == words and _may_be(row.arm, label):
                posts[row.number] = (post_id, experiment_id, label)
                left.remove(arm)
                break
    for row in rows:
        if row.number in posts:
            continue
        if any(_may_be(row.arm, label) for label, _, _ in left):
            continue  # an arm that is missing had other words
        label = row.arm or f"arm-{len(taken) + 1}"
        if label in taken:
            label = f"{label}-{len(taken) + 1}"
        taken.add(label)
        post_id = _known_single(row, known) or stable_id(
            "post", "history", experiment_id, label
        )
        posts[row.number] = (post_id, experiment_id, label)
    return posts


def _may_be(given: str, label: str) -> bool:
    """Whether a row that gives this arm, or none, may be the arm with the label."""
    return given in ("", label) or bool(
        re.fullmatch(f"{re.escape(given)}-[0-9]+", label)
    )


def _known_single(row: HistoryRow, known: KnownPosts) -> str | None:
    ids = known.singles.get(_published(row))
    return ids.pop(0) if ids else None


def _published(row: HistoryRow) -> Published:
    return row.revision_hash, row.posted_on, image_of(row)


def make_experiments(
    arms: Sequence[ImportedArm], reading: HistoryReading, randomised: bool, sigma: float
) -> list[dict[str, Any]]:
    """One row an experiment, whatever number of its arms are in the file.

    `intent_key` is the file's own name of the test, by which its team knows it.
    """
    grouped: dict[str, list[HistoryRow]] = defaultdict(list)
    for arm in arms:
        if arm.experiment_id is not None:
            grouped[arm.experiment_id].append(arm.row)
    experiments = []
    for experiment_id, rows in grouped.items():
        started_at = min((r.posted_on for r in rows if r.posted_on), default=None)
        experiments.append(
            {
                "experiment_id": experiment_id,
                "month": started_at and f"{started_at:%Y-%m}",
                "topic_id": None,
                "segment": "history",
                "numerator": reading.numerator,
                "denominator": reading.denominator,
                "randomised": randomised,
                "sigma": sigma,
                "simulated": any(row.simulated for row in rows),
                "started_at": started_at,
                "ends_at": None,
                "status": "running",
                "intent_key": name_of_test(rows[0]),
            }
        )
    return experiments
