"""Held-out predictions by near-duplicate cluster, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ranking.archive import Archive

from ig_assets.core.models.ranker.outcomes import Floats, Ints
from ig_assets.core.models.ranker.ranker import Z_90, train

FOLDS = 10
RESAMPLES = 2000
Z_SIGNIFICANT = 1.96


@dataclass(frozen=True)
class Pairs:
    """Pairs of arms of one group: their rows, and the two-proportion z."""

    first: Ints
    second: Ints
    z: Floats


@dataclass(frozen=True)
class Predicted:
    """Predictions for pairs by fits without their cluster: mean and sd (pairs)."""

    mean: Floats
    sd: Floats


def all_pairs(archive: Archive) -> Pairs:
    """Every pair of arms of every group."""
    starts = np.searchsorted(archive.outcomes.group, np.arange(archive.groups + 1))
    parts = []
    for low, high in zip(starts[:-1], starts[1:], strict=True):
        parts.append(np.stack(np.triu_indices(high - low, 1)) + low)
    first, second = np.concatenate(parts, axis=1)
    x, n = archive.clicks, archive.impressions
    pooled = (x[first] + x[second]) / (n[first] + n[second])
    variance = pooled * (1 - pooled) * (1 / n[first] + 1 / n[second])
    with np.errstate(all="ignore"):
        z = (x[first] / n[first] - x[second] / n[second]) / np.sqrt(variance)
    return Pairs(first, second, np.nan_to_num(z))


def folds(archive: Archive, seed: int) -> Ints:
    """The fold of each group; a cluster is never divided."""
    drawn = np.random.default_rng(seed).permutation(archive.cluster.max() + 1) % FOLDS
    return np.asarray(drawn[archive.cluster], dtype=np.int64)


def held_out(
    archive: Archive,
    pairs: Pairs,
    features: dict[str, Floats],
    fold: Ints,
    groups_for: Callable[[int, Ints], Ints] = lambda number, groups: groups,
) -> Predicted:
    """Predict every pair by a fit on the other folds' groups.

    `groups_for` chooses some of these groups, by the number of the fold.
    """
    mean, sd = np.zeros((2, len(pairs.first)))
    fold_of_pair = fold[archive.outcomes.group[pairs.first]]
    for number in range(FOLDS):
        rows = archive.rows(groups_for(number, np.flatnonzero(fold != number)))
        known = {name: block[rows] for name, block in features.items()}
        ranker = train(known, archive.outcomes.take(rows))
        asked = np.flatnonzero(fold_of_pair == number)
        lifts = ranker.between(features, pairs.first[asked], pairs.second[asked])
        mean[asked], sd[asked] = lifts.mean, lifts.sd
    return Predicted(mean, sd)


def right(predicted: Predicted, pairs: Pairs) -> Floats:
    """1 where the better arm is predicted, 0 where the other, 1/2 for a tie."""
    agreement = np.sign(predicted.mean) * np.sign(pairs.z)
    return np.asarray((agreement + 1) / 2)


def interval(
    numerator: Floats, denominator: Floats, cluster: Ints, seed: int
) -> tuple[float, float, float]:
    """Sum over sum, with the 95 % bootstrap interval over whole clusters."""
    clusters = int(cluster.max()) + 1
    top = np.bincount(cluster, weights=numerator, minlength=clusters)
    low = np.bincount(cluster, weights=denominator, minlength=clusters)
    present = np.unique(cluster)
    top, low = top[present], low[present]
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(
        len(present), np.full(len(present), 1 / len(present)), RESAMPLES
    )
    ratios = (drawn @ top) / (drawn @ low)
    return float(top.sum() / low.sum()), *map(
        float, np.quantile(ratios, [0.025, 0.975])
    )


def calibration(
    archive: Archive, pairs: Pairs, predicted: Predicted, seed: int
) -> tuple[tuple[float, float, float], float]:
    """Slope of the outcome on the prediction, and the cover of 90 % intervals."""
    outcomes = archive.outcomes
    d = outcomes.y[pairs.first] - outcomes.y[pairs.second]
    variance = predicted.sd**2
    variance = (
        variance + outcomes.variance[pairs.first] + outcomes.variance[pairs.second]
    )
    cluster = archive.cluster[outcomes.group[pairs.first]]
    m = predicted.mean
    slope = interval(m * d / variance, m * m / variance, cluster, seed)
    return slope, float((np.abs(d - m) <= Z_90 * np.sqrt(variance)).mean())


def best_of(
    archive: Archive,
    scores: Sequence[Floats],
    of: int,
    seed: int,
) -> list[tuple[float, float, float]]:
    """For each kind of score (arms): the lift of its best of `of` random arms.

    A lift is the rate of the chosen arm over the mean rate of the `of`, averaged over
    groups (twenty draws each), with its interval.
    """
    rng = np.random.default_rng(seed)
    rates = archive.clicks / archive.impressions
    lifts: list[list[float]] = [[] for _ in scores]
    clusters = []
    for group in range(archive.groups):
        arms = np.flatnonzero(archive.outcomes.group == group)
        if len(arms) < of or not rates[arms].any():
            continue
        draws = [rng.choice(arms, of, replace=False) for _ in range(20)]
        draws = [drawn for drawn in draws if rates[drawn].any()]
        clusters.append(archive.cluster[group])
        for known, found in zip(scores, lifts, strict=True):
            chosen = [drawn[known[drawn].argmax()] for drawn in draws]
            over = [
                rates[c] / rates[d].mean() - 1
                for c, d in zip(chosen, draws, strict=True)
            ]
            found.append(float(np.mean(over)))
    return [
        interval(np.array(f), np.ones(len(f)), np.array(clusters), seed) for f in lifts
    ]
