"""Finds what a file adds to earlier imports: counts, and the state of its tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.history_import.identity.known_posts import KnownTest
from ig_assets.core.corpus.history_import.planning.arms import ImportedArm
from ig_assets.core.corpus.history_import.planning.experiments import has_other_terms
from ig_assets.core.corpus.history_import.planning.plan import ImportPlan
from ig_assets.core.corpus.history_import.planning.reading_times import (
    Reading,
    ReadingTime,
)
from ig_assets.core.identity import next_instant
from ig_assets.warehouse.warehouse import Connection

_STORED = """
    SELECT post_id, metric, as_of, value, observed_at
    FROM current_readings
    WHERE post_id IN (SELECT unnest(?::TEXT[]))
      AND age_hours IS NULL
"""

_Stored = dict[datetime, dict[str, tuple[float, datetime]]]


def new_readings(
    con: Connection, arms: Sequence[ImportedArm], time: ReadingTime, now: datetime
) -> list[dict[str, Any]]:
    """Return the rows to insert into `engagement`: readings that are not stored yet.

    A reading whose row or person gave its time is kept even if it repeats known counts.
    Any other reading is kept if one of its counts differs from the latest known one. A
    reading from before its post was published is skipped. If one arm of a test has a
    new reading, the latest reading of each of its other arms is kept too, so that all
    arms have a reading of the same file.
    """
    stored = _stored(con, [arm.post_id for arm in arms])
    tests: dict[str, list[ImportedArm]] = defaultdict(list)
    for arm in arms:
        tests[arm.experiment_id or arm.post_id].append(arm)
    rows: list[dict[str, Any]] = []
    for members in tests.values():
        news = [_news(arm, stored.get(arm.post_id, {}), time) for arm in members]
        is_read_again = any(news)
        for arm, found in zip(members, news, strict=True):
            times = stored.get(arm.post_id, {})
            if is_read_again and not found:
                latest = time.readings(arm.post)[-1]
                if not latest.is_before_the_post:
                    found = [(latest, dict(latest.row.counts))]
            for reading, counts in found:
                rows += _rows(arm, reading, counts, times, now)
    return rows


def _news(
    arm: ImportedArm, times: _Stored, time: ReadingTime
) -> list[tuple[Reading, dict[str, float]]]:
    """Return the readings of an arm that add counts, each with those counts."""
    latest: dict[str, float] = {}
    for as_of in sorted(times):
        latest |= {metric: value for metric, (value, _) in times[as_of].items()}
    found = []
    for reading in time.readings(arm.post):
        counts = reading.row.counts
        same = all(latest.get(name) == value for name, value in counts.items())
        if (same and not reading.is_own) or reading.is_before_the_post:
            continue
        known = times.get(reading.at, {})
        new = {n: v for n, v in counts.items() if n not in known or known[n][0] != v}
        if new:
            found.append((reading, new))
    return found


def _rows(
    arm: ImportedArm,
    reading: Reading,
    counts: Mapping[str, float],
    times: _Stored,
    now: datetime,
) -> list[dict[str, Any]]:
    known = times.get(reading.at, {})
    return [
        {
            "post_id": arm.post_id,
            "metric": metric,
            "as_of": reading.at,
            "observed_at": next_instant(now, known.get(metric, (0.0, None))[1]),
            "value": value,
            "age_hours": None,
        }
        for metric, value in counts.items()
    ]


def _stored(con: Connection, post_ids: Sequence[str]) -> dict[str, _Stored]:
    """Return {post_id: {reading time: {metric: (value, observed_at)}}}."""
    stored: dict[str, _Stored] = {}
    for post_id, metric, as_of, value, observed_at in con.execute(
        _STORED, [list(post_ids)]
    ).fetchall():
        times = stored.setdefault(post_id, {})
        times.setdefault(as_of, {})[metric] = (value, observed_at)
    return stored


def is_news(
    plan: ImportPlan,
    readings: Sequence[Mapping[str, Any]],
    known: Mapping[str, KnownTest],
) -> bool:
    """Return whether importing the same bytes again would change anything.

    These are changes: new counts or performance rows; another split, σ, rate, end or
    state (running or ended) of a test; arms that join or leave a test; another
    statement by a person about a test with a single arm; or the name of a post's test,
    which earlier versions did not store.
    """
    stated = [
        (experiment, known[experiment["experiment_id"]])
        for experiment in plan.experiments
        if experiment["experiment_id"] in known
    ]
    return (
        bool(readings or plan.performance)
        or any(
            has_other_terms(new, test)
            or new["is_running"] != test.is_running
            or new["ends_at"] != test.ends_at
            for new, test in stated
        )
        or any(arm.joined for arm in plan.arms)
        or bool(plan.leaving)
        or any(
            not arm.known.names.issuperset(arm.names)
            or (arm.known.split_given, arm.known.sigma_given)
            != (arm.split_given, arm.sigma_given)
            for arm in plan.arms
            if arm.is_lone and arm.known is not None
        )
    )
