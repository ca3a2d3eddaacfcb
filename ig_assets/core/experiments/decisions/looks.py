"""The undecided experiments' histories: laid out by size, decided, laid back.

Axes: (E) experiments, (A) arms, (P) pairs of arms a < b, (D) days of age 1 to 14.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ig_assets.core.experiments.decisions.readings import (
    UndecidedExperiments,
    counts_at_days,
)
from ig_assets.core.experiments.stats.decision_rule import (
    FINAL_DAY,
    PROVISIONAL_LIFT,
    RUNNING,
    Bools,
    Ints,
    PreviousState,
    decide_histories,
)
from ig_assets.core.experiments.stats.e_values import Floats

_OF_PAIRS = ("log_rate_ratio", "variance", "log_e", "max_log_e", "z")
_OF_EXPERIMENTS = ("decision", "decided_on", "decidable", "looked", "won", "by_e")


@dataclass(frozen=True)
class SequentialResult:
    """What `decide_histories` says, for arms numbered through all experiments.

    `decision` (E), `decided_on` (E), `decidable` (E), `looked`, `leader` (an arm's
    number), `won` and `by_e` (E, D) as there. `events` and `trials` are (A, D);
    `log_rate_ratio` and the arrays after it (P, D), a over b.
    """

    decision: Ints
    decided_on: Ints
    decidable: Bools
    looked: Bools
    leader: Ints
    won: Bools
    by_e: Bools
    events: Floats
    trials: Floats
    pair_experiment: Ints
    pair_a: Ints
    pair_b: Ints
    log_rate_ratio: Floats
    variance: Floats
    log_e: Floats
    max_log_e: Floats
    z: Floats

    def leads(self, i: int, column: int, leader: int) -> tuple[Floats, Floats]:
        """Log rate ratios of the leader over each other arm, and their variances."""
        first, last = np.searchsorted(self.pair_experiment, [i, i + 1])
        of = slice(int(first), int(last))
        is_a, is_b = self.pair_a[of] == leader, self.pair_b[of] == leader
        mine = is_a | is_b
        sign = np.where(is_a, 1.0, -1.0)[mine]
        d = self.log_rate_ratio[of, column][mine] * sign
        return d, self.variance[of, column][mine]


def compare_arms(
    ex: UndecidedExperiments, provisional_lift: float = PROVISIONAL_LIFT
) -> SequentialResult:
    """Compare at equal age; evidence of earlier looks counts through its maximum."""
    events, trials = counts_at_days(ex)
    sizes = np.diff(ex.starts)
    pairs_of = np.where(sizes >= 2, sizes * (sizes - 1) // 2, 0)
    first_pair = np.concatenate([[0], np.cumsum(pairs_of)]).astype(np.int64)
    n, count = len(ex.ids), int(first_pair[-1])
    pair_experiment = np.repeat(np.arange(n), pairs_of)
    pair_a, pair_b = np.zeros(count, np.int64), np.zeros(count, np.int64)
    of_pairs = {name: np.full((count, FINAL_DAY), np.nan) for name in _OF_PAIRS}
    leader = np.zeros((n, FINAL_DAY), np.int64)
    of_experiments = {
        "decision": np.full(n, RUNNING),
        "decided_on": np.zeros(n, np.int64),
        "decidable": np.zeros(n, np.bool_),
    } | {name: np.zeros((n, FINAL_DAY), np.bool_) for name in _OF_EXPERIMENTS[3:]}
    for size in np.unique(sizes[sizes >= 2]):
        which = np.flatnonzero(sizes == size)
        arms = ex.starts[which][:, None] + np.arange(size)
        a, b = np.triu_indices(int(size), k=1)
        rows = first_pair[which][:, None] + np.arange(a.size)
        pair_a[rows], pair_b[rows] = arms[:, a], arms[:, b]
        found = decide_histories(
            events[arms],
            trials[arms],
            ex.sigma[which],
            before=_seen(ex, which, arms[:, a], arms[:, b]),
            provisional_lift=provisional_lift,
        )
        leader[which] = arms[:, :1] + found.leader
        for name in _OF_EXPERIMENTS:
            of_experiments[name][which] = getattr(found, name)
        for name in _OF_PAIRS:
            of_pairs[name][rows] = getattr(found, name)
    return SequentialResult(
        leader=leader,
        events=events,
        trials=trials,
        pair_experiment=pair_experiment,
        pair_a=pair_a,
        pair_b=pair_b,
        **of_experiments,
        **of_pairs,
    )


def _seen(ex: UndecidedExperiments, which: Ints, a: Ints, b: Ints) -> PreviousState:
    """Last day looked at and maxima so far of these experiments, 0 for none.

    Where the one look at z was taken, an arm that came after it gets none.
    """
    until = np.zeros(which.size)
    maxima = np.zeros((3, *a.shape))
    z = np.full(a.shape, np.nan)
    if ex.seen:
        for row, i in enumerate(which):
            for pair, (x, y) in enumerate(zip(a[row], b[row], strict=True)):
                seen = ex.seen.get((ex.ids[i], ex.arms[x], ex.arms[y]))
                if seen is not None:
                    until[row] = max(until[row], seen["age_days"])
                    known = seen["max_log_e"], seen["for_a"], seen["for_b"]
                    maxima[:, row, pair] = known
                    z[row, pair] = np.nan if seen["z"] is None else seen["z"]
    spent = ~np.isnan(z).all(axis=1, keepdims=True)
    z[spent & np.isnan(z)] = 0.0
    best, for_a, for_b = maxima
    return PreviousState(until, best, for_a, for_b, z)
