"""Every pair of arms on every day not looked at before, and who won when.

Axes: (E) experiments, (A) arms, (P) pairs of arms a < b, (D) days of age 1 to 14.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ig_assets.core.experiments.evidence import (
    LOG_E_WINNER,
    Z_FINAL,
    Floats,
    pair_evidence,
)
from ig_assets.core.experiments.snapshots import (
    FINAL_DAY,
    Bools,
    Experiments,
    Ints,
    counts_at_days,
)


@dataclass(frozen=True)
class Looks:
    """Comparisons: `looked` (E, D) are the new looks, up to the one that decides.

    `decided_on` (E) is that day, 0 for none; `decidable` (E) says that every arm had
    events enough on it. `leader` (E, D) is an arm's number; `won` (E, D) says that
    it beats all others, `by_e` that the e-values alone suffice. `events` and `trials`
    are (A, D); `log_rate_ratio` and the arrays after it (P, D), a over b.
    """

    looked: Bools
    decided_on: Ints
    decidable: Bools
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


def compare_arms(ex: Experiments) -> Looks:
    """Compare at equal age; evidence of earlier looks counts through its maximum.

    An e-value only speaks for the arm that was ahead when it was reached, so the
    maxima are kept for each arm of a pair apart.
    """
    events, trials = counts_at_days(ex)
    pair_experiment, a, b = _pairs(ex)
    n, days = len(ex.ids), FINAL_DAY
    evidence = pair_evidence(
        events[a], trials[a], events[b], trials[b], ex.sigma[pair_experiment][:, None]
    )
    seen_until, max_log_e, for_a, for_b = _seen(ex, pair_experiment, a, b)
    day = np.arange(1, days + 1)[None, :]
    sizes = np.diff(ex.starts)
    owner = np.repeat(np.arange(n), sizes)
    known = ~np.isnan(events)
    missing = np.zeros((n, days), dtype=np.int64)
    np.add.at(missing, owner, ~known)
    looked = (missing == 0) & (sizes >= 2)[:, None] & (day > seen_until[:, None])

    d = evidence.log_rate_ratio
    log_e = np.where(looked[pair_experiment], evidence.log_e, 0.0)
    running = _running_max(log_e, max_log_e)
    ahead_a = _running_max(np.where(d > 0, log_e, 0.0), for_a)
    ahead_b = _running_max(np.where(d < 0, log_e, 0.0), for_b)

    leader = _leaders(events, trials, owner, ex.starts, n)
    leads_a = leader[pair_experiment] == a[:, None]
    leads_b = leader[pair_experiment] == b[:, None]
    final = looked[pair_experiment] & (day == FINAL_DAY)
    by_e = (leads_a & (d > 0) & (ahead_a >= LOG_E_WINNER)) | (
        leads_b & (d < 0) & (ahead_b >= LOG_E_WINNER)
    )
    by_z = final & (
        (leads_a & (evidence.z > Z_FINAL)) | (leads_b & (evidence.z < -Z_FINAL))
    )
    beaten = np.zeros((n, days), dtype=np.int64)
    np.add.at(beaten, pair_experiment, by_e | by_z)
    beaten_by_e = np.zeros((n, days), dtype=np.int64)
    np.add.at(beaten_by_e, pair_experiment, by_e)
    thin = np.zeros((n, days), dtype=np.int64)
    np.add.at(thin, pair_experiment, ~evidence.enough)
    others = (sizes - 1)[:, None]
    won = looked & (beaten == others) & (thin == 0)

    ends = won | (looked & (day == FINAL_DAY))
    first = np.where(ends.any(axis=1), ends.argmax(axis=1) + 1, 0)
    looked &= (first == 0)[:, None] | (day <= first[:, None])
    at_end = thin[np.arange(n), np.maximum(first, 1) - 1]
    return Looks(
        looked=looked,
        decided_on=first,
        decidable=(first > 0) & (at_end == 0),
        leader=leader,
        won=won,
        by_e=beaten_by_e == others,
        events=events,
        trials=trials,
        pair_experiment=pair_experiment,
        pair_a=a,
        pair_b=b,
        log_rate_ratio=d,
        variance=evidence.variance,
        log_e=log_e,
        max_log_e=running,
        z=evidence.z,
    )


def _pairs(ex: Experiments) -> tuple[Ints, Ints, Ints]:
    """All pairs a < b within an experiment: experiment, arm a, arm b, in order."""
    sizes = np.diff(ex.starts)
    parts = []
    for size in np.unique(sizes[sizes >= 2]):
        which = np.flatnonzero(sizes == size)
        i, j = np.triu_indices(int(size), k=1)
        first = ex.starts[which][:, None]
        parts.append(
            np.stack(
                [
                    np.repeat(which, i.size),
                    (first + i).ravel(),
                    (first + j).ravel(),
                ]
            )
        )
    if not parts:
        none = np.empty(0, dtype=np.int64)
        return none, none, none
    table = np.concatenate(parts, axis=1)
    table = table[:, np.lexsort(table[::-1])]
    return table[0], table[1], table[2]


def _seen(
    ex: Experiments, pair_experiment: Ints, a: Ints, b: Ints
) -> tuple[Floats, Floats, Floats, Floats]:
    """Last day looked at (experiments) and maxima so far (pairs), 0 for none."""
    until = np.zeros(len(ex.ids))
    maxima = np.zeros((3, pair_experiment.size))
    if ex.seen:
        for pair, (i, x, y) in enumerate(zip(pair_experiment, a, b, strict=True)):
            row = ex.seen.get((ex.ids[i], ex.arms[x], ex.arms[y]))
            if row is not None:
                until[i] = max(until[i], row["age_days"])
                maxima[:, pair] = row["max_log_e"], row["for_a"], row["for_b"]
    return until, maxima[0], maxima[1], maxima[2]


def _running_max(log_e: Floats, start: Floats) -> Floats:
    running = np.maximum.accumulate(log_e, axis=1)
    return np.maximum(running, np.maximum(start, 0.0)[:, None])


def _leaders(events: Floats, trials: Floats, owner: Ints, starts: Ints, n: int) -> Ints:
    """The arm with the highest rate (n, days); the first one where rates tie."""
    with np.errstate(all="ignore"):
        rate = np.where(trials > 0, events / trials, 0.0)
    rate = np.where(np.isnan(rate), 0.0, rate)
    best = np.full((n, rate.shape[1]), -1.0)
    np.maximum.at(best, owner, rate)
    arm = np.where(rate == best[owner], np.arange(owner.size)[:, None], owner.size)
    leader = np.full((n, rate.shape[1]), owner.size, dtype=np.int64)
    np.minimum.at(leader, owner, arm)
    return leader
