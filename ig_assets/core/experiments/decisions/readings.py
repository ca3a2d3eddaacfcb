"""Reads events and trials of the arms, and interpolates them at whole days of age.

Counts between two readings are interpolated linearly. Before the first and after the
last reading there is no value; nothing is extrapolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ig_assets.core.experiments.stats.decision_rule import FINAL_DAY, Bools, Ints
from ig_assets.core.experiments.stats.e_values import Floats
from ig_assets.warehouse.warehouse import Connection

# Readings without an age are final: of these, the newest counts by the time of which
# both counters are known.
_READINGS = """
SELECT n.post_id, n.as_of, n.age_hours, n.value AS events, d.value AS trials,
       greatest(n.observed_at, d.observed_at) AS observed_at
FROM current_readings AS n
JOIN posts AS p
  ON p.post_id = n.post_id
JOIN experiments AS e
  ON e.experiment_id = p.experiment_id
 AND e.numerator = n.metric
JOIN current_readings AS d
  ON d.post_id = n.post_id
 AND d.metric = e.denominator
 AND d.as_of = n.as_of
WHERE e.status <> 'decided'
  AND n.age_hours IS NOT NULL
  AND n.value IS NOT NULL
  AND d.value IS NOT NULL
UNION ALL
SELECT f.post_id, f.as_of, NULL, f.events, f.trials, f.observed_at
FROM final_readings AS f
JOIN experiments AS e
  ON e.experiment_id = f.experiment_id
WHERE e.status <> 'decided'
ORDER BY post_id, as_of
"""


@dataclass(frozen=True)
class Readings:
    """Readings of events and trials, with facts about their experiments and arms.

    `arm`, `age_hours`, `events` and `trials` have one entry per reading, sorted by arm
    and age. `is_final` (experiments) marks those with final readings only (imports:
    readings without an age), which count as day 14. `last_as_of` and `last_observed`
    (arms) are the times of each arm's latest reading and of its storage, None without a
    reading.
    """

    arm: Ints
    age_hours: Floats
    events: Floats
    trials: Floats
    is_final: Bools
    last_as_of: list[datetime | None]
    last_observed: list[datetime | None]


def read_readings(con: Connection, post_ids: Sequence[str], starts: Ints) -> Readings:
    """Return the readings of undecided experiments.

    `post_ids` (arms) has the post of each arm. The arms of experiment i are `starts[i]`
    to `starts[i + 1] - 1`; `starts` has shape (experiments + 1). A reading without an
    age is ignored if its experiment has readings with an age.
    """
    number = {post_id: n for n, post_id in enumerate(post_ids)}
    last_as_of: list[datetime | None] = [None] * len(post_ids)
    last_observed: list[datetime | None] = [None] * len(post_ids)
    rows = []
    for post_id, as_of, age, events, trials, observed_at in con.execute(
        _READINGS
    ).fetchall():
        if (arm := number.get(post_id)) is not None:
            rows.append((arm, age, events, trials))
            last_as_of[arm], last_observed[arm] = as_of, observed_at
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)  # None becomes NaN
    of_arm, age = table[:, 0].astype(np.int64), table[:, 1]
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))[of_arm]
    has_readings, has_ages = np.zeros((2, len(starts) - 1), dtype=np.bool_)
    has_readings[owner] = True
    has_ages[owner[~np.isnan(age)]] = True
    is_final = has_readings & ~has_ages
    age = np.where(is_final[owner], 24.0 * FINAL_DAY, age)
    order = np.lexsort((np.arange(age.size), age, of_arm))
    order = order[~np.isnan(age[order])]
    events, trials = table[order, 2:].clip(0).T
    return Readings(
        of_arm[order], age[order], events, trials, is_final, last_as_of, last_observed
    )


def counts_at_days(readings: Readings) -> tuple[Floats, Floats]:
    """Return events and trials, each (arms, 14): interpolated at ages of whole days.

    The value is NaN at ages before the first or after the last reading.
    """
    days = np.arange(1, FINAL_DAY + 1)
    span = 1e6  # hours; more than any age, so that keys sort by arm, then age
    keys = readings.arm * span + readings.age_hours
    arm = np.arange(len(readings.last_as_of))[:, None]
    asked = arm * span + days[None, :] * 24.0
    if not keys.size:
        empty = np.full(asked.shape, np.nan)
        return empty, empty
    after = np.searchsorted(keys, asked, side="right")
    before = after - 1
    low, high = before.clip(0), after.clip(0, keys.size - 1)
    has_low = (before >= 0) & (readings.arm[low] == arm)
    exact = has_low & (keys[low] == asked)
    has_high = (after < keys.size) & (readings.arm[high] == arm)
    inside = has_low & has_high & ~exact
    width = np.where(inside, keys[high] - keys[low], 1.0)
    weight = np.where(inside, (asked - keys[low]) / width, 0.0)

    def between(values: Floats) -> Floats:
        mixed = values[low] + weight * (values[high] - values[low])
        return np.where(exact | inside, mixed, np.nan)

    return between(readings.events), between(readings.trials)
