"""Computes the outcomes of past arms, from which the ranker learns.

Arms are compared only within their group: the arms that one audience saw with one
image. Topic, season and account are the same within a group and cancel out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of arms; all arrays have shape (arms).

    `group` is the number of the arm's group, from 0. `y` is the log rate. `variance` is
    the variance of `y` from chance and from differences between posts of the same
    words.
    """

    group: Ints
    y: Floats
    variance: Floats

    def take(self, rows: npt.NDArray[np.bool_] | Ints) -> Outcomes:
        """Return the outcomes of selected arms, given by a mask or by row numbers."""
        return Outcomes(self.group[rows], self.y[rows], self.variance[rows])


def outcomes_of(
    group: npt.ArrayLike,
    events: npt.ArrayLike,
    trials: npt.ArrayLike,
    sigma: npt.ArrayLike = 0.0,
    *,
    phi: float = 1.0,
) -> Outcomes:
    """Compute outcomes from counts.

    The inputs have shape (arms); `sigma` may be a single number. The outcome and its
    variance are

        y = ln((x + 1/2) / (n + 1)),    variance = phi / (x + 1/2) + sigma^2.

    y is finite for x = 0 and nearly unbiased (Cox & Snell 1989, "Analysis of Binary
    Data", section 2.1). Sigma is the standard deviation on the log scale between posts
    of the same words; it is 0 for randomised impressions. Raises ValueError for a count
    that is negative or not finite, or an arm without trials.
    """
    x, n = (np.asarray(c, dtype=np.float64) for c in (events, trials))
    if not (np.isfinite(x) & np.isfinite(n) & (x >= 0) & (n > 0)).all():
        raise ValueError("Events must be finite and at least 0, trials above 0.")
    variance = phi / (x + 0.5) + np.asarray(sigma, dtype=np.float64) ** 2
    return Outcomes(
        np.asarray(group, dtype=np.int64), np.log((x + 0.5) / (n + 1)), variance
    )


def centred(values: Floats, group: Ints, weight: Floats | None = None) -> Floats:
    """Return values (arms) or (arms, columns) minus their (weighted) group means."""
    w = np.ones(group.size) if weight is None else weight
    column = values[:, None] if values.ndim == 1 else values
    groups = int(group.max(initial=-1)) + 1
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(groups))
    present = np.unique(group)
    sums = np.zeros((groups, column.shape[1]))
    total = np.ones(groups)
    if group.size:
        weighted = (w[:, None] * column)[order]
        sums[present] = np.add.reduceat(weighted, starts[present], axis=0)
        total[present] = np.add.reduceat(w[order], starts[present])
    return (column - (sums / total[:, None])[group]).reshape(values.shape)


def without_single_arms(group: Ints) -> npt.NDArray[np.bool_]:
    """Return a mask (arms) of the arms that have another arm in their group.

    A single arm cannot be compared, so nothing is learnt from it.
    """
    return np.asarray(np.bincount(group)[group] > 1, dtype=np.bool_)
