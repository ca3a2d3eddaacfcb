"""Tests by bets, in time order, whether a ranker predicts rates of unseen groups.

Each group is predicted by a ranker that was fitted only on earlier groups. The group's
arms are paired from both ends of the predicted order (best with worst, and so on), and
a bet is placed on the outcome d = y_i - y_j of each pair. The null hypothesis is that a
text's words say nothing about its rate. Swapping two arms of a group then changes
nothing, so given |d| both signs of d are equally likely. (For counts with unequal
traffic this holds only if they are not small; see `sound_bets`.) For a prediction N(m,
V) of d, the bet's e-value is

    e = 2 / (1 + exp(-2 m d / V)),

the ranker's odds of the observed sign against even odds. The mean of e over the two
signs is 1, so the product over pairs is a test martingale, whatever the distribution of
|d|. It exceeds 20 with a probability of at most 1 in 20 (Ville 1939; Ramdas et al.
2023, "Game-theoretic statistics and safe anytime-valid inference", Statistical Science
38). If an earlier group has nearly the same hooks, no bet is placed on a group, since
remembering words is no prediction; the ranker still learns from the group.

A proven ranker may cease to predict, for example when the audience changes. If the
ranker is right, d has the predicted sign with odds exp(2 m d / V), and 1/e has a mean
of 1 over the two signs. The greatest product of 1/e over the latest bets, whatever its
first bet, is then an e-detector (Shin, Ramdas and Rinaldo 2023, "E-detectors: a
nonparametric framework for sequential change detection", New England Journal of
Statistics in Data Science 2). It reaches c at most once in c groups, on average. On the
log scale it is the fall of ln e from its highest value. At `E_LOST` the proof is
withdrawn, and the evidence starts again at 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ig_assets.core.models.ranker.outcomes import Floats, Ints, Outcomes
from ig_assets.core.models.ranker.ranker import Features, Ranker, train
from ig_assets.core.models.ranker.states import (
    E_LOST,
    E_PROVEN,
    INSUFFICIENT,
    MIN_GROUPS,
    PROVEN,
    UNPROVEN,
)

FIRST_FIT = 10
"""Number of groups in the first fit."""
GROWTH = 1.25
"""Factor by which the number of groups must grow before the next fit."""

LEAST_EXPECTED = 5.0
"""Least expected number of events of each arm if arms had unequal traffic."""
MOST_UNEQUAL = 1.1
"""Largest ratio of the arms' traffic, largest to smallest, that counts as equal."""


@dataclass(frozen=True)
class Proof:
    """The evidence after each group: `log_e` has shape (groups), in time order."""

    log_e: Floats

    @cached_property
    def _turns(self) -> tuple[int | None, int | None, float]:
        """Return (group of the proof, group of the last loss, best ln e since then).

        Groups count from 1; None stands for no proof or no loss.
        """
        proven = lost = None
        start = best = 0.0
        for number, total in enumerate(self.log_e.tolist(), start=1):
            best = max(best, total - start)
            if proven is None:
                proven = number if best >= math.log(E_PROVEN) else None
            elif best - (total - start) >= math.log(E_LOST):
                proven, lost, start, best = None, number, total, 0.0
        return proven, lost, best

    @property
    def best_log_e(self) -> float:
        """The highest ln e since the last loss of a proof, at least 0."""
        return self._turns[2]

    @property
    def proven_after(self) -> int | None:
        """The number of groups after which e reached 20, or None.

        It is None if e never reached 20, or if the proof was lost since.
        """
        return self._turns[0]

    @property
    def lost_after(self) -> int | None:
        """The number of groups after which the last proof was withdrawn, or None."""
        return self._turns[1]

    @property
    def state(self) -> str:
        """'insufficient' (too few groups), 'unproven' or 'proven'."""
        if self.log_e.size < MIN_GROUPS:
            return INSUFFICIENT
        return UNPROVEN if self.proven_after is None else PROVEN


FIRST_COMPARISONS = "one of the first comparisons"
NEAR_DUPLICATE = "a hook nearly equals an earlier one"
SMALL_COUNTS = "small counts of unequal traffic"


class PairBet(NamedTuple):
    """A bet on which of two arms (row numbers) has the higher rate, and its outcome.

    The ranker expected the log rate of `first` to be higher by `expected`, with
    `variance` (the ranker's own variance plus those of chance and of posts).
    `difference` is the observed difference.
    """

    first: int
    second: int
    expected: float
    variance: float
    difference: float

    @property
    def log_e(self) -> float:
        """The logarithm of the bet's e-value (see the module's formula)."""
        agreement = 2 * self.expected * self.difference / self.variance
        return math.log(2.0) - float(np.logaddexp(0.0, -agreement))


