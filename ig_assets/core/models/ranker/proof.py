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

What was proven may stop to hold, as where an audience changes. If the ranker is right,
so that d has the sign that it expects with odds exp(2 m d / V), 1/e has a mean of 1
over the two signs. So the greatest product of 1/e over the latest bets, wherever it
begins, is an e-detector (Shin, Ramdas and Rinaldo 2023, "E-detectors: a nonparametric
framework for sequential change detection", New England Journal of Statistics in Data
Science 2): it reaches c once in c groups or more seldom, on average. As ln it is the
fall of ln e from its highest value. At `E_LOST` the proof is taken back, and the
evidence begins anew at 1.
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

    @cached_property
    def _turns(self) -> tuple[int | None, int | None, float]:
        """The group of the proof, that of the last loss, and the best ln e since."""
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
        """The highest ln e since it was lost last, 0 at least."""
        return self._turns[2]

    @property
    def proven_after(self) -> int | None:
        """After how many groups e reached 20; None where it did not, or was lost."""
        return self._turns[0]

    @property
    def lost_after(self) -> int | None:
        """After how many groups a proof was taken back last; None where none was."""
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
    """A bet on which of two arms (row numbers) is ahead, as it was placed.

    The ranker expected the log rate of `first` to be ahead by `expected`, with
    `variance` (its own, and what chance and luck add); `difference` came out.
    """

    first: int
    second: int
    expected: float
    variance: float
    difference: float

    @property
    def log_e(self) -> float:
        """ln of the bet's e-value (see the module's formula)."""
        agreement = 2 * self.expected * self.difference / self.variance
        return math.log(2.0) - float(np.logaddexp(0.0, -agreement))


class GroupBets(NamedTuple):
    """The bets on one group, or why it was learnt from and not bet on."""

    group: int
    pairs: tuple[PairBet, ...]
    passed_over: str | None = None

    @property
    def log_e(self) -> float:
        """ln of the product of the group's e-values, 0 without any."""
        return sum(pair.log_e for pair in self.pairs)


def place_bets(
    features: Features,
    outcomes: Outcomes,
    cluster: Ints,
    *,
    sound: npt.NDArray[np.bool_] | None = None,
    after: int = 0,
) -> Iterator[GroupBets]:
    """Bet on the groups from number `after` on, in the order of their numbers.

    Before each group's outcome a ranker that was fitted on groups of lower numbers
    alone predicts it. `cluster` (groups) says which groups share nearly equal hooks,
    `sound` (groups; default: all) which may be bet on; the others are learnt from.
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
    """Replay all groups, 0 being the oldest; the arguments are those of `place_bets`.

    With `stop_when_proven` the groups after that add nothing.
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


def bets_on(
    ranker: Ranker, features: Features, outcomes: Outcomes, arms: Ints
) -> tuple[PairBet, ...]:
    """The bets on one group's pairs; `arms` (arms of the group) are row numbers."""
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
