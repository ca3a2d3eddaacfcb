"""Whole histories of experiments, decided at once: who won on which day, or nobody.

The one implementation of the rule: the results stage and the benchmarks both call it.
Axes: (E) experiments, (A) arms, (P) pairs of arms a < b in lexical order, (D) days.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

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
# So many cells (experiments x pairs x days) at once stay within a core's cache.
CELLS = 1 << 16


@dataclass(frozen=True)
class PreviousState:
    """What earlier looks left: days up to `until` (E) were looked at, and the running
    maxima of ln e, in all and where a or b was ahead (each (E, P)). `z` (E, P) is that
    of the single final look where it was taken, else NaN."""

    until: Floats
    max_log_e: Floats
    ahead_a: Floats
    ahead_b: Floats
    z: Floats


@dataclass(frozen=True)
class Histories:
    """One row an experiment; `leader` is the arm with the highest rate that day.

    `decision` (E) is RUNNING to INCONCLUSIVE, `decided_on` (E) the day that ended it
    (0 for none), `decidable` (E) says that every arm had events enough then. `looked`
    (E, D) are the new looks up to that day, `won` and `by_e` (E, D) that the leader
    beats all others, and that e-values alone suffice; the rest is (E, P, D), a over b.
    """

    decision: Ints
    decided_on: Ints
    decidable: Bools
    looked: Bools
    leader: Ints
    won: Bools
    by_e: Bools
    log_rate_ratio: Floats
    variance: Floats
    log_e: Floats
    max_log_e: Floats
    z: Floats


def decide_histories(
    events: Floats,
    trials: Floats,
    sigma: Floats,
    *,
    before: PreviousState | None = None,
    final_day: int = FINAL_DAY,
    provisional_lift: float = PROVISIONAL_LIFT,
) -> Histories:
    """Decide cumulative counts (E, A, D) of days of age 1 to D; `sigma` is (E).

    NaN is an age that an arm has not reached: no look. A *winner* leads every other
    arm with e >= E_WINNER, reached on any day on which it was ahead of it, or with
    |z| > Z_FINAL on `final_day` alone, at the first look there. An e-value only
    speaks for the arm that was ahead when it was reached, so the maxima are kept for
    each arm of a pair apart.
    *Provisional*: no winner by the last day, sigma > 0, events enough, and the
    leader's shrunken lift (log scale) over each other arm >= `provisional_lift`.
    *Inconclusive*: anything else on the last day; *running*: it was not reached.
    """
    n, arms, days = events.shape
    pairs = arms * (arms - 1) // 2
    if before is None:
        none = np.zeros((n, pairs))
        before = PreviousState(
            np.zeros(n), none, none, none, np.full_like(none, np.nan)
        )
    chunk = max(1, CELLS // max(1, pairs * days))
    starts = range(0, n, chunk) if n else (0,)
    parts = [
        _decide(
            events[start : start + chunk],
            trials[start : start + chunk],
            sigma[start : start + chunk],
            PreviousState(
                *(getattr(before, f.name)[start : start + chunk] for f in PAST)
            ),
            final_day,
            provisional_lift,
        )
        for start in starts
    ]
    if len(parts) == 1:
        return parts[0]
    return Histories(
        *(np.concatenate([getattr(part, f.name) for part in parts]) for f in SHOWN)
    )


PAST, SHOWN = fields(PreviousState), fields(Histories)


def _decide(
    events: Floats,
    trials: Floats,
    sigma: Floats,
    before: PreviousState,
    final_day: int,
    provisional_lift: float,
) -> Histories:
    n, arms, days = events.shape
    a, b = np.triu_indices(arms, k=1)
    evidence = pair_evidence(
        events[:, a], trials[:, a], events[:, b], trials[:, b], sigma[:, None, None]
    )
    day = np.arange(1, days + 1)
    known = ~(np.isnan(events) | np.isnan(trials)).any(axis=1)
    looked = known & (day > before.until[:, None]) & (arms > 1)
    d = evidence.log_rate_ratio
    log_e = np.where(looked[:, None], evidence.log_e, 0.0)
    leader = _leaders(events, trials)
    leads_a = leader[:, None] == a[:, None]
    leads_b = leader[:, None] == b[:, None]
    ahead_a = _running_max(np.where(d > 0, log_e, 0.0), before.ahead_a)
    ahead_b = _running_max(np.where(d < 0, log_e, 0.0), before.ahead_b)
    by_e = (leads_a & (d > 0) & (ahead_a >= LOG_E_WINNER)) | (
        leads_b & (d < 0) & (ahead_b >= LOG_E_WINNER)
    )
    taken = before.z[..., None]
    z = np.where(np.isnan(taken), evidence.z, taken)
    by_z = (leads_a & (d > 0) & (z > Z_FINAL)) | (leads_b & (d < 0) & (z < -Z_FINAL))
    beaten = by_e | (by_z & (day == final_day))
    enough = np.asarray(evidence.enough.all(axis=1))
    won = looked & enough & (beaten.sum(axis=1) == arms - 1)

    ends = won.copy()
    ends[:, -1] |= looked[:, -1]
    on = np.where(ends.any(axis=1), ends.argmax(axis=1) + 1, 0)
    at, ended = (np.arange(n), np.maximum(on, 1) - 1), on > 0
    sign = np.where(leads_a, 1.0, np.where(leads_b, -1.0, np.nan))
    lift = shrunken_lift(d * sign, evidence.variance)
    ahead = (lift >= provisional_lift).sum(axis=1) == arms - 1
    expected = np.asarray((sigma > 0)[:, None] & enough & ahead)
    undecided = np.where(expected[at], PROVISIONAL, INCONCLUSIVE)
    decision = np.where(ended, np.where(won[at], WINNER, undecided), RUNNING)
    return Histories(
        decision=decision.astype(np.int64),
        decided_on=on,
        decidable=ended & enough[at],
        looked=looked & (~ended[:, None] | (day <= on[:, None])),
        leader=leader,
        won=won,
        by_e=by_e.sum(axis=1) == arms - 1,
        log_rate_ratio=d,
        variance=evidence.variance,
        log_e=log_e,
        max_log_e=_running_max(log_e, before.max_log_e),
        z=evidence.z,
    )


def _running_max(log_e: Floats, start: Floats) -> Floats:
    running = np.maximum.accumulate(log_e, axis=-1)
    return np.maximum(running, np.maximum(start, 0.0)[..., None])


def _leaders(events: Floats, trials: Floats) -> Ints:
    """The arm with the highest rate (E, D); the first one where rates tie."""
    with np.errstate(all="ignore"):
        rate = np.where(trials > 0, events / trials, 0.0)
    return np.asarray(np.where(np.isnan(rate), 0.0, rate).argmax(axis=1), np.int64)
