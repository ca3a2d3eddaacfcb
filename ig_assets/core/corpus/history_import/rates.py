"""Chooses what each post is rated by: one numerator, and the denominator that it has.

Instagram reported impressions before 2025 and views since. A post is rated by its own
denominator, a test by one that its arms share; figures of two are never mixed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ig_assets.core.corpus.history_import.identity.file_posts import FilePost
from ig_assets.core.corpus.history_import.rows import ParsedHistory


@dataclass(frozen=True)
class RatedPosts:
    """The posts that have both counts of a rate, and how many are rated by what.

    `denominators` are those of tests, by the file's name of the test; `apart` posts
    lack that of their test and take no part in it; `unrated` ones have no rate.
    """

    posts: list[FilePost]
    denominators: Mapping[str, str]
    by_denominator: Mapping[str, int]
    apart: int
    unrated: int


def denominator_of(post: FilePost, history: ParsedHistory) -> str | None:
    """The first denominator with which the newest possible row has a rate."""
    for row in reversed(post.rows):
        if history.numerator in row.counts:
            for denominator in history.denominators:
                if denominator in row.counts:
                    return denominator
    return None


def rate_posts(
    posts: Sequence[FilePost], history: ParsedHistory, fixed: Mapping[str, str]
) -> RatedPosts:
    """Rate each post; one without its test's denominator takes no part in the test.

    `fixed` are the denominators of tests of earlier imports.
    """
    own = {id(post): denominator_of(post, history) for post in posts}
    tests: dict[str, list[FilePost]] = defaultdict(list)
    for post in posts:
        if post.experiment and own[id(post)] is not None:
            tests[post.experiment].append(post)
    denominators = {
        test: fixed.get(test) or _shared(arms, history) for test, arms in tests.items()
    }
    rated, apart = [], 0
    for post in posts:
        if own[id(post)] is None:
            continue
        denominator = denominators.get(post.experiment)
        if denominator and post.rated(history.numerator, denominator) is None:
            apart += 1
            post = replace(post, experiment="")
        rated.append(post)
    by_denominator = Counter(name for name in own.values() if name is not None)
    unrated = len(posts) - len(rated)
    return RatedPosts(rated, denominators, by_denominator, apart, unrated)


def _shared(arms: Sequence[FilePost], history: ParsedHistory) -> str:
    """The denominator that most arms have, the preferred one of several."""
    return max(
        history.denominators,
        key=lambda name: sum(
            post.rated(history.numerator, name) is not None for post in arms
        ),
    )
