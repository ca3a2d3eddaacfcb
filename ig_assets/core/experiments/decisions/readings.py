"""The undecided experiments' readings as arrays, and their counts at whole days of age.

Arms are numbered through all experiments, sorted by experiment; columns are whole
days of age 1 to 14. Counts between two readings are interpolated linearly; before
the first and after the last reading there is no figure (never extrapolated).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from ig_assets.core.experiments.constants import UNKNOWN_SIGMA
from ig_assets.core.experiments.stats.decision_rule import FINAL_DAY, Bools, Ints
from ig_assets.core.experiments.stats.e_values import MIN_EVENTS, Floats
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

LAST_WORD = timedelta(days=28)
TICK = timedelta(microseconds=1)

_ARMS = """
SELECT e.experiment_id, e.sigma, e.randomised, e.ends_at,
       p.arm, p.post_id, p.variant_id, p.script_id, p.published_at,
       p.published_revision_hash AS revision_hash, p.status
FROM experiments AS e
LEFT JOIN posts AS p
  ON p.experiment_id = e.experiment_id
 AND p.status IS DISTINCT FROM 'failed'
 AND p.duplicate_of IS NULL
WHERE e.status <> 'decided'
ORDER BY e.experiment_id, p.arm, p.post_id
"""

# A reading without an age is a final one, whenever it was told: there is one a count.
_READINGS = """
WITH aged AS (
    SELECT *, CASE WHEN age_hours IS NOT NULL THEN as_of END AS reading
    FROM engagement
),
latest AS (
    SELECT g.post_id, g.metric, g.reading, g.as_of, g.observed_at, g.age_hours,
           g.value, e.numerator, e.denominator,
           row_number() OVER (
               PARTITION BY g.post_id, g.metric, g.reading
               ORDER BY g.observed_at DESC, g.as_of DESC
           ) AS recency
    FROM aged AS g
    JOIN posts AS p
      ON p.post_id = g.post_id
    JOIN experiments AS e
      ON e.experiment_id = p.experiment_id
    WHERE e.status <> 'decided'
      AND g.metric IN (e.numerator, e.denominator)
)
SELECT n.post_id, greatest(n.as_of, d.as_of) AS as_of, n.age_hours,
       n.value AS events, d.value AS trials,
       greatest(n.observed_at, d.observed_at) AS observed_at
FROM latest AS n
JOIN latest AS d
  ON d.post_id = n.post_id
 AND d.reading IS NOT DISTINCT FROM n.reading
WHERE n.recency = 1
  AND d.recency = 1
  AND n.metric = n.numerator
  AND d.metric = d.denominator
  AND n.value IS NOT NULL
  AND d.value IS NOT NULL
ORDER BY n.post_id, n.as_of
"""

# `z` is that of the first final look with events enough: the one look it is good for.
_SEEN = """
SELECT s.experiment_id, s.arm_a, s.arm_b,
       max(coalesce(s.age_days, 0)) AS age_days,
       max(s.data_through) AS data_through,
       arg_min(s.z, s.data_through) FILTER (
           WHERE s.final_look
             AND s.events_a >= ?
             AND s.events_b >= ?
       ) AS z,
       max(s.max_log_e) AS max_log_e,
       max(CASE WHEN s.log_rate_ratio > 0 THEN s.log_e ELSE 0 END) AS for_a,
       max(CASE WHEN s.log_rate_ratio < 0 THEN s.log_e ELSE 0 END) AS for_b
FROM evidence AS s
JOIN experiments AS e
  ON e.experiment_id = s.experiment_id
WHERE e.status <> 'decided'
GROUP BY s.experiment_id, s.arm_a, s.arm_b
"""


@dataclass(frozen=True)
class UndecidedExperiments:
    """Undecided experiments and their arms with readings, ragged arrays flattened.

    `starts` (experiments + 1) delimits each experiment's arms. Readings are sorted
    by arm and age. `declared` marks final readings of equal age by declaration
    (history: no age), which stand at day 14. `seen` is what earlier looks left; what
    is declared and was seen is looked at again, for newer counts or another arm.
    """

    ids: list[str]
    sigma: Floats
    ends_at: list[datetime | None]
    starts: Ints
    arms: list[str]
    posts: list[dict[str, Any]]
    declared: Bools
    reading_arm: Ints
    reading_age: Floats
    reading_events: Floats
    reading_trials: Floats
    last_as_of: list[datetime | None]
    last_observed: list[datetime | None]
    read_until: datetime | None
    seen: dict[tuple[str, str, str], dict[str, Any]]
    seen_through: dict[str, datetime]

    def arms_of(self, i: int) -> range:
        """The numbers of experiment `i`'s arms."""
        return range(int(self.starts[i]), int(self.starts[i + 1]))

    def data_through(self, i: int, day: int) -> datetime | None:
        """When the youngest arm reached that age, or the last declared reading.

        A declared reading keeps its date when its count grows: a second look at it
        goes by when it was told, and is later than the first in any case.
        """
        if self.declared[i]:
            before = self.seen_through.get(self.ids[i])
            told = self.last_as_of if before is None else self.last_observed
            times = [told[a] for a in self.arms_of(i)]
            if before is not None:
                times.append(before + TICK)
            return max((t for t in times if t is not None), default=None)
        births = [self.posts[a]["published_at"] for a in self.arms_of(i)]
        known = [b for b in births if b is not None]
        return max(known) + timedelta(days=day) if known else None

    def is_over(self, i: int, now: datetime) -> bool:
        """Whether experiment `i` can get no further comparable reading.

        That is 28 days after its start or its last post, whichever is later. The
        clock alone does not end an experiment with posts: engagement must have
        been read that far, so that a backfill is not overtaken by the present.
        """
        end = self.ends_at[i]
        if self.declared[i] or end is None:
            return True
        posts = [self.posts[a] for a in self.arms_of(i)]
        if any(p["status"] in ("approved", "ambiguous") for p in posts):
            return False
        births = [p["published_at"] for p in posts if p["published_at"] is not None]
        if len(births) < len(posts) or not posts:
            return now >= end
        if self.read_until is None:
            return False
        last = max(end, max(births) + LAST_WORD)
        return bool(min(now, self.read_until) >= last)


