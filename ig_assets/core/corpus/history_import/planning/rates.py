"""Chooses the rate of each post and test: a numerator and a denominator.

Instagram reported impressions before 2025 and has reported views since. A post is rated
by the denominator it has. A test is rated by a rate that its arms share, from whichever
files the arms came; different denominators are never mixed.

An arm without the counts of its test's rate is taken out of the test. It returns when a
file brings these counts, or when new arms make another rate the most common.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ig_assets.core.corpus.history_import.identity.file_posts import FilePost
from ig_assets.core.corpus.history_import.identity.known_posts import (
    KnownHistory,
    KnownPost,
)
from ig_assets.core.corpus.history_import.planning.arms import ImportedArm
from ig_assets.core.corpus.history_import.reading.columns import (
    DENOMINATORS,
    NUMERATORS,
)
from ig_assets.core.corpus.history_import.reading.rows import ParsedHistory


class Rate(NamedTuple):
    """A rate: the count of events (numerator) divided by the count of trials."""

    numerator: str
    denominator: str


@dataclass(frozen=True)
class RatedPosts:
    """The posts that have a rate, and their number by denominator.

    `by_denominator` is {denominator: number of posts}; `unrated` is the number of posts
    without a rate.
    """

    posts: list[FilePost]
    by_denominator: Mapping[str, int]
    unrated: int


@dataclass(frozen=True)
class RatedTests:
    """The arms of a file, and {experiment id: rate}.

    `apart` is the number of arms that lack the counts of their test's rate, from this
    file or single arms of earlier ones. `leaving` are arms of experiments of earlier
    files that lack the counts of the rate which their test has now.
    """

    arms: list[ImportedArm]
    rates: Mapping[str, Rate]
    apart: int
    leaving: list[KnownPost]


def denominator_of(post: FilePost, history: ParsedHistory) -> str | None:
    """Return the preferred denominator of a post's newest rated row, or None.

    A row is rated if it has the counts of a rate.
    """
    for row in reversed(post.rows):
        if history.numerator in row.counts:
            for denominator in history.denominators:
                if denominator in row.counts:
                    return denominator
    return None


def rate_posts(posts: Sequence[FilePost], history: ParsedHistory) -> RatedPosts:
    """Separate posts with a rate from posts without one, which cannot be arms."""
    own = [denominator_of(post, history) for post in posts]
    rated = [post for post, name in zip(posts, own, strict=True) if name is not None]
    by_denominator = Counter(name for name in own if name is not None)
    return RatedPosts(rated, by_denominator, len(posts) - len(rated))


def rate_tests(
    arms: Sequence[ImportedArm],
    known: KnownHistory,
    history: ParsedHistory,
    is_said: bool,
    corrects: bool = False,
) -> RatedTests:
    """Choose the rate of each test from the counts of all its arms, in all files.

    Arms that lack these counts are taken out of their test; if fewer than two arms of a
    new test remain, it is no experiment. `is_said` is true if a person chose the file's
    rate; a new test then gets only this rate. With `corrects`, this also holds for
    known tests.
    """
    tests: dict[str, list[ImportedArm]] = defaultdict(list)
    for arm in arms:
        if arm.experiment_id is not None and arm.post.experiment:
            tests[arm.experiment_id].append(arm)
    there = {arm.known.post_id for arm in arms if arm.known is not None}
    there |= {joined.known.post_id for arm in arms for joined in arm.joined}
    earlier: dict[str | None, list[KnownPost]] = defaultdict(list)
    for post in known.posts:
        if post.post_id not in there:
            earlier[post.experiment_id].append(post)
    rates: dict[str, Rate] = {}
    judged: dict[int, ImportedArm] = {}
    apart, leaving = 0, []
    for experiment_id, members in tests.items():
        joined = [item for arm in members for item in arm.joined]
        others = earlier[experiment_id]
        every = [
            *(_readings(arm.post, arm.known) for arm in members),
            *(_readings(None, post) for post in others),
            *(_readings(None, item.known) for item in joined),
        ]
        test = known.tests.get(experiment_id)
        given: tuple[str | None, str | None] = (None, None)
        if test is not None and not corrects:
            given = (test.numerator, test.denominator)
        rate = _shared(every, history, given, is_said)
        if all(_has(readings, rate) for readings in every) and len(every) > 1:
            rates[experiment_id] = rate
            continue
        inside = [arm for arm in members if _has(_readings(arm.post, arm.known), rate)]
        joining = [item for item in joined if _has(_readings(None, item.known), rate)]
        gone = [post for post in others if not _has(_readings(None, post), rate)]
        apart += len(members) + len(joined) - len(inside) - len(joining)
        for arm in members:
            judged[id(arm)] = replace(
                arm, joined=(), experiment_id=None, is_apart=arm not in inside
            )
        if inside and (test is not None or len(inside) + len(joining) > 1):
            rates[experiment_id] = rate
            leaving += gone
            judged |= {id(arm): replace(arm, joined=()) for arm in inside}
            judged[id(inside[-1])] = replace(inside[-1], joined=tuple(joining))
    found = [judged.get(id(arm), arm) for arm in arms]
    return RatedTests(found, rates, apart, leaving)


_Readings = Sequence[Mapping[str, float]]


def _readings(post: FilePost | None, known: KnownPost | None) -> _Readings:
    """Return an arm's counts by reading time, from this file and all earlier ones."""
    return [
        *(row.counts for row in (post.rows if post is not None else ())),
        *(known.readings.values() if known is not None else ()),
    ]


def _has(readings: _Readings, rate: Rate) -> bool:
    return any(
        rate.numerator in counts and rate.denominator in counts for counts in readings
    )


def _shared(
    arms: Sequence[_Readings],
    history: ParsedHistory,
    given: tuple[str | None, str | None],
    is_said: bool,
) -> Rate:
    """Return the rate that most arms have; of equally common rates, the preferred one.

    A known test prefers its `given` rate, and a new test the file's rate. The preferred
    rate is replaced only if the most common one also covers an arm that lacks the
    preferred one's counts. If a person chose the file's rate (`is_said`), a new test
    always gets it.
    """

    def those_with(rate: Rate) -> set[int]:
        return {n for n, readings in enumerate(arms) if _has(readings, rate)}

    numerator, denominator = given
    if numerator is None or denominator is None:
        own = [Rate(history.numerator or "", name) for name in history.denominators]
        mine = max(own, key=lambda rate: len(those_with(rate)))
        if is_said:
            return mine
    else:
        mine = Rate(numerator, denominator)
    if len(those_with(mine)) == len(arms):
        return mine
    best = max(_candidates(mine), key=lambda rate: len(those_with(rate)))
    return mine if those_with(best) <= those_with(mine) else best


def _candidates(mine: Rate) -> Iterator[Rate]:
    """Yield the possible rates of a test in order of preference.

    If the numerator or denominator of `mine` is not in the default lists, a person
    chose `mine`, and it is the only candidate.
    """
    if mine.numerator not in NUMERATORS or mine.denominator not in DENOMINATORS:
        yield mine
        return
    for numerator in NUMERATORS:
        for denominator in DENOMINATORS:
            yield Rate(numerator, denominator)
