"""Whether a randomised split was divided as it should have been.

Only for randomised splits: unequal organic reach is an outcome, not a fault.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ig_assets.core.experiments.evidence import Floats

CONCENTRATION = 1000.0
E_ALARM = 100.0
LOG_E_ALARM = math.log(E_ALARM)


def sample_ratio_log_e(
    trials: npt.ArrayLike,
    shares: npt.ArrayLike | None = None,
    *,
    concentration: float = CONCENTRATION,
) -> Floats:
    """ln e against the planned split of trials (..., A); (...) is the result's shape.

    The likelihood of the counts under shares drawn from a Dirichlet distribution
    around the planned ones, over that under the planned ones themselves (equal where
    `shares` (A) is not given): a martingale of the assignments, so it may be looked
    at every day (Lindon & Malek 2022, "Anytime-valid inference for multinomial count
    data"). With N trials, concentration K and planned share p_i of arm i:
    e = G(K) / G(K + N) * prod_i G(K p_i + n_i) / (G(K p_i) p_i^n_i), G the gamma
    function. An arm with NaN trials has none planned either: it is left out.
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
