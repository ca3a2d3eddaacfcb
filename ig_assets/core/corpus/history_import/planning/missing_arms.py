"""Rejects tests to which a file adds arms without repeating all known arms.

Such a file may be about another test, or may contain a known arm under a new name with
edited words. The new arm would be compared with older counts of the absent one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from ig_assets.core.corpus.history_import.identity.file_posts import (
    FilePost,
    image_id,
)
from ig_assets.core.corpus.history_import.identity.known_posts import KnownPost
from ig_assets.core.corpus.history_import.identity.matching import differs_by_name
from ig_assets.core.corpus.history_import.planning.arms import ImportedArm
from ig_assets.core.corpus.history_import.planning.sentences import named_arms
from ig_assets.core.corpus.history_import.reading.rows import HistoryRow

_DETAIL = (
    "Test {test} of source {source} has {new} here, which no earlier file has, and no "
    "counts of its {missing}. Import them together, or what is new in a file of its "
    "own with --source {source}; another test needs another --source."
)

_SAME_WORDS = (
    "Test {test} of source {source} has {new} here with the words of its {missing}, "
    "which is not in this file: the same arm under another name, or a new one. Import "
    "both together, or give it its known name."
)


class WholeTests(NamedTuple):
    """The accepted arms, and `refused` rows as (row, reason, detail)."""

    arms: list[ImportedArm]
    refused: list[tuple[HistoryRow, str, str]]


def without_incomplete_tests(
    arms: Sequence[ImportedArm],
    known: Sequence[KnownPost],
    forgotten: Collection[str],
    source: str,
) -> WholeTests:
    """Reject tests for which the file has known and new arms, but not all known arms.

    A file with only new arms of a test is accepted, as arms may come in separate files,
    but not if one of them has the words of an absent arm. A row that names no test does
    not count as an arm here. Arms of scripts in `forgotten` cannot come again, so their
    absence does not matter.
    """
    tests: dict[str, list[ImportedArm]] = defaultdict(list)
    for arm in arms:
        if arm.experiment_id is not None and arm.post.experiment:
            tests[arm.experiment_id].append(arm)
    there = {arm.post_id for arm in arms}
    missing: dict[str, list[KnownPost]] = defaultdict(list)
    for post in known:
        if post.experiment_id in tests and post.post_id not in there:
            if post.script_id not in forgotten:
                missing[post.experiment_id].append(post)
    details = {
        experiment_id: detail
        for experiment_id, posts in missing.items()
        if (detail := _detail(tests[experiment_id], posts, source))
    }
    kept = [
        arm
        for arm in arms
        if arm.experiment_id not in details or not arm.post.experiment
    ]
    refused = [
        (row, "missing arm", detail)
        for experiment_id, detail in details.items()
        for arm in tests[experiment_id]
        for row in arm.post.rows
    ]
    return WholeTests(kept, refused)


def _detail(
    arms: Sequence[ImportedArm], missing: Sequence[KnownPost], source: str
) -> str | None:
    """Return why a test without the arms `missing` is rejected, or None."""
    new = [arm for arm in arms if arm.known is None]
    same = [k for k in missing if any(_may_be_same(arm.post, k) for arm in new)]
    sentence = _SAME_WORDS if same else _DETAIL
    if not new or not (same or len(new) < len(arms)):
        return None
    return sentence.format(
        test=arms[0].post.experiment,
        source=source,
        new=named_arms(sorted(arm.label for arm in new)),
        missing=named_arms(sorted(known.label for known in same or missing)),
    )


def _may_be_same(post: FilePost, known: KnownPost) -> bool:
    """Return whether words and image are equal and the vendor's names do not differ."""
    row = post.row
    return (
        row.revision_hash == known.revision_hash
        and image_id(row.image) == image_id(known.image)
        and not differs_by_name(post, known)
    )
