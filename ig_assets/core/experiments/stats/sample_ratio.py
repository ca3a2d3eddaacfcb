"""Sample-ratio mismatch: whether a randomised audience was divided as planned.

Only for randomised experiments: unequal organic reach is an outcome, not a fault.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from ig_assets.core.experiments.stats.e_values import Floats
from ig_assets.warehouse.warehouse import Connection

CONCENTRATION = 1000.0
E_ALARM = 100.0
LOG_E_ALARM = math.log(E_ALARM)

_SPLITS = """
SELECT s.experiment_id, s.data_through, s.arm, max(s.trials) AS trials
FROM (
    SELECT experiment_id, data_through, arm_a AS arm, trials_a AS trials
    FROM evidence
    UNION ALL
    SELECT experiment_id, data_through, arm_b, trials_b
    FROM evidence
) AS s
JOIN experiments AS e
  ON e.experiment_id = s.experiment_id
WHERE e.randomised
  AND (?::TEXT[] IS NULL OR list_contains(?::TEXT[], e.experiment_id))
GROUP BY s.experiment_id, s.data_through, s.arm
ORDER BY s.experiment_id, s.data_through, s.arm
"""


@dataclass(frozen=True)
class AudienceShares:
    """A randomised experiment: trials by arm at the look where `log_e` was highest."""

    experiment_id: str
    trials: dict[str, float]
    log_e: float

    @property
    def alarms(self) -> bool:
        """Whether shares so uneven are beyond chance (at most 1 in 100 are)."""
        return self.log_e >= LOG_E_ALARM


def audience_shares(
    con: Connection, experiment_ids: Sequence[str] | None = None
) -> list[AudienceShares]:
    """The shares of evaluated randomised experiments (all, or these), planned equal."""
    ids = None if experiment_ids is None else list(experiment_ids)
    rows = con.execute(_SPLITS, [ids, ids]).fetchall()
    looks = [
        (experiment, {arm: trials for _, _, arm, trials in group})
        for (experiment, _), group in groupby(rows, key=lambda row: row[:2])
    ]
    evidence = np.zeros(len(looks))
    sizes = np.array([len(trials) for _, trials in looks])
    for size in np.unique(sizes):
        which = np.flatnonzero(sizes == size)
        table = [list(looks[i][1].values()) for i in which]
        evidence[which] = sample_ratio_log_e(table)
    worst: dict[str, AudienceShares] = {}
    for (experiment, trials), log_e in zip(looks, evidence, strict=True):
        if experiment not in worst or log_e > worst[experiment].log_e:
            worst[experiment] = AudienceShares(experiment, trials, float(log_e))
    return list(worst.values())


def sample_ratio_log_e(
    trials: npt.ArrayLike,
    shares: npt.ArrayLike | None = None,
    *,
    concentration: float = CONCENTRATION,
) -> Floats:
    """ln e against the planned split of trials (..., A); (...) is the result's shape.

    The likelihood of the counts under shares drawn from a Dirichlet distribution
    around the planned ones, over that under the planned ones themselves (equal where
    `shares` (A) is not given): a martingale of the assignments, so it is
    valid at every look (Lindon & Malek 2022, "Anytime-valid inference for multinomial
    count data"). With N trials, concentration K and planned share p_i of arm i:
    e = G(K) / G(K + N) * prod_i G(K p_i + n_i) / (G(K p_i) p_i^n_i), G the gamma
    function. An arm with NaN trials is left out of the plan as well.
    """
    from scipy.special import gammaln

    n = np.asarray(trials, dtype=np.float64)
    there = ~np.isnan(n)
    planned = np.where(there, 1.0 if shares is None else np.asarray(shares), 0.0)
    with np.errstate(all="ignore"):
        p = planned / planned.sum(axis=-1, keepdims=True)
        prior = concentration * p
        arms = gammaln(prior + n) - gammaln(prior) - n * np.log(p)
    total = np.where(there, n, 0.0).sum(axis=-1)
    log_e = gammaln(concentration) - gammaln(concentration + total)
    return np.asarray(log_e + np.where(there, arms, 0.0).sum(axis=-1), np.float64)
