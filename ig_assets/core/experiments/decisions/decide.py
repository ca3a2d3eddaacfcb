"""From snapshots to decisions: all undecided experiments in one vectorised pass.

`snapshots.py` reads the rows into arrays, `looks.py` has them decided at equal age by
`histories.py`; this module says so in words and writes what was seen. A look is a row
of `evidence`: days that were looked at are never looked at again, so a rerun decides
nothing twice, and what is decided does not depend on how often the asset ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from ig_assets.core.experiments.decisions.looks import SequentialResult, compare_arms
from ig_assets.core.experiments.decisions.readings import (
    TICK,
    UndecidedExperiments,
    load_undecided,
)
from ig_assets.core.experiments.decisions.reopen import reopen_grown
from ig_assets.core.experiments.stats.decision_rule import (
    FINAL_DAY,
    PROVISIONAL,
    PROVISIONAL_LIFT,
    WINNER,
)
from ig_assets.core.experiments.stats.e_values import E_WINNER, shrunken_lift
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.ports import Clock
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

_LATEST = """
SELECT experiment_id, decided_at, decision, winner_arm, data_through
FROM (
    SELECT experiment_id, decided_at, decision, winner_arm, data_through,
           row_number() OVER (
               PARTITION BY experiment_id
               ORDER BY decided_at DESC
           ) AS recency
    FROM decisions
) AS latest
WHERE recency = 1
"""

# An import that is repeated with more rows opens its experiments again; what was
# decided of them stays decided, but where there is more to see (`reopening.py`).
_CLOSE_AGAIN = """
UPDATE experiments
SET status = 'decided'
WHERE status <> 'decided'
  AND experiment_id IN (
      SELECT experiment_id
      FROM decisions
      WHERE decision <> 'running'
  )
