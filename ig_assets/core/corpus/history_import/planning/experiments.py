"""Builds the experiments of a file with their terms: rate, split, σ, state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, TypedDict

from ig_assets.core.corpus.history_import.identity.known_posts import (
    SIGMA_DIGITS,
    TEST,
    KnownHistory,
    KnownPost,
    KnownTest,
    stored_test_name,
)
from ig_assets.core.corpus.history_import.planning.arms import ImportedArm
from ig_assets.core.corpus.history_import.planning.rates import RatedTests
from ig_assets.core.corpus.history_import.planning.reading_times import ReadingTime
from ig_assets.core.corpus.history_import.reading.rows import HistoryRow
from ig_assets.warehouse.warehouse import Connection

LIKES = "likes"

_LOOKED = """
SELECT experiment_id
FROM z_looks
WHERE list_contains(?::TEXT[], experiment_id)
"""


class ImportedExperiment(TypedDict):
    """A row of `experiments`; `intent_key` is the file's own name of the test."""

    experiment_id: str
    month: str | None
    topic_id: None
    segment: str
    numerator: str | None
    denominator: str | None
    randomised: bool
    sigma: float | None
    simulated: bool
    started_at: datetime | None
    ends_at: datetime | None
    is_running: bool
    status: str
    intent_key: str


@dataclass(frozen=True)
class Terms:
    """A person's statements about all tests of a file; None leaves a term to the file.

    `randomised` states that each test split one audience at random. `sigma` is the
    standard deviation between posts on the log scale; `organic_sigma` is the same for
    tests without a split. `running` states that the tests are not over, and `ends` when
    they end.
    """

    randomised: bool | None = None
    sigma: float | None = None
    organic_sigma: float | None = None
    running: bool = False
    ends: datetime | None = None


def with_statements(arms: Sequence[ImportedArm], terms: Terms) -> list[ImportedArm]:
    """Return the arms with people's statements about their test, present and earlier.

    The statements are stored with each arm, so that the order of the files does not
    matter. Of two statements the more cautious one holds: no split, and the larger σ.
    """
    found = []
    for arm in arms:
        splits = [arm.known.split_given] if arm.known is not None else []
        sigmas = [arm.known.sigma_given] if arm.known is not None else []
        if arm.post.experiment:
            splits.append(terms.randomised)
            given = terms.sigma
            sigmas.append(None if given is None else round(given, SIGMA_DIGITS))
        found.append(
            replace(arm, split_given=_careful(splits), sigma_given=_largest(sigmas))
        )
    return found


def make_experiments(
    arms: Sequence[ImportedArm],
    tests: RatedTests,
    terms: Terms,
    known: KnownHistory,
    time: ReadingTime,
) -> list[ImportedExperiment]:
    """Build one row per experiment of which the file has an arm.

    Split, σ, rate and start are derived from all known arms, also from those of earlier
    files, so that the order of the files does not matter.
    """
    grouped: dict[str, list[ImportedArm]] = defaultdict(list)
    for arm in arms:
        if arm.experiment_id is not None and arm.post.experiment:
            grouped[arm.experiment_id].append(arm)
    earlier: dict[str | None, list[KnownPost]] = defaultdict(list)
    leaving = {post.post_id for post in tests.leaving}
    for post in known.posts:
        if post.post_id not in leaving:
            earlier[post.experiment_id].append(post)
    experiments = []
    for experiment_id, members in grouped.items():
        rows = [arm.row for arm in members]
        test = known.tests.get(experiment_id)
        every = _every_arm(members, earlier[experiment_id])
        days = [arm.posted_on for arm in every if arm.posted_on]
        started_at = min(days, default=None)
        rate = tests.rates[experiment_id]
        randomised = _careful([arm.split_given for arm in every])
        if randomised is None:
            randomised = _may_be_split(every, rate.numerator)
        sigma = _largest([arm.sigma_given for arm in every])
        if sigma is None:
            sigma = _usual_sigma(randomised, test, terms)
        ends_at, is_running = _state(members, terms, test, time)
        name = members[0].post.experiment
        experiments.append(
            ImportedExperiment(
                experiment_id=experiment_id,
                month=f"{started_at:%Y-%m}" if started_at else None,
                topic_id=None,
                segment="history",
                numerator=rate.numerator,
                denominator=rate.denominator,
                randomised=randomised,
                sigma=sigma,
                simulated=any(row.simulated for row in rows),
                started_at=started_at,
                ends_at=ends_at,
                is_running=is_running,
                status="running",
                intent_key=stored_test_name(name),
            )
        )
    return experiments


def judged_anew(
    experiments: Sequence[ImportedExperiment], known: Mapping[str, KnownTest]
) -> list[str]:
    """Return the ids of known tests that are decided again.

    Their split, σ or rate has changed.
    """
    return [
        new["experiment_id"]
        for new in experiments
        if (test := known.get(new["experiment_id"])) is not None
        and has_other_terms(new, test)
    ]


