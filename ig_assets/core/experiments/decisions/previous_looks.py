"""Reads the results of earlier looks at undecided experiments, by pair of arms."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from ig_assets.core.experiments.stats.decision_rule import (
    Bools,
    Ints,
    PreviousState,
    arm_pairs,
)
from ig_assets.core.experiments.stats.e_values import Floats
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

# `z` is from the experiment's single look on z, which is taken once for all pairs.
# `events_a` and so on are the counts of the latest look. If a final count fell, the
# looks before it used wrong counts and are ignored. Looks under other terms (another
# split, σ or rate) are ignored too, except that the look on z was taken: `z_events_a`
# and so on are its counts, on which it may be repeated under the present terms. Counts
# are compared only within the same terms.
_PREVIOUS = """
WITH looks AS (
    SELECT s.*,
        e.terms_since IS NULL OR s.data_through > e.terms_since AS of_these_terms,
        s.age_days IS NULL AND (
            s.events_a < lag(s.events_a) OVER before
            OR s.trials_a < lag(s.trials_a) OVER before
        ) AS fell_a,
        s.age_days IS NULL AND (
            s.events_b < lag(s.events_b) OVER before
            OR s.trials_b < lag(s.trials_b) OVER before
        ) AS fell_b
    FROM evidence AS s
    JOIN experiments AS e
      ON e.experiment_id = s.experiment_id
     AND e.status <> 'decided'
    WINDOW before AS (
        PARTITION BY s.experiment_id, s.arm_a, s.arm_b,
            coalesce(s.data_through > e.terms_since, TRUE)
        ORDER BY s.data_through
    )
),
sound AS (
    SELECT l.*, l.of_these_terms AND NOT coalesce(bool_or(l.fell_a OR l.fell_b) OVER (
        PARTITION BY l.experiment_id, l.arm_a, l.arm_b
        ORDER BY l.data_through
        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ), FALSE) AS counts
    FROM looks AS l
)
SELECT s.experiment_id, s.arm_a, s.arm_b,
       max(coalesce(s.age_days, 0)) AS age_days,
       max(s.data_through) AS data_through,
       bool_or(k.experiment_id IS NOT NULL) AS z_taken,
       bool_or(s.of_these_terms) AS of_these_terms,
       bool_or(coalesce(s.fell_a, FALSE)) AS fell_a,
       bool_or(coalesce(s.fell_b, FALSE)) AS fell_b,
       max(CASE WHEN s.counts AND s.data_through = k.data_through THEN s.z END) AS z,
       max(CASE WHEN s.counts AND s.log_rate_ratio > 0 THEN s.log_e ELSE 0 END)
           AS ahead_a,
       max(CASE WHEN s.counts AND s.log_rate_ratio < 0 THEN s.log_e ELSE 0 END)
           AS ahead_b,
       max(CASE WHEN s.data_through = k.data_through AND NOT s.of_these_terms
           THEN s.events_a END) AS z_events_a,
       max(CASE WHEN s.data_through = k.data_through THEN s.trials_a END) AS z_trials_a,
       max(CASE WHEN s.data_through = k.data_through THEN s.events_b END) AS z_events_b,
       max(CASE WHEN s.data_through = k.data_through THEN s.trials_b END) AS z_trials_b,
       arg_max(s.events_a, s.data_through) AS events_a,
       arg_max(s.trials_a, s.data_through) AS trials_a,
       arg_max(s.events_b, s.data_through) AS events_b,
       arg_max(s.trials_b, s.data_through) AS trials_b
FROM sound AS s
LEFT JOIN z_looks AS k
  ON k.experiment_id = s.experiment_id
