"""Chooses the rate of each post and test: a numerator and a denominator.

Instagram reported impressions before 2025 and views since. A post is rated by the
denominator it has, a test by a rate that its arms share, from whichever files the arms
came; figures with different denominators are never mixed. An arm without the counts of
its test's rate is left out of the test. It comes back when a file brings these counts,
or when a file brings arms that make another rate the commonest.
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
    """The posts that have a rate, and {denominator: number of posts rated by it}.

    `unrated` is the number of posts without a rate.
    """

    posts: list[FilePost]
    by_denominator: Mapping[str, int]
    unrated: int


@dataclass(frozen=True)
class RatedTests:
    """The arms of a file, and the rate of each test by experiment id.

    `apart` is the number of arms, of this file or waiting from earlier ones, that lack
    the counts of their test's rate. `leaving` are arms of earlier files that lack the
    counts of a rate that their test gets now.
    """

    arms: list[ImportedArm]
    rates: Mapping[str, Rate]
    apart: int
    leaving: list[KnownPost]


def denominator_of(post: FilePost, history: ParsedHistory) -> str | None:
    """Return the preferred denominator of the newest row that has a rate, or None."""
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
    """Choose the rate of each test from the counts of all its arms, in any file.

    Arms that lack these counts are set apart. `is_said` is true if a person chose the
    file's rate; a new test then gets no other rate, and with `corrects` a known test
    gets none either. A new test with fewer than two arms left is no experiment.
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
    """Return the counts of an arm at each of its reading times, in all files."""
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

    A known test keeps its `given` rate, and a new one gets the file's, unless the
    commonest rate covers an arm that lacks those counts. If a person chose the file's
    rate (`is_said`), a new test always gets it.
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

    If `mine` has a numerator or denominator outside the lists of defaults, a person
    chose it; then `mine` is the only candidate.
    """
    if mine.numerator not in NUMERATORS or mine.denominator not in DENOMINATORS:
        yield mine
        return
    for numerator in NUMERATORS:
        for denominator in DENOMINATORS:
            yield Rate(numerator, denominator)