def has_other_terms(new: ImportedExperiment, test: KnownTest) -> bool:
    """Return whether the split, σ or rate of a known test has changed."""
    if has_other_rate(new, test):
        return True
    before, now = test.sigma, new["sigma"]
    if new["randomised"] != test.randomised or before is None or now is None:
        return (new["randomised"], now) != (test.randomised, before)
    return round(now - before, SIGMA_DIGITS) != 0.0


def has_other_rate(new: ImportedExperiment, test: KnownTest) -> bool:
    """Return whether the numerator or denominator of a known test has changed."""
    rate = (new["numerator"], new["denominator"])
    return rate != (test.numerator, test.denominator)


def looked_at(con: Connection, experiments: Sequence[ImportedExperiment]) -> set[str]:
    """Return the ids of those experiments whose one permitted z-test has been used."""
    ids = [experiment["experiment_id"] for experiment in experiments]
    return {found for (found,) in con.execute(_LOOKED, [ids]).fetchall()}


class _Arm(NamedTuple):
    """The data of one arm from which the split and σ of its test are derived."""

    posted_on: datetime | None
    has_own_post: bool
    split_given: bool | None
    sigma_given: float | None


def _every_arm(
    members: Sequence[ImportedArm], earlier: Sequence[KnownPost]
) -> list[_Arm]:
    """Return all arms of a test: the file's, those known, and known posts that join."""
    found = {}
    for arm in members:
        known = arm.known
        names = {*arm.names, *(known.names if known is not None else ())}
        posted_on = known.posted_on if known is not None else None
        found[arm.post_id] = _Arm(
            posted_on or arm.row.posted_on,
            any(name.kind != TEST for name in names),
            arm.split_given,
            arm.sigma_given,
        )
    joined = [known for arm in members for known, _ in arm.joined]
    for post in (*joined, *earlier):
        if post.post_id not in found:
            found[post.post_id] = _Arm(
                post.posted_on,
                any(name.kind != TEST for name in post.names),
                post.split_given,
                post.sigma_given,
            )
    return list(found.values())


def _may_be_split(arms: Sequence[_Arm], numerator: str | None) -> bool:
    """Return whether the arms may be shares of one audience that was divided at random.

    They cannot be if they ran on different days, if one of them has a vendor's name and
    thus is a post of its own, or if they are rated by likes, which belong to a whole
    post.
    """
    return (
        len({arm.posted_on for arm in arms}) == 1
        and numerator != LIKES
        and not any(arm.has_own_post for arm in arms)
    )


def _usual_sigma(
    randomised: bool, test: KnownTest | None, terms: Terms
) -> float | None:
    """Return the σ of a test for which no person stated one.

    It is 0 if the test split one audience. Otherwise a known test keeps its σ, and a
    new test gets `terms.organic_sigma`.
    """
    if randomised:
        return 0.0
    if test is not None and not test.randomised:
        return test.sigma
    return terms.organic_sigma


def _careful(said: Sequence[bool | None]) -> bool | None:
    """Combine statements about a split: return False if any is False, else True.

    Returns None if every statement is None.
    """
    known = [value for value in said if value is not None]
    return all(known) if known else None


def _largest(said: Sequence[float | None]) -> float | None:
    return max((value for value in said if value is not None), default=None)


def _state(
    arms: Sequence[ImportedArm],
    terms: Terms,
    known: KnownTest | None,
    time: ReadingTime,
) -> tuple[datetime | None, bool]:
    """Return (end of a test or None, whether it ran at its latest reading).

    Values in the file's columns override what a person states about the whole file. If
    the file is older than the known readings, neither is used, except for `terms.ends`;
    a known test otherwise keeps its end and state.
    """
    is_older = known is not None and _is_older(arms, time)
    rows = [] if is_older else [arm.row for arm in arms]
    given = [row.is_running for row in rows if row.is_running is not None]
    ends = [row.ends_on for row in rows if row.ends_on is not None]
    ends_at = max(ends, default=terms.ends or (known.ends_at if known else None))
    if known is not None and is_older and terms.ends is None:
        return ends_at, known.is_running
    if given:
        return ends_at, any(given)
    if terms.running and not is_older:
        return ends_at, True
    if ends_at is None:
        return None, False
    latest = [_as_known(arm) if is_older else arm.row for arm in arms]
    return ends_at, any(time.is_before(row, ends_at) for row in latest)


def _as_known(arm: ImportedArm) -> HistoryRow:
    """Return the arm's row, with the latest known reading time if there is one."""
    read_at = arm.known.read_at if arm.known is not None else None
    return arm.row if read_at is None else replace(arm.row, read_at=read_at)


def _is_older(arms: Sequence[ImportedArm], time: ReadingTime) -> bool:
    """Return whether some arm has a known reading that is later than the file."""
    read = max(time.readings(arm.post)[-1].at for arm in arms)
    return any(
        arm.known is not None
        and arm.known.experiment_id is not None
        and arm.known.read_at is not None
        and arm.known.read_at > read
        for arm in arms
    )
