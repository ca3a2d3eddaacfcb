"""The experiments of a file and their terms: the rate, the split, whether they run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict

from ig_assets.core.corpus.history_import.arms import ImportedArm
from ig_assets.core.corpus.history_import.identity.known_posts import (
    TEST,
    KnownTest,
    stored_test_name,
)
from ig_assets.core.corpus.history_import.reading_times import ReadingTime
from ig_assets.core.corpus.history_import.rows import HistoryRow
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
    """What a person says of the tests; None where the file decides.

    `sigma` is the standard deviation from post to post, log scale; `organic_sigma`
    that of tests without a split, None where it is unknown.
    """

    randomised: bool | None = None
    sigma: float | None = None
    organic_sigma: float | None = None
    running: bool = False
    ends: datetime | None = None


def make_experiments(
    arms: Sequence[ImportedArm],
    numerator: str | None,
    denominators: Mapping[str, str],
    terms: Terms,
    known: Mapping[str, KnownTest],
    time: ReadingTime,
) -> list[ImportedExperiment]:
    """One row per experiment of the file, whatever number of its arms the file has."""
    grouped: dict[str, list[ImportedArm]] = defaultdict(list)
    for arm in arms:
        if arm.experiment_id is not None and arm.post.experiment:
            grouped[arm.experiment_id].append(arm)
    experiments = []
    for experiment_id, members in grouped.items():
        rows = [arm.row for arm in members]
        joined = [known for arm in members for known, _ in arm.joined]
        days = [r.posted_on for r in rows] + [k.posted_on for k in joined]
        started_at = min((day for day in days if day), default=None)
        randomised = terms.randomised
        if randomised is None:
            randomised = _may_be_split(members, numerator)
        sigma = terms.sigma
        if sigma is None:
            sigma = 0.0 if randomised else terms.organic_sigma
        ends_at, is_running = _state(members, terms, known.get(experiment_id), time)
        test = members[0].post.experiment
        experiments.append(
            ImportedExperiment(
                experiment_id=experiment_id,
                month=f"{started_at:%Y-%m}" if started_at else None,
                topic_id=None,
                segment="history",
                numerator=numerator,
                denominator=denominators.get(test),
                randomised=randomised,
                sigma=sigma,
                simulated=any(row.simulated for row in rows),
                started_at=started_at,
                ends_at=ends_at,
                is_running=is_running,
                status="running",
                intent_key=stored_test_name(test),
            )
        )
    return experiments


def looked_at(con: Connection, experiments: Sequence[ImportedExperiment]) -> set[str]:
    """The ids of those whose single look on z is spent."""
    ids = [experiment["experiment_id"] for experiment in experiments]
    return {found for (found,) in con.execute(_LOOKED, [ids]).fetchall()}


def _may_be_split(arms: Sequence[ImportedArm], numerator: str | None) -> bool:
    """Whether one audience may have been divided among these arms.

    Not where they ran at different times, where each is a post with an id of its own,
    and where they are rated by likes, which belong to a post and not to a share of an
    audience.
    """
    joined = [known for arm in arms for known, _ in arm.joined]
    dates = {arm.row.posted_on for arm in arms} | {k.posted_on for k in joined}
    return (
        len(dates) == 1
        and numerator != LIKES
        and not any(arm.post.names for arm in arms)
        and not any(name.kind != TEST for known in joined for name in known.names)
    )


def _state(
    arms: Sequence[ImportedArm],
    terms: Terms,
    known: KnownTest | None,
    time: ReadingTime,
) -> tuple[datetime | None, bool]:
    """When a test ends, as far as is known, and whether its readings are from before.

    The file's own column is heard before what is said of the whole file, but neither of
    an older file than the ones before, which says how the test stood then.
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
    """The arm's row as of its newest known reading."""
    read_at = arm.known.read_at if arm.known is not None else None
    return arm.row if read_at is None else replace(arm.row, read_at=read_at)


def _is_older(arms: Sequence[ImportedArm], time: ReadingTime) -> bool:
    """Whether the file's readings are from before known ones of the same test."""
    read = max(time.readings(arm.post)[-1].at for arm in arms)
    return any(
        arm.known is not None
        and arm.known.experiment_id is not None
        and arm.known.read_at is not None
        and arm.known.read_at > read
        for arm in arms
    )
