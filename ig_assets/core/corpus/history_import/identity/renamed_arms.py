"""Matches arms that have another name in a later file, by words and image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from ig_assets.core.corpus.history_import.identity.file_posts import FilePost, image_id
from ig_assets.core.corpus.history_import.identity.known_posts import KnownPost
from ig_assets.core.corpus.history_import.identity.labels import (
    LONGEST_LABEL,
    is_made_of_words,
)
from ig_assets.core.corpus.history_import.identity.matching import differs_by_name

_Matched = tuple[list[tuple[FilePost, KnownPost]], list[FilePost], list[FilePost]]


def match_renamed(
    posts: Sequence[FilePost], known: Sequence[KnownPost], given: Collection[str]
) -> _Matched:
    """Match posts of a test with known arms that have another name.

    Words and image are compared. Returns (pairs, new posts, undecided posts). `known`
    are the test's known arms that were not found by name; `given` are the names of arms
    in the file, and nothing is matched if one of them is the label of an arm in
    `known`. If the file has all arms of `known`, each may be matched. Otherwise only an
    arm that had no name, or the same name in other letter case, may be matched. Posts
    are undecided if several posts or several arms have the same words and image.
    """
    if any(arm.label in given for arm in known):
        return [], list(posts), []
    mine: dict[tuple[str, str], list[FilePost]] = defaultdict(list)
    theirs: dict[tuple[str, str], list[KnownPost]] = defaultdict(list)
    for post in posts:
        mine[post.row.revision_hash, image_id(post.row.image)].append(post)
    for arm in known:
        theirs[arm.revision_hash, image_id(arm.image)].append(arm)
    is_whole = all(len(mine[key]) == len(arms) for key, arms in theirs.items())
    pairs: list[tuple[FilePost, KnownPost]] = []
    new: list[FilePost] = []
    undecided: list[FilePost] = []
    for key, members in mine.items():
        found = [
            arm
            for arm in theirs.get(key, ())
            if (is_whole or _had_no_other_name(arm, members))
            and not any(differs_by_name(post, arm) for post in members)
        ]
        if not found:
            new += members
        elif len(members) == len(found) == 1:
            pairs.append((members[0], found[0]))
        else:
            undecided += members
    return pairs, new, undecided


def _had_no_other_name(arm: KnownPost, posts: Sequence[FilePost]) -> bool:
    names = {post.arm[:LONGEST_LABEL].casefold() for post in posts}
    return is_made_of_words(arm) or arm.label.casefold() in names
