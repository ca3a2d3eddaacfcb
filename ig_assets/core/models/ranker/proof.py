"""Whether a ranker knows anything: bets on what it has not seen, in time order.

Before each group's outcome the ranker that was fitted on earlier groups alone predicts
it. The group's arms are paired from both ends of its ranking (best with worst, and so
on), and each pair's outcome d = y_i - y_j is bet on. If a text's words say nothing of
its rate, swapping two arms of a group changes nothing, so given |d| both signs are
equally likely (counts of unequal traffic have this symmetry only where they are not
small: see `sound_bets`); a bet then gains

    e = 2 / (1 + exp(-2 m d / V)),

the ranker's own odds of the sign for a prediction N(m, V), against even odds. Its mean
over the two signs is 1, so the product over pairs is a test martingale, whatever the
distribution of |d|, and exceeds 20 with a probability of at most 1 in 20 (Ville 1939;
Ramdas et al. 2023, "Game-theoretic statistics and safe anytime-valid inference",
Statistical Science 38). Groups of a cluster of near-duplicate hooks that an earlier
group belongs to are learnt from and not bet on: to remember words is no knowledge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ig_assets.core.models.ranker.outcomes import Floats, Ints, Outcomes
from ig_assets.core.models.ranker.ranker import Features, Ranker, train
from ig_assets.core.models.ranker.states import (
    E_PROVEN,
    INSUFFICIENT,
    MIN_GROUPS,
    PROVEN,
    UNPROVEN,
)

FIRST_FIT = 10
"""Groups that the first fit has."""
GROWTH = 1.25
"""A new fit comes when the groups have grown by this factor: fits cost, groups do
not."""

LEAST_EXPECTED = 5.0
"""Events that each arm of unequal traffic must have had to expect."""
MOST_UNEQUAL = 1.1
"""Traffic of the largest arm over that of the smallest that counts as equal."""


@dataclass(frozen=True)
class Proof:
    """The evidence after each group: `log_e` has shape (groups), in time order."""

    log_e: Floats

    @property
    def best_log_e(self) -> float:
        """The highest ln e so far, 0 at least: evidence once reached counts."""
        return float(self.log_e.max(initial=0.0))

    @property
    def proven_after(self) -> int | None:
        """How many groups it took to reach e = 20; None where it did not."""
        reached = np.flatnonzero(self.log_e >= math.log(E_PROVEN))
        return int(reached[0]) + 1 if reached.size else None

    @property
    def state(self) -> str:
        """'insufficient' (too few groups), 'unproven' or 'proven'."""
        if self.log_e.size < MIN_GROUPS:
            return INSUFFICIENT
        return UNPROVEN if self.proven_after is None else PROVEN


def prove(
    features: Features,
    outcomes: Outcomes,
    cluster: Ints,
    *,
    sound: npt.NDArray[np.bool_] | None = None,
    stop_when_proven: bool = False,
) -> Proof:
    """Replay the groups in the order of their numbers (0 is the oldest).

    `cluster` (groups) says which groups share nearly equal hooks, `sound` (groups;
    default: all) which may be bet on; the others are learnt from. With
    `stop_when_proven` the groups after that add nothing.
    """
    groups = len(cluster)
    log_e = np.zeros(groups)
    passed_over = _has_earlier(cluster)
    if sound is not None:
        passed_over |= ~sound
    total, start = 0.0, FIRST_FIT
    while start < groups:
        end = min(groups, max(start + 1, int(start * GROWTH)))
        known = np.flatnonzero(outcomes.group < start)
        past = {name: block[known] for name, block in features.items()}
        ranker = train(past, outcomes.take(known))
        for group in range(start, end):
            if not passed_over[group]:
                arms = np.flatnonzero(outcomes.group == group)
                total += bet(ranker, features, outcomes, arms)
            log_e[group] = total
            if stop_when_proven and total >= math.log(E_PROVEN):
                log_e[group:] = total
                return Proof(log_e)
        start = end
    return Proof(log_e)


def sound_bets(
    group: Ints, events: npt.ArrayLike, trials: npt.ArrayLike
) -> npt.NDArray[np.bool_]:
    """Which groups (groups) may be bet on; all inputs have shape (arms).

    The log rate of a small count is skewed, by more the less traffic the arm had. Where
    words go with traffic, as when the control has the longer hook, bets on such groups
    would win although words say nothing. So each arm's traffic is that of its rivals,
    or lets `LEAST_EXPECTED` events be expected at the rate of the whole group.
    """
    x, n = (np.asarray(c, dtype=np.float64) for c in (events, trials))
    groups = int(group.max(initial=-1)) + 1
    rate = np.bincount(group, x, groups) / np.bincount(group, n, groups)
    least, most = np.full(groups, np.inf), np.zeros(groups)
    np.minimum.at(least, group, n)
    np.maximum.at(most, group, n)
    return np.asarray((most <= MOST_UNEQUAL * least) | (least * rate >= LEAST_EXPECTED))


def bet(ranker: Ranker, features: Features, outcomes: Outcomes, arms: Ints) -> float:
    """ln e of one group's pairs; `arms` (arms of the group) are row numbers."""
    here = {name: block[arms] for name, block in features.items()}
    order = np.argsort(-ranker.against_average(here).mean, kind="stable")
    half = len(order) // 2
    first, second = order[:half], order[::-1][:half]
    lifts = ranker.between(here, first, second)
    a, b = arms[first], arms[second]
    variance = lifts.sd**2 + outcomes.variance[a] + outcomes.variance[b]
    agreement = 2 * lifts.mean * (outcomes.y[a] - outcomes.y[b]) / variance
    return float((math.log(2.0) - np.logaddexp(0.0, -agreement)).sum())


def _has_earlier(cluster: Ints) -> npt.NDArray[np.bool_]:
    _, firsts = np.unique(cluster, return_index=True)
    later = np.ones(len(cluster), dtype=np.bool_)
    later[firsts] = False
    return later