def load_undecided(con: Connection) -> UndecidedExperiments:
    """Read all that is undecided in four statements."""
    rows = fetch_dicts(con, _ARMS)
    ids: list[str] = []
    sizes: list[int] = []
    sigma: list[float] = []
    ends_at: list[datetime | None] = []
    posts: list[dict[str, Any]] = []
    for row in rows:
        if not ids or ids[-1] != row["experiment_id"]:
            ids.append(row["experiment_id"])
            sizes.append(0)
            unknown = 0.0 if row["randomised"] else UNKNOWN_SIGMA
            sigma.append(unknown if row["sigma"] is None else row["sigma"])
            ends_at.append(row["ends_at"])
        if row["post_id"] is not None:
            sizes[-1] += 1
            posts.append(row)
    starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)
    number = {post["post_id"]: arm for arm, post in enumerate(posts)}
    readings = [
        (number[post_id], age, events, trials, as_of, observed_at)
        for post_id, as_of, age, events, trials, observed_at in con.execute(
            _READINGS
        ).fetchall()
        if post_id in number
    ]
    arm = np.array([r[0] for r in readings], dtype=np.int64)
    age = np.array([np.nan if r[1] is None else r[1] for r in readings], np.float64)
    owner = np.repeat(np.arange(len(ids)), sizes)
    aged = np.zeros(len(ids), dtype=np.bool_)
    aged[owner[arm[~np.isnan(age)]]] = True
    read = np.zeros(len(ids), dtype=np.bool_)
    read[owner[arm]] = True
    declared = read & ~aged
    age = np.where(declared[owner[arm]], 24.0 * FINAL_DAY, age)
    order = np.lexsort((np.arange(arm.size), age, arm))
    order = order[~np.isnan(age[order])]
    last_as_of: list[datetime | None] = [None] * len(posts)
    last_observed: list[datetime | None] = [None] * len(posts)
    for reading in readings:
        last_as_of[reading[0]], last_observed[reading[0]] = reading[4:]
    seen = fetch_dicts(con, _SEEN, [MIN_EVENTS] * 2)
    seen_through: dict[str, datetime] = {}
    for row in (row for row in seen if row["data_through"] is not None):
        last = seen_through.get(row["experiment_id"], row["data_through"])
        seen_through[row["experiment_id"]] = max(last, row["data_through"])
    ((read_until,),) = con.execute(
        "SELECT max(as_of) FROM engagement WHERE age_hours IS NOT NULL"
    ).fetchall()
    return UndecidedExperiments(
        ids=ids,
        sigma=np.array(sigma, dtype=np.float64),
        ends_at=ends_at,
        starts=starts,
        arms=[post["arm"] for post in posts],
        posts=posts,
        declared=declared,
        reading_arm=arm[order],
        reading_age=age[order],
        reading_events=np.array([r[2] for r in readings], np.float64)[order].clip(0),
        reading_trials=np.array([r[3] for r in readings], np.float64)[order].clip(0),
        last_as_of=last_as_of,
        last_observed=last_observed,
        read_until=read_until,
        seen={(row["experiment_id"], row["arm_a"], row["arm_b"]): row for row in seen},
        seen_through=seen_through,
    )


def counts_at_days(ex: UndecidedExperiments) -> tuple[Floats, Floats]:
    """Events and trials of shape (arms, 14), NaN where an age was not reached.

    Both counts are interpolated between the readings around the day's exact age.
    """
    days = np.arange(1, FINAL_DAY + 1)
    span = 1e6  # hours; more than any age, so that keys sort by arm, then age
    keys = ex.reading_arm * span + ex.reading_age
    asked = np.arange(len(ex.arms))[:, None] * span + days[None, :] * 24.0
    if not keys.size:
        empty = np.full(asked.shape, np.nan)
        return empty, empty
    after = np.searchsorted(keys, asked, side="right")
    before = after - 1
    low, high = before.clip(0), after.clip(0, keys.size - 1)
    arm = np.arange(len(ex.arms))[:, None]
    has_low = (before >= 0) & (ex.reading_arm[low] == arm)
    exact = has_low & (keys[low] == asked)
    has_high = (after < keys.size) & (ex.reading_arm[high] == arm)
    inside = has_low & has_high & ~exact
    width = np.where(inside, keys[high] - keys[low], 1.0)
    weight = np.where(inside, (asked - keys[low]) / width, 0.0)

    def between(values: Floats) -> Floats:
        mixed = values[low] + weight * (values[high] - values[low])
        return np.where(exact | inside, mixed, np.nan)

    return between(ex.reading_events), between(ex.reading_trials)
