"""Sigma: the standard deviation between posts of the same words, from A/A pairs.

An experiment's sigma is fixed when it starts, since evidence under daily peeking needs
a known one. As a safe value, the upper bound of the estimate is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ig_assets.core.experiments.constants import UNKNOWN_SIGMA
from ig_assets.core.experiments.stats.e_values import Floats, pair_evidence
from ig_assets.warehouse.warehouse import Connection

MAX_SIGMA = 2.0
MIN_PAIRS = 10
"""Least number of pairs for an upper bound that says something about sigma."""
CONFIDENCE = 0.95

# Two posts of the same words (and image, where it is known), each post in one pair.
_PAIRS = """
WITH nearest AS (
    SELECT g.post_id, g.metric, g.value,
           row_number() OVER (
               PARTITION BY g.post_id, g.metric
               ORDER BY g.age_hours, g.as_of DESC, g.observed_at DESC
           ) AS recency
    FROM engagement AS g
    WHERE g.value IS NOT NULL
      AND (g.age_hours IS NULL OR g.age_hours >= ?)
),
figures AS (
    SELECT p.post_id, p.experiment_id, p.published_revision_hash AS words,
           CASE WHEN p.detail LIKE 'image:%' THEN p.detail ELSE '' END AS image,
           max(CASE WHEN n.metric = e.numerator THEN n.value END) AS events,
           max(CASE WHEN n.metric = e.denominator THEN n.value END) AS trials
    FROM posts AS p
    JOIN experiments AS e
      ON e.experiment_id = p.experiment_id
    JOIN nearest AS n
      ON n.post_id = p.post_id
    WHERE n.recency = 1
      AND e.randomised = ?
      AND e.simulated = ?
      AND p.published_revision_hash IS NOT NULL
    GROUP BY p.post_id, p.experiment_id, p.published_revision_hash, p.detail
),
numbered AS (
    SELECT *,
           row_number() OVER (
               PARTITION BY experiment_id, words, image
               ORDER BY post_id
           ) AS number
    FROM figures
)
SELECT x.events, x.trials, y.events, y.trials
FROM numbered AS x
JOIN numbered AS y
  ON y.experiment_id = x.experiment_id
 AND y.words = x.words
 AND y.image = x.image
 AND y.number = x.number + 1
WHERE x.number % 2 = 1
ORDER BY x.post_id
"""


@dataclass(frozen=True)
class SigmaEstimate:
    """Standard deviation between posts, log scale, over `pairs` with enough events.

    `upper` is its one-sided 95 % upper bound, which an experiment should use as its
    sigma.
    """

    pairs: int
    sigma: float
    upper: float


def estimate_sigma(
    events_a: npt.ArrayLike,
    trials_a: npt.ArrayLike,
    events_b: npt.ArrayLike,
    trials_b: npt.ArrayLike,
) -> SigmaEstimate:
    """Estimate sigma from pairs of posts of the same words that have enough events.

    Q(s) = sum d^2 / (V + 2 s^2) is chi-squared with one degree of freedom per pair at
    the true sigma. The estimate solves Q = pairs (Paule & Mandel 1982, with a mean of
    zero), the bound Q = its 5 % quantile (Viechtbauer 2007, "Q profile"), both within
    [0, MAX_SIGMA]. NaN without a usable pair.
    """
    from scipy.optimize import brentq
    from scipy.special import gammaincinv

    pairs = pair_evidence(events_a, trials_a, events_b, trials_b, 0.0)
    d, v = pairs.log_rate_ratio[pairs.enough], pairs.variance[pairs.enough]
    if not d.size:
        return SigmaEstimate(0, float("nan"), float("nan"))

    def excess(sigma: float, q: float) -> float:
        return float(np.sum(d**2 / (v + 2 * sigma**2))) - q

    def solve(q: float) -> float:
        if excess(0.0, q) <= 0:
            return 0.0
        if excess(MAX_SIGMA, q) >= 0:
            return MAX_SIGMA
        return float(brentq(excess, 0.0, MAX_SIGMA, args=(q,), xtol=1e-12))

    bound = 2 * float(gammaincinv(d.size / 2, 1 - CONFIDENCE))
    return SigmaEstimate(int(d.size), solve(float(d.size)), solve(bound))


def sigma_from_pairs(
    con: Connection, *, randomised: bool = False, simulated: bool = False
) -> SigmaEstimate:
    """Estimate sigma from the stored A/A pairs.

    A pair is two posts of an experiment with the same published words, each at its
    first reading from day 14 of age on, or at its final reading.
    """
    rows = con.execute(_PAIRS, [14 * 24.0, randomised, simulated]).fetchall()
    columns: Floats = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    return estimate_sigma(*columns)


def planned_sigma(
    con: Connection, setting: float | Literal["pairs"], *, simulated: bool
) -> float:
    """Return the sigma of new organic experiments.

    It is `setting` if that is a number. With "pairs" it is the upper bound from A/A
    pairs, or UNKNOWN_SIGMA if there are fewer than MIN_PAIRS.
    """
    if setting != "pairs":
        return setting
    found = sigma_from_pairs(con, simulated=simulated)
    return found.upper if found.pairs >= MIN_PAIRS else UNKNOWN_SIGMA
