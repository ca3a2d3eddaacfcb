"""A fitted ranker: features of hooks in, expected lifts with intervals out."""

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
"""Blocks by name, each of shape (texts, columns)."""

Z_90 = 1.6448536269514722
"""Normal quantile of 0.95: the two-sided interval of 90 %."""


class Lifts(NamedTuple):
    """Expected differences of log rates and their sd; each of shape (texts)."""

    mean: Floats
    sd: Floats

    @property
    def low(self) -> Floats:
        """The lower end of the 90 % interval as a lift: 0.2 is 20 % more."""
        return np.asarray(np.expm1(self.mean - Z_90 * self.sd))

    @property
    def high(self) -> Floats:
        """The upper end of the 90 % interval as a lift."""
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
    """Scales of the blocks, in the order of the fit's columns, and the fit."""

    scales: Mapping[str, Scale]
    fit: Fit

    def columns(self, features: Features) -> Floats:
        """The texts as the fit knows them: shape (texts, columns).

        Raises KeyError where a block is missing.
        """
        blocks = [scale.apply(features[name]) for name, scale in self.scales.items()]
        return np.concatenate(blocks, axis=1)

    def against_average(self, features: Features) -> Lifts:
        """Each text against the average past hook."""
        z = self.columns(features)
        return self._lifts(z, 1.0)

    def among(self, features: Features) -> Lifts:
        """Compare each text (two or more) with the mean of all given texts."""
        z = self.columns(features)
        # Of r_i - mean(r): (1 - 1/k) s2.
        return self._lifts(z - z.mean(axis=0), 1.0 - 1.0 / len(z))

    def between(
        self, features: Features, first: npt.ArrayLike, second: npt.ArrayLike
    ) -> Lifts:
        """Texts `first` (pairs) against texts `second` (pairs), as row numbers."""
        z = self.columns(features)
        a, b = np.asarray(first, np.int64), np.asarray(second, np.int64)
        return self._lifts(z[a] - z[b], 2.0)

    def contributions(self, features: Features) -> Floats:
        """What each past arm adds to each text's score: shape (texts, arms).

        Rows sum to the means of `against_average`.
        """
        z = self.columns(features)
        return np.stack([self.fit.contributions(row) for row in z])

    def _lifts(self, dz: Floats, residuals: float) -> Lifts:
        """`residuals` is how many s2 the difference has."""
        variance = np.einsum("ij,jk,ik->i", dz, self.fit.covariance, dz, optimize=True)
        s2 = self.fit.variances.s2
        return Lifts(dz @ self.fit.beta, np.sqrt(variance.clip(0) + residuals * s2))


def train(
    features: Features, outcomes: Outcomes, variances: Variances | None = None
) -> Ranker:
    """Fit the blocks, in the order given, to the outcomes of the same arms."""
    scaled = scales(features, outcomes.group)
    blocks = [scale.apply(features[name]) for name, scale in scaled.items()]
    return Ranker(scaled, fit(blocks, outcomes, variances))