class GroupBets(NamedTuple):
    """The bets on one group's pairs.

    `passed_over` is the reason why the group was only learnt from, or None.
    """

    group: int
    pairs: tuple[PairBet, ...]
    passed_over: str | None = None

    @property
    def log_e(self) -> float:
        """The logarithm of the product of the group's e-values; 0 without bets."""
        return sum(pair.log_e for pair in self.pairs)


def place_bets(
    features: Features,
    outcomes: Outcomes,
    cluster: Ints,
    *,
    sound: npt.NDArray[np.bool_] | None = None,
    after: int = 0,
) -> Iterator[GroupBets]:
    """Place bets on the groups from number `after` on, in the order of their numbers.

    Each group is predicted by a ranker that was fitted only on groups with lower
    numbers. `cluster` (groups) has equal numbers for groups with nearly equal hooks.
    `sound` (groups; default: all) says which groups may be bet on; the others are only
    learnt from.
    """
    groups = len(cluster)
    near = _has_earlier(cluster)
    unsound = np.zeros(groups, np.bool_) if sound is None else ~sound
    for group in range(after, min(FIRST_FIT, groups)):
        yield GroupBets(group, (), FIRST_COMPARISONS)
    start = max(FIRST_FIT, after)
    while start < groups:
        end = min(groups, max(start + 1, int(start * GROWTH)))
        known = np.flatnonzero(outcomes.group < start)
        past = {name: block[known] for name, block in features.items()}
        ranker = train(past, outcomes.take(known))
        for group in range(start, end):
            if near[group] or unsound[group]:
                why = NEAR_DUPLICATE if near[group] else SMALL_COUNTS
                yield GroupBets(group, (), why)
                continue
            arms = np.flatnonzero(outcomes.group == group)
            yield GroupBets(group, bets_on(ranker, features, outcomes, arms))
        start = end


def prove(
    features: Features,
    outcomes: Outcomes,
    cluster: Ints,
    *,
    sound: npt.NDArray[np.bool_] | None = None,
    stop_when_proven: bool = False,
) -> Proof:
    """Replay all groups in order, 0 being the oldest, and return the evidence.

    The arguments are those of `place_bets`. With `stop_when_proven`, groups after the
    proof add no evidence.
    """
    log_e = np.zeros(len(cluster))
    total = 0.0
    for bets in place_bets(features, outcomes, cluster, sound=sound):
        total += bets.log_e
        log_e[bets.group :] = total
        if stop_when_proven and total >= math.log(E_PROVEN):
            break
    return Proof(log_e)


def sound_bets(
    group: Ints, events: npt.ArrayLike, trials: npt.ArrayLike
) -> npt.NDArray[np.bool_]:
    """Return a mask (groups) of the groups that may be bet on.

    The inputs have shape (arms). The log rate of a small count is skewed, the more so
    the less traffic the arm had. If words are correlated with traffic, for example
    because the control has the longer hook, bets on such groups would win even if words
    had no effect. The arms of a group must therefore have about equal traffic, or each
    must have at least `LEAST_EXPECTED` expected events at the group's rate.
    """
    x, n = (np.asarray(c, dtype=np.float64) for c in (events, trials))
    groups = int(group.max(initial=-1)) + 1
    rate = np.bincount(group, x, groups) / np.bincount(group, n, groups)
    least, most = np.full(groups, np.inf), np.zeros(groups)
    np.minimum.at(least, group, n)
    np.maximum.at(most, group, n)
    return np.asarray((most <= MOST_UNEQUAL * least) | (least * rate >= LEAST_EXPECTED))


def bets_on(
    ranker: Ranker, features: Features, outcomes: Outcomes, arms: Ints
) -> tuple[PairBet, ...]:
    """Return the bets on the pairs of one group; `arms` are row numbers of its arms."""
    here = {name: block[arms] for name, block in features.items()}
    order = np.argsort(-ranker.against_average(here).mean, kind="stable")
    half = len(order) // 2
    first, second = order[:half], order[::-1][:half]
    lifts = ranker.between(here, first, second)
    a, b = arms[first], arms[second]
    variance = lifts.sd**2 + outcomes.variance[a] + outcomes.variance[b]
    difference = outcomes.y[a] - outcomes.y[b]
    rows = zip(a, b, lifts.mean, variance, difference, strict=True)
    return tuple(
        PairBet(int(i), int(j), float(m), float(v), float(d)) for i, j, m, v, d in rows
    )


def _has_earlier(cluster: Ints) -> npt.NDArray[np.bool_]:
    _, firsts = np.unique(cluster, return_index=True)
    later = np.ones(len(cluster), dtype=np.bool_)
    later[firsts] = False
    return later
