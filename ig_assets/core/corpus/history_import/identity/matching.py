"""Matches the posts of a file with known posts, by name or by words and counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from ig_assets.core.corpus.history_import.identity.file_posts import (
    FilePost,
    image_id,
)
from ig_assets.core.corpus.history_import.identity.known_posts import (
    TEST,
    KnownHistory,
    KnownPost,
    stored_test_name,
)
from ig_assets.core.corpus.history_import.identity.labels import SINGLE
from ig_assets.core.corpus.history_import.identity.recognition import (
    is_of_same_test,
    is_same_lone_arm,
    is_same_post,
)

MOST_COMPARED = 8
"""Largest number of posts with the same words for which assignments are compared."""

_A = TypeVar("_A")
_B = TypeVar("_B")


class KnownLookup:
    """Looks up known posts; each known post is matched at most once."""

    def __init__(self, known: KnownHistory, source: str, across: bool) -> None:
        self.arms: dict[str, list[KnownPost]] = defaultdict(list)
        self._singles: dict[str, list[KnownPost]] = defaultdict(list)
        self._by_name: dict[object, list[KnownPost]] = defaultdict(list)
        self._waiting: dict[str, list[KnownPost]] = defaultdict(list)
        self._used: set[str] = set()
        self._source = source
        for post in known.posts:
            if post.source == source:
                if post.experiment_id is None:
                    self._singles[post.revision_hash].append(post)
                    for name in post.names:
                        if name.kind == TEST:
                            self._waiting[name.value].append(post)
                else:
                    self.arms[post.experiment_id].append(post)
            for name in post.names:
                if across or post.source == source or name.is_global:
                    self._by_name[name].append(post)

    def by_name(self, post: FilePost, experiment_id: str | None) -> KnownPost | None:
        """Return an unused known post that shares a vendor's name; mark it as used.

        With `experiment_id`, arms of that experiment are preferred to posts in no
        experiment, and arms of other experiments never match. Without it, an arm of any
        experiment is preferred. A name that is unique among all accounts also matches
        posts of other sources. Returns None if no known post matches.
        """
        found = self._named(post)
        if experiment_id is not None:
            found = [k for k in found if k.experiment_id in (experiment_id, None)]
        found.sort(
            key=lambda k: (
                experiment_id is not None and k.experiment_id != experiment_id,
                k.experiment_id is None,
            )
        )
        return self.use(found[0]) if found else None

    def arms_by_name(self, post: FilePost) -> list[KnownPost]:
        """Return all known arms with a vendor's name of a post whose row names no test.

        The arms are marked as used. One post may be an arm of several tests, and its
        counts apply to each of these arms. If an arm were left out, its old counts
        would be compared with new counts of other arms.
        """
        found = {k.post_id: k for k in self._named(post) if k.experiment_id}
        return [self.use(known) for known in found.values()]

    def _named(self, post: FilePost) -> list[KnownPost]:
        """Return the unused known posts that share a name with the post."""
        return self.unused(
            known
            for name in post.names
            for known in self._by_name[name]
            if known.source == self._source or is_same_post(post, known)
        )

    def singles_like(self, post: FilePost) -> list[KnownPost]:
        """Return known posts in no experiment that are the same post.

        `is_same_post` compares them.
        """
        singles = self._singles[post.row.revision_hash]
        return [known for known in singles if is_same_post(post, known)]

    def singles_of(self, post: FilePost) -> list[KnownPost]:
        """Return the known posts in no experiment that may be this post.

        Both must name the same test, or none of them names one (`is_of_same_test`).
        They must also be the same post (`is_same_post`) or the same only arm
        (`is_same_lone_arm`).
        """
        singles = self._singles[post.row.revision_hash]
        return [
            known
            for known in singles
            if is_of_same_test(post, known)
            and (is_same_post(post, known) or is_same_lone_arm(post, known))
        ]

    def waiting(self, test: str) -> list[KnownPost]:
        """Return the posts of earlier files that are the test's only arm so far."""
        return self._waiting[stored_test_name(test)]

    def has_other_arm(self, post: FilePost) -> bool:
        """Return whether earlier files have another single arm of the post's test.

        The result is False if this arm is, or may be, the post itself.
        """
        waiting = self.waiting(post.experiment)
        return bool(waiting) and all(_is_other_arm(post, k) for k in waiting)

    def unused(self, posts: Iterable[KnownPost]) -> list[KnownPost]:
        return [post for post in posts if post.post_id not in self._used]

    def use(self, post: KnownPost) -> KnownPost:
        self._used.add(post.post_id)
        return post


def match_alike(
    posts: Sequence[FilePost], known: Sequence[KnownPost]
) -> tuple[list[tuple[FilePost, KnownPost]], list[FilePost], list[FilePost]]:
    """Pair posts that share words and arm with known posts, by their counts.

    Returns (pairs, new posts, undecided posts). One post and one known post are a pair
    whatever their counts. Otherwise posts are paired with known posts of equal latest
    counts, if each post has one. Otherwise all assignments are tried in which no
    counter falls. If all of these give each known post the same counts, one of them is
    returned; if not, all posts are undecided.
    """
    if not known:
        return [], list(posts), []
    if len(posts) == len(known) == 1:
        return [(posts[0], known[0])], [], []
    pairs = _repeated(posts, known)
    if pairs is None:
        pairs = _only_assignment(posts, known)
    if pairs is None:
        return [], [], list(posts)
    taken = {id(post) for post, _ in pairs}
    return pairs, [post for post in posts if id(post) not in taken], []