GROUP BY s.experiment_id, s.arm_a, s.arm_b
"""

Known = dict[tuple[str, str, str], dict[str, Any]]


def known_pairs(con: Connection) -> tuple[Known, dict[str, datetime]]:
    """Return ({pair: its row}, {experiment id: time of the latest look}).

    A pair is (experiment id, arm a, arm b). It has a row if it was evaluated before.
    """
    known: Known = {}
    through: dict[str, datetime] = {}
    for row in fetch_dicts(con, _PREVIOUS):
        key = row["experiment_id"]
        known[key, row["arm_a"], row["arm_b"]] = row
        if row["data_through"] is not None:
            last = through.get(key, row["data_through"])
            through[key] = max(last, row["data_through"])
    return known, through


def previous_state(
    known: Known, ids: list[str], arms: list[str], starts: Ints, finals: Floats
) -> PreviousState:
    """Return the state after earlier looks, as `decide_sequentially` takes it.

    `finals` (arms, 2) are final events and trials, NaN for other experiments. If a
    final count fell, earlier looks at the pair used wrong counts and are ignored. If
    the single z-test was made on the present counts under other terms (split, sigma or
    rate), it is repeated under the present terms, and does not count as a second one.
    """
    pairs = arm_pairs(starts)
    is_same_look = np.diff(starts) > 1
    state = PreviousState(
        np.zeros(len(ids)),
        np.zeros(len(ids), dtype=np.bool_),
        *np.zeros((3, pairs.a.size)),
    )
    for pair, (i, a, b) in enumerate(zip(*pairs, strict=True)) if known else ():
        found = known.get((ids[i], arms[a], arms[b]))
        is_same_look[i] &= found is not None and _at_z(found) == (
            *finals[a].tolist(),
            *finals[b].tolist(),
        )
        if found is not None:
            state.until[i] = max(state.until[i], found["age_days"])
            state.z_taken[i] |= found["z_taken"]
            counts = np.array(
                [
                    [found["events_a"], found["trials_a"]],
                    [found["events_b"], found["trials_b"]],
                ]
            )
            if (finals[[a, b]] < counts).any():
                continue
            state.ahead_a[pair] = found["ahead_a"]
            state.ahead_b[pair] = found["ahead_b"]
            state.z[pair] = found["z"] or 0.0
    state.z_taken[is_same_look] = False
    return state


def _at_z(found: dict[str, Any]) -> tuple[float | None, ...]:
    """Return the counts of a pair at its z-test, if that had other terms than now.

    The order is events and trials of arm a, then of arm b. The first is None without
    such a test.
    """
    names = ("z_events_a", "z_trials_a", "z_events_b", "z_trials_b")
    return tuple(found[name] for name in names)


def lowered_arms(
    known: Known, ids: list[str], arms: list[str], starts: Ints, finals: Floats
) -> dict[str, list[str]]:
    """Return {experiment id: arms of which a final count fell, now or earlier}.

    `finals` are as in `previous_state`.
    """
    found: dict[str, set[str]] = {}
    counts = finals.tolist()
    for i, *pair in zip(*arm_pairs(starts), strict=True) if known else ():
        row = known.get((ids[i], *(arms[arm] for arm in pair)))
        if row is None:
            continue
        for arm, side in zip(pair, "ab", strict=True):
            events, trials = counts[arm]
            fell = events < row[f"events_{side}"] or trials < row[f"trials_{side}"]
            if fell and row["of_these_terms"] or row[f"fell_{side}"]:
                found.setdefault(ids[i], set()).add(arms[arm])
    return {key: sorted(names) for key, names in found.items()}


def seen_before(
    known: Known,
    ids: list[str],
    arms: list[str],
    starts: Ints,
    events: Floats,
    trials: Floats,
) -> Bools:
    """Return (experiments) whether the latest look was at the present counts.

    `events` and `trials` (arms) are the present counts. The result is true only if they
    are unchanged for every arm.
    """
    seen = np.diff(starts) > 1
    for i, a, b in zip(*arm_pairs(starts), strict=True) if known else ():
        found = known.get((ids[i], arms[a], arms[b]))
        seen[i] &= found is not None and (
            found["of_these_terms"]
            and (found["events_a"], found["trials_a"]) == (events[a], trials[a])
            and (found["events_b"], found["trials_b"]) == (events[b], trials[b])
        )
    return seen if known else np.zeros(len(ids), dtype=np.bool_)
