"""Uses months as the units of evidence across topics.

The effects that both posts of a pair share (topic, audience, season) cancel in their
difference. The remaining effect of a month, for example a style that does well that
month, is shared by all pairs of the month. More pairs do not average it out, and no
pair of the month separates it from a lasting lift. Months are therefore the clusters,
and their means the sample, as in Ibragimov & Mueller 2010, "t-Statistic based
correlation and heterogeneity robust inference". The t-test stays valid if the means'
variances differ (Bakirov & Szekely 2006), as they do for months of many pairs and of
few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ig_assets.core.experiments.stats.anytime_t_test import (
    SequentialMean,
    sequential_mean,
)
from ig_assets.core.experiments.stats.e_values import Floats

MONTH_EFFECT_SD = 1.0
"""Sd of a month's standardised mean under the alternative: twelve pairs a month with a
lift of 20 % have a mean of 1.3 sd, or of 0.75 sd with a shared month effect of 0.2."""
CARRY_OVER = 0.1
"""The share of a month's deviation that is assumed to carry over into the next.

With this value, false claims of both sides together stay under 5 % for 36 months in
which a share of 0.3 carries over (measured by `benchmarks/months.py`).
"""


class PairDifference(NamedTuple):
    """One paired difference `d` of log rates, its month YYYY-MM, and its audience."""

    d: float
    month: str
    audience: str | None = None


def month_means(pairs: Sequence[PairDifference]) -> Floats:
    """Return the mean difference of each month (months), oldest first.

    If months had several audiences, audience effects are estimated from the differences
    within months, which are free of month effects, and removed: least squares on month
    and audience, each connected group of audiences centred on zero. An audience that
    shares no month with another cannot be separated from its months and stays as it is.
    """
    d = np.array([pair.d for pair in pairs], dtype=np.float64)
    months, month = np.unique([pair.month for pair in pairs], return_inverse=True)
    sizes = np.bincount(month, minlength=months.size)

    def means(values: Floats) -> Floats:
        """Return the means by month (months, columns)."""
        sums = np.zeros((months.size, values.shape[1]))
        np.add.at(sums, month, values)
        return sums / sizes[:, None]

    kinds, kind = np.unique([p.audience or "" for p in pairs], return_inverse=True)
    column = d[:, None]
    if kinds.size > 1:
        is_kind: npt.NDArray[np.float64] = np.eye(kinds.size)[kind]
        within = is_kind - means(is_kind)[month]
        # The least-norm solution, whose sum over a connected group is zero.
        effects = np.linalg.lstsq(within, d - means(column)[month, 0], rcond=1e-9)[0]
        column = (d - effects[kind])[:, None]
    return means(column)[:, 0]


def mean_over_months(pairs: Sequence[PairDifference]) -> SequentialMean:
    """Return the evidence of all pairs; each month is one observation."""
    found = sequential_mean(
        month_means(pairs) if pairs else [],
        effect_sd=MONTH_EFFECT_SD,
        carry_over=CARRY_OVER,
    )
    return replace(found, pairs=len(pairs))