"""

_SAME = ("decision", "winner_arm", "data_through")

_CLOSE = """
UPDATE experiments
SET status = 'decided'
FROM (SELECT unnest(?::TEXT[]) AS experiment_id) AS done
WHERE experiments.experiment_id = done.experiment_id
"""


@dataclass(frozen=True)
class ResultsSummary:
    """What one update did: `experiments` were undecided before it, `looked` were
    compared at an age not compared before, then the new decisions, those still
    `running`, and the `undecidable` among the inconclusive (no comparison, or an
    arm with fewer than 25 events). `again` of them were decided before, on older
    counts or fewer arms."""

    experiments: int
    looked: int
    winners: int
    provisional: int
    inconclusive: int
    running: int
    undecidable: int
    again: int = 0


@dataclass(frozen=True)
class Verdict:
    """What the rule says of one experiment; lifts are leader over runner-up."""

    decision: str
    reason: str
    leader: int | None = None
    lift: float | None = None
    shrunken_lift: float | None = None
    data_through: datetime | None = None


def update_results(
    warehouse: Warehouse,
    clock: Clock,
    *,
    provisional_lift: float = PROVISIONAL_LIFT,
    run_id: str = "",
) -> ResultsSummary:
    """Look at every undecided experiment and decide what can be decided.

    A *winner* beats every other arm with e >= 40 at some look at which it was ahead
    of it (and still is), or with z at p < 0.025 at the single look at day 14.
    *Provisional*: organic (sigma > 0), day 14, every arm >= 25 events, and the
    leader's shrunken lift (log scale) over each other arm >= `provisional_lift`.
    *Inconclusive*: anything else at day 14, or no such day by the experiment's end.
    Decisions are appended when they change, or rest on newer counts; `lift` is a
    ratio minus 1, `shrunken_lift` stays on the log scale. An import that has grown is
    looked at again: by its e-values, as z is good for one look only.
    """
    now = clock.now()
    with warehouse.transaction() as con:
        con.execute(_CLOSE_AGAIN)
        again = reopen_grown(con)
        experiments = load_undecided(con)
        looks = compare_arms(experiments, provisional_lift)
        verdicts = _verdicts(experiments, looks, now, provisional_lift)
        merge_rows(con, "evidence", _evidence_rows(experiments, looks), replace=False)
        _write_decisions(con, experiments, verdicts, now, run_id)
    found = [v.decision for v in verdicts]
    final = [i for i, v in enumerate(verdicts) if v.decision == "inconclusive"]
    return ResultsSummary(
        experiments=len(found),
        looked=int(looks.looked.any(axis=1).sum()),
        winners=found.count("winner"),
        provisional=found.count("provisional"),
        inconclusive=len(final),
        running=found.count("running"),
        undecidable=sum(not looks.decidable[i] for i in final),
        again=again,
    )


def _verdicts(
    ex: UndecidedExperiments,
    looks: SequentialResult,
    now: datetime,
    provisional_lift: float,
) -> list[Verdict]:
    """One verdict an experiment, in the order of `ex`."""
    verdicts = []
    for i in range(len(ex.ids)):
        day = int(looks.decided_on[i])
        if day:
            verdicts.append(_at_day(ex, looks, i, day, provisional_lift))
        elif ex.is_over(i, now):
            verdicts.append(
                Verdict(
                    "inconclusive",
                    "Inconclusive: the arms never reached a common age of "
                    f"{FINAL_DAY} days with readings of both counts.",
                )
            )
        else:
            verdicts.append(
                Verdict("running", "Running: neither evidence enough nor day 14 yet.")
            )
    return verdicts


def _at_day(
    ex: UndecidedExperiments,
    looks: SequentialResult,
    i: int,
    day: int,
    provisional_lift: float,
) -> Verdict:
    """The verdict at the look that ended experiment `i`."""
    column = day - 1
    leader = int(looks.leader[i, column])
    through = ex.data_through(i, day)
    over, variance = looks.leads(i, column, leader)
    age = "in the final reading" if ex.declared[i] else f"at day {day}"
    if not looks.decidable[i]:
        return Verdict(
            "inconclusive",
            f"Inconclusive {age}: an arm has fewer than 25 events.",
            data_through=through,
        )
    shrunken = shrunken_lift(over, variance)
    runner_up = int(np.argmin(over))
    lift = float(np.expm1(over[runner_up]))
    facts = (leader, lift, float(shrunken[runner_up]), through)
    name = ex.arms[leader]
    if looks.decision[i] == WINNER:
        how = f"with e >= {E_WINNER:.0f}" if looks.by_e[i, column] else "at p < 0.025"
        reason = f"{name} beats every other arm {age} {how}."
        return Verdict("winner", reason, *facts)
    if looks.decision[i] == PROVISIONAL:
        reason = (
            f"{name} leads every other arm {age} by a shrunken lift of at least "
            f"{provisional_lift:.2f}; one post an arm cannot prove more."
        )
        return Verdict("provisional", reason, *facts)
    return Verdict(
        "inconclusive",
        f"Inconclusive {age}: no arm is ahead of all others by enough.",
        data_through=through,
    )


def _evidence_rows(
    ex: UndecidedExperiments, looks: SequentialResult
) -> list[dict[str, Any]]:
    rows = []
    for pair, column in np.argwhere(looks.looked[looks.pair_experiment]):
        i = int(looks.pair_experiment[pair])
        a, b = int(looks.pair_a[pair]), int(looks.pair_b[pair])
        day = int(column) + 1
        d, v = looks.log_rate_ratio[pair, column], looks.variance[pair, column]
        rows.append(
            {
                "experiment_id": ex.ids[i],
                "arm_a": ex.arms[a],
                "arm_b": ex.arms[b],
                "data_through": ex.data_through(i, day),
                "age_days": None if ex.declared[i] else float(day),
                "events_a": float(looks.events[a, column]),
                "trials_a": float(looks.trials[a, column]),
                "events_b": float(looks.events[b, column]),
                "trials_b": float(looks.trials[b, column]),
                "log_rate_ratio": None if np.isnan(d) else float(d),
                "variance": None if np.isnan(v) else float(v),
                "log_e": float(looks.log_e[pair, column]),
                "max_log_e": float(looks.max_log_e[pair, column]),
                "z": float(looks.z[pair, column]),
                "final_look": day == FINAL_DAY,
            }
        )
    return rows


def _write_decisions(
    con: Connection,
    ex: UndecidedExperiments,
    verdicts: list[Verdict],
    now: datetime,
    run_id: str,
) -> None:
    latest = {row["experiment_id"]: row for row in fetch_dicts(con, _LATEST)}
    rows, edges, closed = [], [], []
    for i, verdict in enumerate(verdicts):
        experiment_id, leader = ex.ids[i], verdict.leader
        if verdict.decision != "running":
            closed.append(experiment_id)
            edges += _edges(ex, i, leader)
        old = latest.get(experiment_id)
        arm = None if leader is None else ex.arms[leader]
        new = (verdict.decision, arm, verdict.data_through)
        if old and new == tuple(old[n] for n in _SAME):
            continue
        post = {} if leader is None else ex.posts[leader]
        rows.append(
            {
                "experiment_id": experiment_id,
                "decided_at": max(now, old["decided_at"] + TICK) if old else now,
                "decision": verdict.decision,
                "winner_variant_id": post.get("variant_id"),
                "winner_arm": arm,
                "winner_script_id": post.get("script_id"),
                "winner_revision_hash": post.get("revision_hash"),
                "reason": verdict.reason,
                "lift": verdict.lift,
                "shrunken_lift": verdict.shrunken_lift,
                "data_through": verdict.data_through,
            }
        )
    merge_rows(con, "decisions", rows, replace=False)
    record_edges(con, edges, run_id, now)
    if closed:
        con.execute(_CLOSE, [closed])


def _edges(ex: UndecidedExperiments, i: int, leader: int | None) -> list[Edge]:
    """The decision rests on its posts, and names the winner's."""
    related = [(arm, "decided_on") for arm in ex.arms_of(i)]
    if leader is not None:
        related.append((leader, "winner"))
    return [
        Edge("decision", ex.ids[i], "post", ex.posts[arm]["post_id"], relation)
        for arm, relation in related
    ]
