"""Decides the undecided experiments: load them, apply the decision rule, write rows.

`undecided.py` reads the rows into arrays and `stats/decision_rule.py` decides all of
them at once; this module puts each decision into words and writes it. Each look at an
experiment is a set of rows of `evidence`. A day of age is evaluated only once, so a
rerun decides nothing twice, and a decision does not depend on how often the asset ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

import numpy as np

from ig_assets.core.corpus.queries import WINNER_PREFIX
from ig_assets.core.experiments.decisions.reopen import reopen_extended
from ig_assets.core.experiments.decisions.standing import standing_rows
from ig_assets.core.experiments.decisions.undecided import (
    UndecidedExperiments,
    load_undecided,
)
from ig_assets.core.experiments.phrases import lowered, not_judged
from ig_assets.core.experiments.stats.decision_rule import (
    FINAL_DAY,
    PROVISIONAL,
    PROVISIONAL_LIFT,
    WINNER,
    SequentialResult,
    decide_sequentially,
)
from ig_assets.core.experiments.stats.e_values import E_WINNER, shrunken_lift
from ig_assets.core.identity import next_instant
from ig_assets.core.lineage.edges import Edge, record_edges, supersede_winners
from ig_assets.core.ports import Clock
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

_LATEST = """
SELECT experiment_id, decided_at, decision, winner_arm, data_through
FROM latest_decisions
"""

# A repeated import sets its experiments to running; the decided ones are closed again,
# unless they have more to evaluate (`reopen.py`).
_CLOSE_DECIDED = """
UPDATE experiments
SET status = 'decided'
WHERE status <> 'decided'
  AND experiment_id IN (
      SELECT experiment_id
      FROM latest_decisions
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


class EvidenceRow(TypedDict):
    """One row of `evidence`: one pair of arms at one look.

    `age_days` is None for final readings; `log_rate_ratio` (a over b) and `variance`
    are None if a rate is zero or unknown.
    """

    experiment_id: str
    arm_a: str
    arm_b: str
    data_through: datetime | None
    age_days: float | None
    events_a: float
    trials_a: float
    events_b: float
    trials_b: float
    log_rate_ratio: float | None
    variance: float | None
    log_e: float
    max_log_e: float
    z: float
    final_look: bool


class DecisionRow(TypedDict):
    """One row of `decisions`.

    `lift` is a ratio minus 1; `shrunken_lift` is on the log scale.
    """

    experiment_id: str
    decided_at: datetime
    decision: str
    winner_variant_id: str | None
    winner_arm: str | None
    winner_script_id: str | None
    winner_revision_hash: str | None
    reason: str
    lift: float | None
    shrunken_lift: float | None
    data_through: datetime | None


@dataclass(frozen=True)
class ResultsSummary:
    """The numbers of experiments in one update.

    `experiments` were undecided before it, and `evaluated` of them had a new look.
    `winners`, `provisional` and `inconclusive` are the new decisions; `running`
    experiments are still undecided. `undecidable` of the inconclusive ones have no
    comparison, or an arm with fewer than 25 events. `redecided` were decided before, on
    older counts or fewer arms; `replaced` of them lost their earlier winner. `not_over`
    of the running ones are imported tests whose audience is still being divided: only
    e-values may decide them.
    """

    experiments: int
    evaluated: int
    winners: int
    provisional: int
    inconclusive: int
    running: int
    undecidable: int
    redecided: int = 0
    replaced: int = 0
    not_over: int = 0

    def notes(self) -> list[str]:
        """Return sentences for a person about facts that the numbers do not show."""
        notes = []
        if self.not_over:
            notes.append(
                f"{self.not_over:,} tests are running, as their file says: until they "
                "are over, only e-values look at them."
            )
        if self.replaced:
            notes.append(
                f"{self.replaced:,} earlier winners were replaced; the reason of each "
                "decision says by what (`ig-assets experiments ID --json`)."
            )
        return notes


@dataclass(frozen=True)
class Verdict:
    """One experiment's decision in words; lifts are those of leader over runner-up.

    `leader` is the number of an arm. `lift` is a ratio minus 1; `shrunken_lift` is on
    the log scale.
    """

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
    """Evaluate every undecided experiment and decide those that can be decided.

    The rule is `decide_sequentially`. An experiment whose arms have no common reading
    at day 14 ends *inconclusive* once it is over. A decision is appended if it has
    changed or is based on newer counts.

    An import that was extended is decided again by its e-values, since z is valid for
    one look only. If that replaces a winner, the reason says so, and the edges to the
    earlier winner are marked as superseded.
    """
    now = clock.now()
    with warehouse.transaction() as con:
        con.execute(_CLOSE_DECIDED)
        redecided = reopen_extended(con)
        experiments = load_undecided(con)
        found = decide_sequentially(
            experiments.starts,
            experiments.events,
            experiments.trials,
            experiments.sigma,
            before=experiments.before,
            over=~experiments.is_running,
            provisional_lift=provisional_lift,
        )
        verdicts = [
            _verdict(experiments, found, i, now, provisional_lift)
            for i in range(len(experiments.ids))
        ]
        standings = standing_rows(con, experiments, found)
        merge_rows(con, "standings", standings, replace=False)
        merge_rows(con, "evidence", _evidence_rows(experiments, found), replace=False)
        replaced = _write_decisions(con, experiments, verdicts, now, run_id)
    decisions = [verdict.decision for verdict in verdicts]
    return ResultsSummary(
        experiments=len(decisions),
        evaluated=int(found.evaluated.any(axis=1).sum()),
        winners=decisions.count("winner"),
        provisional=decisions.count("provisional"),
        inconclusive=decisions.count("inconclusive"),
        running=decisions.count("running"),
        undecidable=sum(
            decision == "inconclusive" and not found.decidable[i]
            for i, decision in enumerate(decisions)
        ),
        redecided=redecided,
        replaced=replaced,
        not_over=sum(
            decision == "running" and bool(experiments.is_running[i])
            for i, decision in enumerate(decisions)
        ),
    )


def _verdict(
    ex: UndecidedExperiments,
    found: SequentialResult,
    i: int,
    now: datetime,
    provisional_lift: float,
) -> Verdict:
    """Return the verdict on experiment `i`."""
    day = int(found.decided_on[i])
    if not day:
        if ex.is_running[i]:
            end = ex.ends_at[i]
            look = "waits for its end" + (f" ({end:%Y-%m-%d})" if end else "")
            if ex.before.z_taken[i]:
                look = "is spent"
            return Verdict(
                "running",
                "Running: its audience is still being divided, so only e-values look "
                f"at it; the single look on z {look}.",
                data_through=ex.latest_look(found.evaluated[i], i),
            )
        if not ex.is_over(i, now):
            return Verdict(
                "running", "Running: neither evidence enough nor day 14 yet."
            )
        return Verdict(
            "inconclusive",
            "Inconclusive: the arms never reached a common age of "
            f"{FINAL_DAY} days with readings of both counts.",
        )
    leader, through = int(found.leader[i]), ex.data_through(i, day)
    age = "in the final reading" if ex.is_final[i] else f"at day {day}"
    if ex.is_running[i]:
        age = "so far"
    if not found.decidable[i]:
        return Verdict(
            "inconclusive",
            f"Inconclusive {age}: {_not_judged(ex, i, day)}.",
            data_through=through,
        )
    over, variance = found.leads(i)
    runner_up = int(np.argmin(over))
    lift = float(np.expm1(over[runner_up]))
    shrunken = float(shrunken_lift(over, variance)[runner_up])
    name = ex.arms[leader].arm
    if found.decision[i] == WINNER:
        how = f"with e >= {E_WINNER:.0f}" if found.by_e[i] else "at p < 0.025"
        reason = f"{name} beats every other arm {age} {how}."
        return Verdict("winner", reason, leader, lift, shrunken, through)
    if found.decision[i] == PROVISIONAL:
        reason = (
            f"{name} leads every other arm {age} by a shrunken lift of at least "
            f"{provisional_lift:.2f}; one post an arm cannot prove more."
        )
        return Verdict("provisional", reason, leader, lift, shrunken, through)
    return Verdict(
        "inconclusive",
        f"Inconclusive {age}: no arm is ahead of all others by enough.",
        data_through=through,
    )


def _not_judged(ex: UndecidedExperiments, i: int, day: int) -> str:
    counts = {
        ex.arms[a].arm: (float(ex.events[a, day - 1]), float(ex.trials[a, day - 1]))
        for a in ex.arms_of(i)
    }
    return not_judged(counts) or "its counts give no rates to compare"


def _evidence_rows(
    ex: UndecidedExperiments, found: SequentialResult
) -> list[EvidenceRow]:
    """Return one row per pair of arms and new look."""
    rows: list[EvidenceRow] = []
    max_log_e = found.max_log_e  # computed at each access
    for pair, column in np.argwhere(found.evaluated[found.pair_experiment]):
        i, day = int(found.pair_experiment[pair]), int(column) + 1
        a, b = int(found.arm_a[pair]), int(found.arm_b[pair])
        d, v = found.log_rate_ratio[pair, column], found.variance[pair, column]
        rows.append(
            {
                "experiment_id": ex.ids[i],
                "arm_a": ex.arms[a].arm,
                "arm_b": ex.arms[b].arm,
                "data_through": ex.data_through(i, day),
                "age_days": None if ex.is_final[i] else float(day),
                "events_a": float(ex.events[a, column]),
                "trials_a": float(ex.trials[a, column]),
                "events_b": float(ex.events[b, column]),
                "trials_b": float(ex.trials[b, column]),
                "log_rate_ratio": None if np.isnan(d) else float(d),
                "variance": None if np.isnan(v) else float(v),
                "log_e": float(found.log_e[pair, column]),
                "max_log_e": float(max_log_e[pair, column]),
                "z": float(found.z[pair, column]),
                "final_look": day == FINAL_DAY and bool(found.z_look[i]),
            }
        )
    return rows


def _write_decisions(
    con: Connection,
    ex: UndecidedExperiments,
    verdicts: list[Verdict],
    now: datetime,
    run_id: str,
) -> int:
    """Append new decisions, close the decided experiments and record their lineage.

    Returns how many earlier winners were replaced.
    """
    latest = {row["experiment_id"]: row for row in fetch_dicts(con, _LATEST)}
    rows: list[DecisionRow] = []
    edges: list[Edge] = []
    closed: list[str] = []
    winners: dict[str, tuple[str | None, str | None]] = {}
    replaced = 0
    for i, verdict in enumerate(verdicts):
        experiment_id = ex.ids[i]
        winner = None if verdict.leader is None else ex.arms[verdict.leader]
        if verdict.decision != "running":
            closed.append(experiment_id)
            posts = [(ex.arms[a].post_id, "decided_on") for a in ex.arms_of(i)]
            posts += [] if winner is None else [(winner.post_id, "winner")]
            edges += [Edge("decision", experiment_id, "post", *post) for post in posts]
        old = latest.get(experiment_id)
        reason = verdict.reason + lowered(ex.lowered.get(experiment_id, []))
        if old is not None and {old["decision"], verdict.decision} != {"running"}:
            variant = None if winner is None else winner.variant_id
            script = f"{WINNER_PREFIX}{variant}" if variant else None
            winners[experiment_id] = (winner and winner.post_id), script
            if old["winner_arm"] not in (None, winner and winner.arm):
                replaced += 1
                reason += (
                    f" It replaces the decision of {old['decided_at']:%Y-%m-%d}, "
                    f"{old['decision']} {old['winner_arm']}."
                )
        row: DecisionRow = {
            "experiment_id": experiment_id,
            "decided_at": next_instant(now, old["decided_at"] if old else None),
            "decision": verdict.decision,
            "winner_variant_id": winner and winner.variant_id,
            "winner_arm": winner and winner.arm,
            "winner_script_id": winner and winner.script_id,
            "winner_revision_hash": winner and winner.revision_hash,
            "reason": reason,
            "lift": verdict.lift,
            "shrunken_lift": verdict.shrunken_lift,
            "data_through": verdict.data_through,
        }
        new = (row["decision"], row["winner_arm"], row["data_through"])
        if old is None or new != tuple(old[name] for name in _SAME):
            rows.append(row)
    merge_rows(con, "decisions", rows, replace=False)
    record_edges(con, edges, run_id, now)
    supersede_winners(con, winners, now)
    if closed:
        con.execute(_CLOSE, [closed])
    return replaced
