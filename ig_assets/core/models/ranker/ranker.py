"""Predicts lifts with intervals from the features of hooks, with a fitted ranker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ig_assets.core.models.ranker.blocks import Scale, scales
from ig_assets.core.models.ranker.outcomes import Floats, Outcomes
from ig_assets.core.models.ranker.ridge import Fit, Variances, fit

Features = Mapping[str, Floats]
"""{block name: array of shape (texts, columns)}."""

Z_90 = 1.6448536269514722
"""Normal quantile of 0.95, for the two-sided interval of 90 %."""


class Lifts(NamedTuple):
    """Expected differences of log rates (`mean`) and their standard deviations (`sd`).

    Both have shape (texts).
    """

    mean: Floats
    sd: Floats

    @property
    def low(self) -> Floats:
        """The lower end of the 90 % interval as a lift: 0.2 is 20 % more."""
        return np.asarray(np.expm1(self.mean - Z_90 * self.sd))

    @property
    def high(self) -> Floats:
        """The upper end of the 90 % interval as a lift: 0.2 is 20 % more."""
        return np.asarray(np.expm1(self.mean + Z_90 * self.sd))

    @property
    def lift(self) -> Floats:
        """The expected lift: 0.2 is 20 % more."""
        return np.asarray(np.expm1(self.mean))

    @property
    def p_better(self) -> Floats:
        """The probability that the true difference is above zero."""
        sd = np.where(self.sd > 0, self.sd, 1.0)
        return np.asarray(np.where(self.sd > 0, ndtr(self.mean / sd), 0.5))


@dataclass(frozen=True)
class Ranker:
    """A fitted ranker: the fit, and the scales of its feature blocks.

    The scales are in the order of the fit's columns.
    """

    scales: Mapping[str, Scale]
    fit: Fit

    def columns(self, features: Features) -> Floats:
        """Scale the features and join the blocks; return shape (texts, columns).

        Raises KeyError if a block is missing.
        """
        blocks = [scale.apply(features[name]) for name, scale in self.scales.items()]
        return np.concatenate(blocks, axis=1)

    def against_average(self, features: Features) -> Lifts:
        """Return the lift of each text over the average past hook."""
        z = self.columns(features)
        return self._lifts(z, 1.0)

    def among(self, features: Features) -> Lifts:
        """Return the lift of each text over the mean of all given texts (two or more).

        Raises KeyError if a block is missing.
        """
        z = self.columns(features)
        # Of r_i - mean(r): (1 - 1/k) s2.
        return self._lifts(z - z.mean(axis=0), 1.0 - 1.0 / len(z))

    def between(
        self, features: Features, first: npt.ArrayLike, second: npt.ArrayLike
    ) -> Lifts:
        """Return the lift of pair i's first text over its second text.

        `first` and `second` are row numbers of the texts, each of shape (pairs).
        """
        z = self.columns(features)
        a, b = np.asarray(first, np.int64), np.asarray(second, np.int64)
        return self._lifts(z[a] - z[b], 2.0)

    def contributions(self, features: Features) -> Floats:
        """Return the contribution of each past arm to each score, shape (texts, arms).

        Rows sum to the means of `against_average`.
        """
        z = self.columns(features)
        return np.stack([self.fit.contributions(row) for row in z])

    def _lifts(self, dz: Floats, residuals: float) -> Lifts:
        """Return the lifts for feature differences `dz` (texts, columns).

        `residuals` times the residual variance s2 is added to each variance.
        """
        variance = np.einsum("ij,jk,ik->i", dz, self.fit.covariance, dz, optimize=True)
        s2 = self.fit.variances.s2
        return Lifts(dz @ self.fit.beta, np.sqrt(variance.clip(0) + residuals * s2))


def train(
    features: Features, outcomes: Outcomes, variances: Variances | None = None
) -> Ranker:
    """Fit a ranker to the outcomes of the arms whose features are given."""
    scaled = scales(features, outcomes.group)
    blocks = [scale.apply(features[name]) for name, scale in scaled.items()]
    return Ranker(scaled, fit(blocks, outcomes, variances))
