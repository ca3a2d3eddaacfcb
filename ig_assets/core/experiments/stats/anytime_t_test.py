"""An anytime-valid t-test: whether paired differences have a mean other than zero.

It is for questions over many topics that no single experiment can answer: about a hook
style, a model, or the loop itself. The variance is estimated from the differences, so
the variance of posts and of texts need not be known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ig_assets.core.experiments.stats.e_values import Floats

EFFECT_SD = 0.6
"""Sd of the standardised mean under the alternative (the mixture's width): a lift of
20 % is 0.6 sd of a pair of posts at sigma = 0.2."""


def t_log_e(
    differences: npt.ArrayLike,
    effect_sd: float = EFFECT_SD,
    carry_over: float = 0.0,
) -> Floats:
    """Return ln e against a mean of zero after each difference (..., n); same shape.

    The differences are taken as normal, with unknown variance. e is the likelihood
    ratio of the scale-invariant statistic, mixed over standardised means ~ N(0, g),
    with g = effect_sd^2. Let S_n be the sum and V_n the sum of squares of the first n
    differences:

        ln e_n = -1/2 ln(1 + n g) + n/2 ln(V_n / (V_n - S_n^2 g / (1 + n g))).

    e_n is a test martingale for a mean of zero whatever the variance, so it is valid
    after every pair; e_1 = 1. This is Lai's t-test (1976, right Haar measure over the
    sd) with the Gaussian mixture of Wang & Ramdas ("Anytime-valid t-tests and
    confidence sequences for Gaussian means with unknown variance", 2024, c^2 = 1/g).
    Perez-Ortiz, Lardy, de Heide & Grunwald ("E-statistics, group invariance and
    anytime-valid testing", 2024) show that it is optimal among invariant e-statistics.

    With `carry_over` c the differences x_i are an autoregression: each keeps the share
    c of the deviation before it. The test is then made on y_1 = x_1 sqrt(1 - c^2) and
    y_i = x_i - c x_(i-1). Their means are w_i times the mean of x, with w_1 = sqrt(1 -
    c^2) and w_i = 1 - c (generalised least squares, Prais & Winsten 1954). In the
    formula, g times the sum of squares of w replaces n g, and the sum of w_i y_i
    replaces S_n.
    """
    y, w = _whitened(differences, carry_over)
    n, wide = np.arange(1, y.shape[-1] + 1), effect_sd**2 * (w**2).cumsum()
    total, squares = (w * y).cumsum(axis=-1), (y**2).cumsum(axis=-1)
    with np.errstate(all="ignore"):
        known = (w**2).cumsum() * squares
        share = np.where(squares > 0, total**2 / known, 0.0).clip(0, 1)
    explained = share * wide / (1 + wide)
    return np.asarray(-0.5 * np.log1p(wide) - n / 2 * np.log1p(-explained))


def _whitened(differences: npt.ArrayLike, carry_over: float) -> tuple[Floats, Floats]:
    """Return the whitened differences (..., n) and the weights (n) of their mean."""
    x = np.array(differences, dtype=np.float64)
    first = math.sqrt(1 - carry_over**2)
    w = np.full(x.shape[-1], 1 - carry_over)
    y = x.copy()
    y[..., 1:] -= carry_over * x[..., :-1]
    y[..., :1] *= first
    w[:1] = first
    return y, w


@dataclass(frozen=True)
class SequentialMean:
    """Mean and evidence of the differences so far (log scale, in order of arrival).

    `pairs` is the number of differences, `units` the number of independent
    observations: the pairs, or the months over which they were averaged. `low` to
    `high` is the 95 % confidence sequence, which holds at all times simultaneously.
    `log_e` is ln e now; `log_e_ahead` and `log_e_behind` are the running maxima of ln e
    while the mean was above or below zero, at least 0.
    """

    pairs: int
    units: int
    mean: float | None
    low: float | None
    high: float | None
    log_e: float
    log_e_ahead: float
    log_e_behind: float

    @property
    def log_e_of_leader(self) -> float:
        """The highest ln e so far on the present side of the mean, above or below zero.

        Without a mean, the side above counts; a mean of exactly zero is on the side
        below.
        """
        ahead = self.mean is None or self.mean > 0
        return self.log_e_ahead if ahead else self.log_e_behind

    def decides(self, e: float) -> int:
        """Return 1 or -1 if the side above or below zero has reached `e`, else 0.

        Only the present side of the mean can decide. Its evidence is the highest
        e-value so far, not the present one.
        """
        if self.mean is None:
            return 0
        if self.mean > 0:
            return int(self.log_e_ahead >= math.log(e))
        return -int(self.log_e_behind >= math.log(e))


def sequential_mean(
    differences: npt.ArrayLike,
    *,
    alpha: float = 0.05,
    effect_sd: float = EFFECT_SD,
    carry_over: float = 0.0,
) -> SequentialMean:
    """Return mean and evidence after all differences (n); options as in `t_log_e`."""
    x = np.asarray(differences, dtype=np.float64)
    if not x.size:
        return SequentialMean(0, 0, None, None, None, 0.0, 0.0, 0.0)
    log_e = t_log_e(x, effect_sd, carry_over)
    y, w = _whitened(x, carry_over)
    means = (w * y).cumsum() / (w**2).cumsum()
    mean, half = float(means[-1]), _half_width(y, w, alpha, effect_sd)
    return SequentialMean(
        pairs=int(x.size),
        units=int(x.size),
        mean=mean,
        low=None if half is None else mean - half,
        high=None if half is None else mean + half,
        log_e=float(log_e[-1]),
        log_e_ahead=float(log_e[means > 0].max(initial=0.0)),
        log_e_behind=float(log_e[means < 0].max(initial=0.0)),
    )


def _half_width(y: Floats, w: Floats, alpha: float, effect_sd: float) -> float | None:
    """Return half the width of the confidence interval, or None if it is unbounded.

    The interval contains each mean m with e(m) < 1/alpha. With W the sum of squares of
    w, and q = W (mean - m)^2 / (residual sum of squares), this is the condition (1 + q)
    / (1 + q / (1 + W g)) < k, which bounds q if k < 1 + W g.
    """
    known = float((w**2).sum())
    wide = 1 + known * effect_sd**2
    k = (math.sqrt(wide) / alpha) ** (2 / y.size)
    if k >= wide:
        return None
    q = (k - 1) / (1 - k / wide)
    residual = y - w * float((w * y).sum()) / known
    return math.sqrt(q * float((residual**2).sum()) / known)
