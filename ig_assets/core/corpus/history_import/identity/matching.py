"""Finds the posts of earlier imports, and pairs those that have the same words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations

from ig_assets.core.corpus.history_import.identity.file_posts import FilePost
from ig_assets.core.corpus.history_import.identity.known_posts import (
    KnownHistory,
    KnownPost,
)
from ig_assets.core.corpus.history_import.identity.recognition import is_same_post

MOST_PERMUTED = 6
"""Of so many posts with the same words at most all assignments are compared."""


class KnownLookup:
    """The known posts; each is used once."""

    def __init__(self, known: KnownHistory, source: str, across: bool) -> None:
        self.arms: dict[str, list[KnownPost]] = defaultdict(list)
        self.singles: dict[str, list[KnownPost]] = defaultdict(list)
        self._by_name: dict[object, list[KnownPost]] = defaultdict(list)
        self._used: set[str] = set()
        self._source = source
        for post in known.posts:
            if post.source == source:
                if post.experiment_id is None:
                    self.singles[post.revision_hash].append(post)
                else:
                    self.arms[post.experiment_id].append(post)
            if across or post.source == source:
                for name in post.names:
                    self._by_name[name].append(post)

    def by_name(self, post: FilePost, experiment_id: str | None) -> KnownPost | None:
        """The known post of a name, an arm of the experiment before any other.

        An arm of another experiment is another arm, though of the same post.
        """
        found = [
            known
            for name in post.names
            for known in self._by_name[name]
            if known.source == self._source or is_same_post(post, known)
        ]
        if experiment_id is not None:
            found = [k for k in found if k.experiment_id in (experiment_id, None)]
        found = [known for known in found if known.post_id not in self._used]
        found.sort(
            key=lambda k: (
                k.experiment_id != experiment_id,
                k.experiment_id is not None,
            )
        )
        return self.use(found[0]) if found else None

    def single(self, post: FilePost) -> KnownPost | None:
        """The first unused post in no experiment that is the same by its words."""
        for known in self.unused(self.singles[post.row.revision_hash]):
            if is_same_post(post, known):
                return self.use(known)
        return None

    def unused(self, posts: Iterable[KnownPost]) -> list[KnownPost]:
        return [post for post in posts if post.post_id not in self._used]

    def use(self, post: KnownPost) -> KnownPost:
        self._used.add(post.post_id)
        return post


def match_alike(
    posts: Sequence[FilePost], known: Sequence[KnownPost]
) -> tuple[list[tuple[FilePost, KnownPost]], list[FilePost], list[FilePost]]:
    """Pairs of posts that are alike and known ones, the new posts, and the undecided.

    Equal counts are the same post. Others are paired where one assignment alone lets
    every counter grow; new ones are only those that no known post is left for.
    """
    rest, left = list(posts), list(known)
    pairs: list[tuple[FilePost, KnownPost]] = []
    for is_same in (_has_its_counts, _was_read_before):
        for post in tuple(rest):
            found = next((k for k in left if is_same(post, k)), None)
            if found is not None:
                pairs.append((post, found))
                rest.remove(post)
                left.remove(found)
    if not rest or not left:
        return pairs, rest, []
    if len(rest) == len(left) == 1:
        return [*pairs, (rest[0], left[0])], [], []
    if len(rest) == len(left) <= MOST_PERMUTED:
        growing = [
            order
            for order in permutations(left)
            if all(_grew(k, p) for p, k in zip(rest, order, strict=True))
        ]
        if len(growing) == 1:
            return [*pairs, *zip(rest, growing[0], strict=True)], [], []
    return pairs, [], rest


def _has_its_counts(post: FilePost, known: KnownPost) -> bool:
    return _equal(post, known.counts)


def _was_read_before(post: FilePost, known: KnownPost) -> bool:
    return any(_equal(post, counts) for counts in known.readings.values())


def _equal(post: FilePost, counts: Mapping[str, float]) -> bool:
    return all(counts.get(name) == value for name, value in post.row.counts.items())


def _grew(known: KnownPost, post: FilePost) -> bool:
    counts = post.row.counts
    return all(counts[n] >= value for n, value in known.counts.items() if n in counts)


def differs_by_name(post: FilePost, known: KnownPost) -> bool:
    """Whether both have a name of one kind; they were not found by it."""
    return bool({n.kind for n in post.names} & {n.kind for n in known.names})
