"""Estimate a ranker: ridge regression within groups, tuned without validation data.

The log rate of arm i is y_i = (level of its group) + x_i . beta + r_i + e_i. Here beta
~ N(0, theta_b) for the columns of block b. r ~ N(0, s2) is the part of a text's effect
that the features do not explain, and e ~ N(0, variance_i) is chance. The group levels
are fixed effects. With w = 1 / (variance + s2), and with X and y centred in the groups
by the weights w:

    A = X' W X + diag(1 / theta),    beta = A^-1 X' W y,    Cov(beta | y) = A^-1.

These are Henderson's mixed-model equations with the levels eliminated (Robinson 1991,
"That BLUP is a good thing", Statistical Science 6). theta and s2 maximise the
restricted likelihood (Patterson & Thompson 1971), which up to a constant is

    -2 l = -sum ln w + sum_g ln(sum of w in g) + sum_b p_b ln theta_b + ln |A|
           + y' W y - beta' X' W y

where p_b is the number of columns of block b. Its derivative by ln theta_b is p_b -
(tr_b(A^-1) + |beta_b|^2) / theta_b.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

from ig_assets.core.models.ranker.outcomes import Floats, Outcomes, centred

S2_GRID = tuple(float(s2) for s2 in np.geomspace(0.01, 0.15, 8))
"""Values of s2 to try first; as standard deviations 0.10 to 0.39, log scale."""
S2_MOST = 4.0
"""Value of s2 above which the search beyond the grid ends."""
PRIOR_MEDIAN, PRIOR_SD = 0.01, 3.0
"""A weak log-normal prior on each theta, for data that say nothing about it."""
_BOUNDS = (np.log(1e-8), np.log(10.0))


@dataclass(frozen=True)
class Variances:
    """The theta of each block, in the order of the blocks, and s2."""

    theta: tuple[float, ...]
    s2: float


@dataclass(frozen=True)
class Fit:
    """A fitted ranker; the columns are those of all blocks side by side.

    `beta` has shape (columns), `covariance` (A^-1) has shape (columns, columns). `x`,
    shape (arms, columns), and `y` and `weight`, shape (arms), describe the training
    arms; `x` and `y` are centred in their groups.
    """

    variances: Variances
    beta: Floats
    covariance: Floats
    x: Floats
    y: Floats
    weight: Floats

    def contributions(self, dx: Floats) -> Floats:
        """Return the contribution of each past arm to the score of `dx`, shape (arms).

        `dx` has shape (columns). A score is linear in the past outcomes: dx . beta is
        the sum over arms of (dx' A^-1 x_i) w_i y_i, where y_i is how much better the
        arm did than its group. Positive entries raise the score, negative ones lower
        it.
        """
        return np.asarray((self.x @ (self.covariance @ dx)) * self.weight * self.y)


class _Sums(NamedTuple):
    """Sums over the training data at one s2, from which the likelihood is computed."""

    gram: Floats  # X' W X
    moment: Floats  # X' W y
    rest: float  # y' W y and the terms that do not depend on theta


def fit(
    blocks: Sequence[Floats],
    outcomes: Outcomes,
    variances: Variances | None = None,
    *,
    s2_grid: Sequence[float] = S2_GRID,
) -> Fit:
    """Fit blocks, each of shape (arms, columns of the block), to the outcomes.

    If `variances` are given, they are used unchanged; otherwise they are estimated. An
    arm that is alone in its group changes nothing. Raises ValueError if there is no
    arm, or if the numbers of rows differ.
    """
    x = np.concatenate([np.asarray(b, dtype=np.float64) for b in blocks], axis=1)
    if not len(x) or len(x) != len(outcomes.y):
        raise ValueError(f"{len(x)} rows of features for {len(outcomes.y)} arms.")
    sizes = [b.shape[1] for b in blocks]
    found = variances or restricted_likelihood(blocks, outcomes, s2_grid)[0]
    sums = _sums(x, outcomes, found.s2)
    penalty = np.repeat(1 / np.array(found.theta), sizes)
    beta, inverse, _ = _solve(sums, penalty)
    w = 1 / (outcomes.variance + found.s2)
    return Fit(
        variances=found,
        beta=beta,
        covariance=inverse,
        x=centred(x, outcomes.group, w),
        y=centred(outcomes.y, outcomes.group, w),
        weight=w,
    )


def restricted_likelihood(
    blocks: Sequence[Floats], outcomes: Outcomes, s2_grid: Sequence[float]
) -> tuple[Variances, float]:
    """Find the variances of greatest restricted likelihood, prior included.

    Returns (variances, their -2 l with the prior). Each block has shape (arms,
    columns). Every s2 of the grid is tried. If the last one is best, larger ones are
    tried, each the grid's last ratio times the one before: rates of organic posts
    differ by more than those of headlines shown to one audience, and an s2 that is too
    small makes intervals that are too narrow.

    The likelihood depends on a block only through X_b X_b', so a block with more
    columns than arms is rotated into as many columns as arms.
    """
    narrow = [_rotated(np.asarray(b, dtype=np.float64)) for b in blocks]
    x = np.concatenate(narrow, axis=1)
    sizes = [b.shape[1] for b in narrow]
    start = np.full(len(sizes), np.log(PRIOR_MEDIAN))
    best: tuple[float, Variances] | None = None
    todo = list(s2_grid)
    while todo:
        s2 = todo.pop(0)
        sums = _sums(x, outcomes, s2)
        found = minimize(
            _objective,
            start,
            args=(sums, np.asarray(sizes)),
            jac=True,
            method="L-BFGS-B",
            bounds=[_BOUNDS] * len(sizes),
            options={"ftol": 1e-7, "gtol": 1e-3, "maxiter": 60},
        )
        start = found.x
        if best is None or found.fun < best[0]:
            theta = tuple(float(t) for t in np.exp(found.x))
            best = float(found.fun), Variances(theta, s2)
            if not todo and len(s2_grid) > 1 and s2 < S2_MOST:
                todo.append(s2 * s2_grid[-1] / s2_grid[-2])
    if best is None:
        raise ValueError("There is no s2 to try.")
    return best[1], best[0]


def _rotated(block: Floats) -> Floats:
    """Return a block with at most `arms` columns and equal inner products of arms."""
    if block.shape[1] <= len(block):
        return block
    u, singular, _ = np.linalg.svd(block, full_matrices=False)
    return np.asarray(u * singular)


def _objective(
    log_theta: Floats, sums: _Sums, sizes: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> tuple[float, Floats]:
    """Return (-2 l with the prior, its gradient by ln theta)."""
    theta = np.exp(log_theta)
    beta, inverse, log_det = _solve(sums, np.repeat(1 / theta, sizes))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    traces = np.add.reduceat(inverse.diagonal(), starts)
    squares = np.add.reduceat(beta**2, starts)
    off = (log_theta - np.log(PRIOR_MEDIAN)) / PRIOR_SD
    value = float(sizes @ log_theta) + log_det + sums.rest - float(beta @ sums.moment)
    slope = sizes - (traces + squares) / theta
    return value + float(off @ off), slope + 2 * off / PRIOR_SD


def _sums(x: Floats, outcomes: Outcomes, s2: float) -> _Sums:
    w = 1 / (outcomes.variance + s2)
    root = np.sqrt(w)
    xw = centred(x, outcomes.group, w) * root[:, None]
    yw = centred(outcomes.y, outcomes.group, w) * root
    in_group = np.bincount(outcomes.group, weights=w)
    constant = -np.log(w).sum() + np.log(in_group[in_group > 0]).sum()
    return _Sums(xw.T @ xw, xw.T @ yw, float(constant + yw @ yw))


def _solve(sums: _Sums, penalty: Floats) -> tuple[Floats, Floats, float]:
    """Return beta, A^-1 and ln |A|, with `penalty` = 1 / theta on the diagonal of A.

    Raises ValueError if A cannot be inverted.
    """
    a = sums.gram + np.diag(penalty)
    factor, lower = cho_factor(a, lower=True, check_finite=False)
    beta = cho_solve((factor, lower), sums.moment, check_finite=False)
    half, status = dpotri(factor, lower=1)
    if status:
        raise ValueError("The features' matrix cannot be inverted.")
    inverse = np.tril(half) + np.tril(half, -1).T
    return beta, inverse, float(2 * np.log(factor.diagonal()).sum())
