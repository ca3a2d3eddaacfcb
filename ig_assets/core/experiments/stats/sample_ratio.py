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

# The counts of the first look that has the evidence of the latest judged look.
_SPLITS = """
SELECT s.experiment_id, s.arm, max(s.trials) AS trials, t.log_e
FROM (
    SELECT experiment_id, data_through, arm_a AS arm, trials_a AS trials
    FROM evidence
    UNION ALL
    SELECT experiment_id, data_through, arm_b, trials_b
    FROM evidence
) AS s
JOIN (
    SELECT k.experiment_id, min(k.data_through) AS data_through,
           any_value(k.split_log_e) AS log_e
    FROM standings AS k
    JOIN judged_splits AS j
      ON j.experiment_id = k.experiment_id
     AND j.split_log_e = k.split_log_e
    GROUP BY k.experiment_id
) AS t
  ON t.experiment_id = s.experiment_id
 AND t.data_through = s.data_through
WHERE (?::TEXT[] IS NULL OR list_contains(?::TEXT[], s.experiment_id))
GROUP BY s.experiment_id, s.arm, t.log_e
ORDER BY s.experiment_id, s.arm
"""


@dataclass(frozen=True)
class AudienceShares:
    """A randomised experiment's trials by arm, and the evidence of uneven shares.

    `log_e` is the highest value over days of age, or the value at the latest final
    reading; `trials` are from the same look.
    """

    experiment_id: str
    trials: dict[str, float]
    log_e: float

    @property
    def alarms(self) -> bool:
        """Return whether the shares are uneven beyond chance (e >= 100)."""
        return self.log_e >= LOG_E_ALARM


def audience_shares(
    con: Connection, experiment_ids: Sequence[str] | None = None
) -> list[AudienceShares]:
    """Return the shares of evaluated randomised experiments.

    `experiment_ids` restricts the experiments if given. The planned shares are equal.
    """
    ids = None if experiment_ids is None else list(experiment_ids)
    rows = con.execute(_SPLITS, [ids, ids]).fetchall()
    return [
        AudienceShares(
            experiment, {arm: trials for _, arm, trials, _ in group}, float(log_e)
        )
        for (experiment, log_e), group in groupby(
            rows, key=lambda row: (row[0], row[3])
        )
    ]


def sample_ratio_log_e(
    trials: npt.ArrayLike,
    shares: npt.ArrayLike | None = None,
    *,
    concentration: float = CONCENTRATION,
) -> Floats:
    """Return ln e (...) against the planned split of trials (..., A).

    e is the likelihood of the counts under shares drawn from a Dirichlet distribution
    around the planned ones, over their likelihood under the planned shares themselves
    (equal ones if `shares` (A) is not given). It is a martingale of the assignments, so
    it is valid at every look (Lindon & Malek 2022, "Anytime-valid inference for
    multinomial count data"). With N trials, concentration K and planned share p_i of
    arm i:

        e = G(K) / G(K + N) * prod_i G(K p_i + n_i) / (G(K p_i) p_i^n_i),

    where G is the gamma function. An arm with NaN trials is left out of the plan as
    well.
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
