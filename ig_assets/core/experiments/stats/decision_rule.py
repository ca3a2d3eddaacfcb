"""The decision rule: which arm won an experiment, on which day of age, or none.

This is the only implementation, for all experiments at once; `decisions/decide.py` and
the benchmarks call it. The rule combines two tests of each pair of arms, whose error
rates add up to 5 % per pair:

* at any look: e >= 40 (`E_WINNER`), where e is the mixture e-value of `e_values.py`;
  by Ville's inequality at most 1 pair in 40 without a difference ever reaches it;
* at a single look per experiment: |z| > 2.24 (`Z_FINAL`), two-sided p < 0.025.

The single look is the first one on day 14 at which every arm has enough events and the
experiment is over. It is taken once, for all pairs: an arm or a count that comes later
is judged by e-values alone.

Axes: (E) experiments; (A) the arms of all experiments, numbered consecutively; (P)
pairs of arms a < b of one experiment, numbered consecutively; (D) days of age 1 to D.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ig_assets.core.experiments.stats.e_values import (
    LOG_E_WINNER,
    Z_FINAL,
    Floats,
    pair_evidence,
    shrunken_lift,
)

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FINAL_DAY = 14
PROVISIONAL_LIFT = 0.05
RUNNING, WINNER, PROVISIONAL, INCONCLUSIVE = range(4)
# Cells (pairs x days) per block, so that a block fits into a core's cache.
CELLS = 1 << 16


class ArmPairs(NamedTuple):
    """Pairs of arms of one experiment; each array has shape (P).

    The arrays are sorted by experiment, a and b.
    """

    experiment: Ints
    a: Ints
    b: Ints


@dataclass(frozen=True)
class PreviousState:
    """The state after earlier looks.

    `until` (E) is the last day that was evaluated, 0 if none was, and `z_taken` (E)
    says whether the single z-test has been made. For each pair (P), `ahead_a` and
    `ahead_b` are the running maxima of ln e over the looks at which a or b was ahead;
    `z` is from the single z-test, 0 if it was not made or did not include the pair.
    """

    until: Floats
    z_taken: Bools
    ahead_a: Floats
    ahead_b: Floats
    z: Floats

    @classmethod
    def none(cls, experiments: int, pairs: int) -> PreviousState:
        """Return the state before the first look."""
        zeros = np.zeros(pairs)
        taken = np.zeros(experiments, dtype=np.bool_)
        return cls(np.zeros(experiments), taken, zeros, zeros, zeros)


@dataclass(frozen=True)
class SequentialResult:
    """The decisions, and the evidence at each look.

    Per experiment (E): `decision` is RUNNING to INCONCLUSIVE; `decided_on` is the day
    that ended the experiment, 0 while it is running. On that day, `leader` is the arm
    with the highest rate (-1 while running), `decidable` says whether every arm had
    enough events, and `by_e` whether e-values alone make the leader a winner.
    `evaluated` (E, D) marks the new looks, up to the day of the decision; `z_look` (E)
    says whether one of them is the experiment's single look on z.

    Per pair: `pair_experiment`, `arm_a` and `arm_b` (P); `z_valid` (P), the z of the
    single look, now or earlier (0 if there was none); and the evidence at each look (P,
    D), where ratios are a over b. `ahead_a` and `ahead_b` are the running maxima of ln
    e, at least 0, over looks at which that arm was ahead.
    """

    decision: Ints
    decided_on: Ints
    leader: Ints
    decidable: Bools
    by_e: Bools
    evaluated: Bools
    z_look: Bools
    pair_experiment: Ints
    arm_a: Ints
    arm_b: Ints
    z_valid: Floats
    log_rate_ratio: Floats
    variance: Floats
    log_e: Floats
    ahead_a: Floats
    ahead_b: Floats
    z: Floats

    @property
    def max_log_e(self) -> Floats:
        """The running maximum of ln e (P, D), whichever arm was ahead; at least 0."""
        return np.maximum(self.ahead_a, self.ahead_b)

    def leads(self, i: int) -> tuple[Floats, Floats]:
        """Return (the leader's log rate ratios over each other arm, their variances).

        Both are of decided experiment `i` on the day of its decision.
        """
        first, last = np.searchsorted(self.pair_experiment, [i, i + 1])
        pairs, column = slice(int(first), int(last)), self.decided_on[i] - 1
        is_a = self.arm_a[pairs] == self.leader[i]
        mine = is_a | (self.arm_b[pairs] == self.leader[i])
        sign = np.where(is_a, 1.0, -1.0)[mine]
        d = self.log_rate_ratio[pairs, column][mine] * sign
        return d, self.variance[pairs, column][mine]


def arm_pairs(starts: Ints) -> ArmPairs:
    """Return all pairs of arms a < b within each experiment.

    The arms of experiment i are `starts[i]` to `starts[i + 1] - 1`; `starts` has shape
    (E + 1).
    """
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    arms = np.arange(owner.size)
    later = starts[owner + 1] - arms - 1
    a = np.repeat(arms, later)
    nth = np.arange(a.size) - np.repeat(np.cumsum(later) - later, later)
    return ArmPairs(owner[a], a, a + 1 + nth)


def decide_sequentially(
    starts: Ints,
    events: Floats,
    trials: Floats,
    sigma: Floats,
    *,
    before: PreviousState | None = None,
    over: Bools | None = None,
    final_day: int = FINAL_DAY,
    provisional_lift: float = PROVISIONAL_LIFT,
) -> SequentialResult:
    """Apply the rule to cumulative counts (A, D) at days of age 1 to D.

    The arms of experiment i are `starts[i]` to `starts[i + 1] - 1`; `starts` has shape
    (E + 1). `sigma` (E) is the standard deviation between posts on the log scale. NaN
    marks an age that an arm has not reached; there is no look at it. `over` (E) is
    false while the audience is still being divided, so that the counts of the last day
    may still grow; all are over by default. `before` is the state after earlier looks.

    A *winner* leads every other arm, either with e >= E_WINNER at a look at which it
    was ahead of that arm, or with |z| > Z_FINAL at the single look on z. That is the
    first look on `final_day` at which the experiment is over and every arm has enough
    events. If it was taken before, its z values stay, and other pairs have none. An
    e-value is evidence only for the arm that was ahead when it was reached, so each arm
    of a pair has a separate maximum.

    *Provisional*: no winner by the last day, sigma > 0, enough events, and the leader's
    shrunken lift (log scale) over each other arm is at least `provisional_lift`.
    *Inconclusive*: anything else on the last day. *Running*: the last day was not
    reached, or the experiment is not over.
    """
    pair_starts = np.searchsorted(arm_pairs(starts).experiment, np.arange(len(starts)))
    n, pairs, days = len(starts) - 1, int(pair_starts[-1]), events.shape[1]
    before = before or PreviousState.none(n, pairs)
    over = np.ones(n, dtype=np.bool_) if over is None else over
    chunk = max(1, CELLS // max(1, days))
    cuts = np.searchsorted(pair_starts, np.arange(chunk, pairs, chunk))
    parts = []
    for first, last in pairwise(np.unique([0, *cuts, n])) if n else [(0, 0)]:
        arms = slice(starts[first], starts[last])
        of = slice(pair_starts[first], pair_starts[last])
        parts.append(
            _decide(
                (int(first), int(starts[first])),
                starts[first : last + 1] - starts[first],
                events[arms],
                trials[arms],
                sigma[first:last],
                PreviousState(
                    before.until[first:last],
                    before.z_taken[first:last],
                    before.ahead_a[of],
                    before.ahead_b[of],
                    before.z[of],
                ),
                over[first:last],
                final_day,
                provisional_lift,
            )
        )
    return SequentialResult(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(SequentialResult)
        )
    )


def _decide(
    offset: tuple[int, int],
    starts: Ints,
    events: Floats,
    trials: Floats,
    sigma: Floats,
    before: PreviousState,
    over: Bools,
    final_day: int,
    provisional_lift: float,
) -> SequentialResult:
    """Decide a block of experiments.

    `offset` is (number of experiments, number of arms) before the block.
    """
    n, days = len(starts) - 1, events.shape[1]
    of, a, b = arm_pairs(starts)
    pair_starts = np.searchsorted(of, np.arange(n + 1))
    evidence = pair_evidence(
        events[a], trials[a], events[b], trials[b], sigma[of, None]
    )
    day = np.arange(1, days + 1)
    known = _all(~(np.isnan(events) | np.isnan(trials)), starts)
    evaluated = known & (day > before.until[:, None])
    evaluated &= (np.diff(starts) > 1)[:, None]
    d = evidence.log_rate_ratio
    log_e = np.where(evaluated[of], evidence.log_e, 0.0)
    leader = _leaders(events, trials, starts)
    leads_a, leads_b = leader[of] == a[:, None], leader[of] == b[:, None]
    ahead_a = _running_max(np.where(d > 0, log_e, 0.0), before.ahead_a)
    ahead_b = _running_max(np.where(d < 0, log_e, 0.0), before.ahead_b)
    by_e = (leads_a & (d > 0) & (ahead_a >= LOG_E_WINNER)) | (
        leads_b & (d < 0) & (ahead_b >= LOG_E_WINNER)
    )
    others = ~(leads_a | leads_b)
    enough = _all(evidence.enough, pair_starts)
    beaten = by_e | others
    z_look = np.zeros(n, dtype=np.bool_)
    z = before.z
    if final_day <= days:
        final = final_day - 1
        z_look = over & ~before.z_taken & evaluated[:, final] & enough[:, final]
        z = np.where(z_look[of], evidence.z[:, final], before.z)
        ahead = np.where(d[:, final] > 0, leads_a[:, final], leads_b[:, final])
        beaten[:, final] |= ahead & (z * np.sign(d[:, final]) > Z_FINAL)
    won = evaluated & enough & _all(beaten, pair_starts)

    ends = won.copy()
    ends[:, -1] |= evaluated[:, -1] & over
    ended, last = np.asarray(ends.any(axis=1)), ends.argmax(axis=1)
    at, pair_at = (np.arange(n), last), (np.arange(of.size), last[of])
    lead = np.where(leads_a[pair_at], 1.0, -1.0) * d[pair_at]
    lift = shrunken_lift(lead, evidence.variance[pair_at])
    clear = _all((lift >= provisional_lift) | others[pair_at], pair_starts)
    expected = (sigma > 0) & enough[at] & clear
    undecided = np.where(expected, PROVISIONAL, INCONCLUSIVE)
    decision = np.where(ended, np.where(won[at], WINNER, undecided), RUNNING)
    decided_on = np.where(ended, last + 1, 0)
    z_look &= ~ended | (final_day <= decided_on)
    return SequentialResult(
        decision=decision.astype(np.int64),
        decided_on=decided_on,
        leader=np.where(ended, leader[at] + offset[1], -1),
        decidable=ended & enough[at],
        by_e=ended & _all(np.asarray(by_e | others)[pair_at], pair_starts),
        evaluated=evaluated & (~ended[:, None] | (day <= decided_on[:, None])),
        z_look=z_look,
        pair_experiment=of + offset[0],
        arm_a=a + offset[1],
        arm_b=b + offset[1],
        z_valid=np.where((z_look | before.z_taken)[of], z, 0.0),
        log_rate_ratio=d,
        variance=evidence.variance,
        log_e=log_e,
        ahead_a=ahead_a,
        ahead_b=ahead_b,
        z=evidence.z,
    )


def _running_max(log_e: Floats, start: Floats) -> Floats:
    running = np.maximum.accumulate(log_e, axis=-1)
    return np.maximum(running, np.maximum(start, 0.0)[..., None])


def _leaders(events: Floats, trials: Floats, starts: Ints) -> Ints:
    """Return the arm with the highest rate (E, D); the first one if rates tie."""
    with np.errstate(all="ignore"):
        rate = np.where(trials > 0, events / trials, 0.0)
    rate = np.where(np.isnan(rate), 0.0, rate)
    best = np.repeat(_reduce(np.maximum, rate, starts), np.diff(starts), axis=0)
    arms = np.arange(len(rate))[:, None]
    tops = np.where(rate == best, arms, len(rate))
    return np.asarray(_reduce(np.minimum, tops, starts), np.int64)


def _all(values: Bools, starts: Ints) -> Bools:
    """Return whether all rows of each experiment are true; true without rows.

    The result has one row per experiment, and the other axes of `values`.
    """
    return np.asarray(_reduce(np.logical_and, values, starts, empty=True), np.bool_)


def _reduce(
    reduction: np.ufunc, values: npt.NDArray[Any], starts: Ints, empty: Any = 0
) -> npt.NDArray[Any]:
    """Return one row per experiment: a reduction over its rows (arms or pairs).

    The rows of experiment i are `starts[i]` to `starts[i + 1] - 1`; an experiment
    without rows gets `empty`.
    """
    sizes = np.diff(starts)
    if sizes.size and 0 < sizes.min() == sizes.max():  # several times faster
        shape = (sizes.size, sizes[0], *values.shape[1:])
        return np.asarray(reduction.reduce(values.reshape(shape), axis=1))
    found = np.full((sizes.size, *values.shape[1:]), empty, dtype=values.dtype)
    filled = np.flatnonzero(sizes)
    if filled.size:
        found[filled] = reduction.reduceat(values, starts[filled], axis=0)
    return found
