"""Reads the trajectory of experiments: rates and evidence at each look, by age."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ig_assets.core.experiments.constants import UNKNOWN_SIGMA
from ig_assets.core.experiments.stats.decision_rule import FINAL_DAY
from ig_assets.core.experiments.stats.e_values import LARGEST_LOG_E, Floats
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

Z_95 = 1.959963984540054

_LOOKS = """
SELECT s.experiment_id, s.arm_a, s.arm_b, s.age_days, s.events_a, s.trials_a,
       s.events_b, s.trials_b, s.ahead_arm, s.log_e_ahead,
       CASE WHEN s.data_through = k.data_through THEN s.z END AS z,
       s.data_through = k.data_through AND s.corrections_a + s.corrections_b < max(
           s.corrections_a + s.corrections_b
       ) OVER (PARTITION BY s.experiment_id, s.arm_a, s.arm_b) AS z_is_void,
       e.sigma, e.randomised
FROM sided_evidence AS s
JOIN experiments AS e
  ON e.experiment_id = s.experiment_id
LEFT JOIN z_looks AS k
  ON k.experiment_id = s.experiment_id
WHERE list_contains(?::TEXT[], s.experiment_id)
ORDER BY s.experiment_id, s.arm_a, s.arm_b, s.data_through
"""


@dataclass(frozen=True)
class ArmCourse:
    """An arm's cumulative rate at days of age; all arrays have shape (looks).

    `low` and `high` are the 95 % interval of the rate of the arm's text, valid for a
    single look. It is computed on the log scale from the counts' sampling variance and
    the variance between posts (sigma).
    """

    arm: str
    days: Floats
    rate: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class PairCourse:
    """The evidence between two arms at each look, for the arm that was ahead then.

    `e_ahead` (looks) is the running maximum of e over the looks at which the same arm
    was ahead, at least 1. `ahead` is the arm ahead at the last look, None if rates tie.
    `z` (a over b) is from the experiment's single z-test, None if there was none.
    `z_is_void` is true if this z no longer counts, since a final count was lowered
    afterwards.
    """

    arm_a: str
    arm_b: str
    days: Floats
    e_ahead: Floats
    ahead: str | None
    z: float | None
    z_is_void: bool = False


@dataclass(frozen=True)
class Course:
    """All looks at one experiment; `is_final` is true for counts without an age."""

    experiment_id: str
    is_final: bool
    arms: tuple[ArmCourse, ...]
    pairs: tuple[PairCourse, ...]


def courses(con: Connection, experiment_ids: Sequence[str]) -> list[Course]:
    """Return the trajectories of evaluated experiments, in the order of the ids."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in fetch_dicts(con, _LOOKS, [list(experiment_ids)]):
        grouped.setdefault(row["experiment_id"], []).append(row)
    return [_course(key, grouped[key]) for key in experiment_ids if key in grouped]


def _course(experiment_id: str, rows: list[dict[str, Any]]) -> Course:
    sigma = rows[0]["sigma"]
    if sigma is None:
        sigma = 0.0 if rows[0]["randomised"] else UNKNOWN_SIGMA
    counts: dict[str, dict[float, tuple[float, float]]] = {}
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        day = _day(row)
        pairs.setdefault((row["arm_a"], row["arm_b"]), []).append(row)
        counts.setdefault(row["arm_a"], {})[day] = row["events_a"], row["trials_a"]
        counts.setdefault(row["arm_b"], {})[day] = row["events_b"], row["trials_b"]
    return Course(
        experiment_id=experiment_id,
        is_final=rows[-1]["age_days"] is None,
        arms=tuple(_arm(arm, counts[arm], sigma) for arm in sorted(counts)),
        pairs=tuple(
            PairCourse(
                arm_a=a,
                arm_b=b,
                days=np.array([_day(look) for look in looks]),
                e_ahead=np.exp(
                    [min(look["log_e_ahead"], LARGEST_LOG_E) for look in looks]
                ),
                ahead=looks[-1]["ahead_arm"],
                z=next((k["z"] for k in looks if k["z"] is not None), None),
                z_is_void=any(look["z_is_void"] for look in looks),
            )
            for (a, b), looks in sorted(pairs.items())
        ),
    )


def _arm(arm: str, counts: dict[float, tuple[float, float]], sigma: float) -> ArmCourse:
    days = np.array(sorted(counts))
    events, trials = np.array([counts[day] for day in days], np.float64).T
    with np.errstate(all="ignore"):
        rate = np.where(trials > 0, events / trials, np.nan)
        sampling = np.where(events > 0, (1 - rate) / events, np.nan)
        half = Z_95 * np.sqrt(np.maximum(sampling, 0) + sigma**2)
    return ArmCourse(arm, days, rate, rate * np.exp(-half), rate * np.exp(half))


def _day(row: dict[str, Any]) -> float:
    age = row["age_days"]
    return float(FINAL_DAY) if age is None or math.isnan(age) else float(age)
