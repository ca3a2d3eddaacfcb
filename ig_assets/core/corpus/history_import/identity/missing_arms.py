"""Tests that a file extends without all of their known arms.

A file with one known arm and a new one in place of another known arm may be of another
test, or name the missing arm anew with edited words. The new arm would be compared with
the counts that the missing one had in an earlier file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from ig_assets.core.corpus.history_import.arms import ImportedArm
from ig_assets.core.corpus.history_import.identity.known_posts import KnownPost
from ig_assets.core.corpus.history_import.rows import HistoryRow
from ig_assets.core.corpus.history_import.sentences import named_arms

_DETAIL = (
    "Test {test} of source {source} has {new} here, which no earlier file has, and no "
    "counts of its {missing}. Import them together, or what is new in a file of its "
    "own with --source {source}; another test needs another --source."
)


class WholeTests(NamedTuple):
    """The arms that are taken; `refused` rows come with reason and detail."""

    arms: list[ImportedArm]
    refused: list[tuple[HistoryRow, str, str]]


def without_incomplete_tests(
    arms: Sequence[ImportedArm],
    known: Sequence[KnownPost],
    forgotten: Collection[str],
    source: str,
) -> WholeTests:
    """The arms but those of tests with known and new arms that lack known ones.

    New arms alone are taken: files of single arms come so. A row of no test is no arm
    by itself, but has the counts of one. Arms whose script is `forgotten` cannot come
    again, and are not missed.
    """
    tests: dict[str, list[ImportedArm]] = defaultdict(list)
    for arm in arms:
        if arm.experiment_id is not None and arm.post.experiment:
            tests[arm.experiment_id].append(arm)
    there = {arm.post_id for arm in arms}
    missing: dict[str, list[str]] = defaultdict(list)
    for post in known:
        members = tests.get(post.experiment_id or "", ())
        is_mixed = len({arm.known is None for arm in members}) > 1
        if is_mixed and not (post.post_id in there or post.script_id in forgotten):
            missing[post.experiment_id or ""].append(post.label)
    kept = [
        arm
        for arm in arms
        if arm.experiment_id not in missing or not arm.post.experiment
    ]
    refused = []
    for experiment_id, labels in missing.items():
        members = tests[experiment_id]
        detail = _DETAIL.format(
            test=members[0].post.experiment,
            source=source,
            new=named_arms(sorted(arm.label for arm in members if not arm.known)),
            missing=named_arms(sorted(labels)),
        )
        refused += [
            (row, "missing arm", detail) for arm in members for row in arm.post.rows
        ]
    return WholeTests(kept, refused)
