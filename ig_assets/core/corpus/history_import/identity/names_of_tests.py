"""Recognises known tests whose name in a file is spelt otherwise or replaced."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from ig_assets.core.corpus.history_import.identity.file_posts import FilePost
from ig_assets.core.corpus.history_import.identity.known_posts import (
    TEST,
    KnownHistory,
    KnownPost,
    stored_test_name,
)
from ig_assets.core.corpus.history_import.identity.recognition import is_same_post
from ig_assets.core.identity import stable_id
from ig_assets.errors import InputError


def spellings(names: Collection[str]) -> set[str]:
    """Return names in all spellings that count as the same name.

    These are both Unicode forms (NFC and NFD), and whole numbers also with `.0`.
    """
    found: set[str] = set()
    for name in names:
        plain = _plain(name)
        numbers = {plain, f"{plain}.0"} if re.fullmatch("[0-9]+", plain) else {plain}
        found |= {name, *numbers, unicodedata.normalize("NFD", plain)}
    return found


def with_known_names(
    posts: Sequence[FilePost], known: KnownHistory
) -> tuple[FilePost, ...]:
    """Return the posts, with the names of known tests in their stored spelling.

    If the file itself has several spellings of a name, these are not changed.
    """
    names = {test.name for test in known.tests.values()}
    names |= {n.value for p in known.posts for n in p.names if n.kind == TEST}
    in_file = {post.experiment for post in posts}
    known_as = {_plain(name): name for name in sorted(names - in_file)}
    file_spells: dict[str, set[str]] = defaultdict(set)
    for name in in_file:
        file_spells[_plain(name)].add(name)
    moved = {
        name: known_as[_plain(name)]
        for name in in_file - {""}
        if stored_test_name(name) not in names
        and _plain(name) in known_as
        and len(file_spells[_plain(name)]) == 1
    }
    return tuple(
        replace(post, experiment=moved.get(post.experiment, post.experiment))
        for post in posts
    )


def check_renamed(
    posts: Sequence[FilePost], known: KnownHistory, source: str, file_name: str
) -> None:
    """Raise InputError if all arms of a new test are those of a known test.

    Only new tests with two or more arms are checked, against known tests of all
    sources, except those that the file also contains under their stored name.
    """
    in_file = {post.experiment for post in posts} - {""}
    by_words: dict[str, list[KnownPost]] = defaultdict(list)
    for arm in known.posts:
        if arm.experiment_id in known.tests:
            by_words[arm.revision_hash].append(arm)
    tests: dict[str, list[FilePost]] = defaultdict(list)
    for post in posts:
        own_id = stable_id("history", source, post.experiment)
        if post.experiment and own_id not in known.tests:
            tests[post.experiment].append(post)
    for name, arms in tests.items():
        shared = [
            {
                arm.experiment_id
                for arm in by_words[post.row.revision_hash]
                if is_same_post(post, arm)
            }
            for post in arms
        ]
        for experiment_id in set.intersection(*shared) if len(arms) > 1 else ():
            test = known.tests[experiment_id or ""]
            if not any(
                stable_id("history", test.source, other) == experiment_id
                for other in in_file
            ):
                raise InputError(
                    f"The arms of test {name} of {file_name} are those of test "
                    f"{test.name} of source {test.source}: the same words and dates. "
                    f"If it is the same test, write {test.name} in the file. If it is "
                    f"another one, say --source {source}."
                )


def _plain(name: str) -> str:
    composed = unicodedata.normalize("NFC", name)
    return re.sub(r"^([0-9]+)[.]0+$", r"\1", composed)