_Pairs = list[tuple[FilePost, KnownPost]]


def _repeated(posts: Sequence[FilePost], known: Sequence[KnownPost]) -> _Pairs | None:
    """Pair each post with a known post that has the same latest counts.

    Returns None if some post has no such known post.
    """
    left, pairs = list(known), []
    for post in posts:
        found = next((k for k in left if _equal(post, k.counts)), None)
        if found is None:
            return None
        left.remove(found)
        pairs.append((post, found))
    return pairs


def _only_assignment(
    posts: Sequence[FilePost], known: Sequence[KnownPost]
) -> _Pairs | None:
    """Return the one assignment in which no counter falls, or None.

    None means that there is no such assignment, that there are several with different
    outcomes, or that there are more than MOST_COMPARED posts. The file's readings may
    be older than some known readings, unless the file has more posts than are known.
    """
    if max(len(posts), len(known)) > MOST_COMPARED:
        return None
    times = sorted({time for post in known for time in post.readings})
    first = 0 if len(posts) <= len(known) else len(times)
    outcomes: dict[object, _Pairs] = {}
    for nth in range(first, len(times) + 1):
        before, after = times[:nth], times[nth:]
        fits = [[_fits(post, k, before, after) for k in known] for post in posts]
        for pairs in _assignments(posts, known, fits):
            outcomes.setdefault(_outcome(pairs, known), pairs)
            if len(outcomes) > 1:
                return None
    return next(iter(outcomes.values()), None)


def _assignments(
    posts: Sequence[FilePost], known: Sequence[KnownPost], fits: list[list[bool]]
) -> Iterator[_Pairs]:
    """Yield every one-to-one assignment that `fits` allows.

    `fits[n][m]` is true if post n may be known post m. An assignment uses all members
    of the shorter sequence.
    """
    if len(posts) > len(known):
        turned = [[row[n] for row in fits] for n in range(len(known))]
        for pairs in _injections(known, posts, turned):
            yield [(post, k) for k, post in pairs]
    else:
        yield from _injections(posts, known, fits)


def _injections(
    few: Sequence[_A], many: Sequence[_B], fits: list[list[bool]]
) -> Iterator[list[tuple[_A, _B]]]:
    order = sorted(range(len(few)), key=lambda n: sum(fits[n]))

    def extend(nth: int, used: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if nth == len(order):
            yield used
            return
        for m in range(len(many)):
            if m not in used and fits[order[nth]][m]:
                yield from extend(nth + 1, (*used, m))

    for chosen in extend(0, ()):
        yield [(few[n], many[m]) for n, m in zip(order, chosen, strict=True)]


def _outcome(pairs: _Pairs, known: Sequence[KnownPost]) -> object:
    """Return a key of the readings that every known post has after an assignment.

    Assignments with equal keys differ only in known posts with equal readings.
    """
    counts = {id(k): _readings_of(post) for post, k in pairs}
    return tuple(
        sorted(
            (repr(sorted(_plain(k.readings))), repr(counts.get(id(k)))) for k in known
        )
    )


def _readings_of(post: FilePost) -> list[object]:
    return [(row.read_at, sorted(row.counts.items())) for row in post.rows]


def _plain(
    readings: Mapping[datetime, Mapping[str, float]],
) -> list[tuple[datetime, list[tuple[str, float]]]]:
    return [(time, sorted(counts.items())) for time, counts in readings.items()]


def _fits(
    post: FilePost,
    known: KnownPost,
    before: Sequence[datetime],
    after: Sequence[datetime],
) -> bool:
    """Return whether no counter falls if the post was read between known readings.

    `before` and `after` are the times of the known readings before and after that
    moment. A row with a reading time is compared at that time instead.
    """
    for row in post.rows:
        earlier, later = before, after
        if row.read_at is not None:
            times = (*before, *after)
            earlier = [time for time in times if time <= row.read_at]
            later = [time for time in times if time > row.read_at]
        if not _rises(_latest(known, earlier), row.counts):
            return False
        if not _rises(row.counts, _first(known, later)):
            return False
    return True


def _latest(known: KnownPost, times: Iterable[datetime]) -> dict[str, float]:
    counts: dict[str, float] = {}
    for time in times:
        counts |= known.readings.get(time, {})
    return counts


def _first(known: KnownPost, times: Sequence[datetime]) -> dict[str, float]:
    return _latest(known, reversed(times))


def _rises(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    return all(after[name] >= value for name, value in before.items() if name in after)


def _equal(post: FilePost, counts: Mapping[str, float]) -> bool:
    return all(counts.get(name) == value for name, value in post.row.counts.items())


def _is_other_arm(post: FilePost, known: KnownPost) -> bool:
    """Return whether a post differs from `known`, the only known arm of its test."""
    if known.names.intersection(post.names):
        return False
    if differs_by_name(post, known):
        return True
    if post.row.arm and known.label != SINGLE:
        return post.row.arm != known.label
    same_image = image_id(post.row.image) == image_id(known.image)
    return post.row.revision_hash not in known.words or not same_image


def differs_by_name(post: FilePost, known: KnownPost) -> bool:
    """Return whether both posts have a vendor's name of one kind, such as an id.

    Call it only for posts that share no name: the two names then differ, and so do the
    posts.
    """
    return bool({n.kind for n in post.names} & {n.kind for n in known.names})
