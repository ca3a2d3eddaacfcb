"""Experiments as rows for people, each with a verdict: a sentence to act on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict, cast

from ig_assets.core.experiments.reports.wording import verdict
from ig_assets.core.experiments.stats.e_values import LARGEST_LOG_E
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_EXPERIMENTS = """
SELECT e.experiment_id, e.month, e.topic_id, t.topic, e.segment, e.numerator,
       e.denominator, e.randomised, e.sigma, e.simulated, e.started_at, e.ends_at,
       coalesce(e.is_running, FALSE) AS is_running,
       u.experiment_id IS NOT NULL AND u.cause = 'split' AS split_alarms,
       u.cause, h.cause AS held_by,
       a.changed_by AS accepted_by, a.changed_at AS accepted_at,
       a.reason AS accepted_reason, l.winner_arm AS lapsed_arm,
       k.experiment_id IS NOT NULL AS z_is_spent, k.data_through AS z_taken_at,
       e.status, CASE WHEN e.segment = 'history' THEN e.intent_key END AS name
FROM experiments AS e
LEFT JOIN topics AS t
  ON t.month = e.month
 AND t.topic_id = e.topic_id
LEFT JOIN unsound_experiments AS u
  ON u.experiment_id = e.experiment_id
LEFT JOIN held_winners AS h
  ON h.experiment_id = e.experiment_id
LEFT JOIN accepted_winners AS a
  ON a.experiment_id = e.experiment_id
LEFT JOIN latest_acceptances AS l
  ON l.experiment_id = h.experiment_id
 AND l.is_accepted
LEFT JOIN z_looks AS k
  ON k.experiment_id = e.experiment_id
WHERE (? IS NULL OR e.month = ?)
  AND (? OR list_contains(?::TEXT[], e.experiment_id))
ORDER BY e.started_at DESC, e.experiment_id
LIMIT ?
"""

_ARMS = """
SELECT p.experiment_id, p.arm, p.post_id, p.variant_id, p.script_id,
       coalesce(p.hook_style, s.hook_style) AS hook_style, s.topic AS script_topic,
       p.slot, p.status, p.published_at
FROM posts AS p
LEFT JOIN scripts AS s
  ON s.script_id = p.script_id
 AND s.revision_hash = p.published_revision_hash
WHERE list_contains(?::TEXT[], p.experiment_id)
  AND p.duplicate_of IS NULL
ORDER BY p.experiment_id, p.arm, p.post_id
"""

_DECISIONS = """
SELECT experiment_id, decided_at, decision, winner_arm, winner_variant_id,
       winner_script_id, reason, lift, shrunken_lift
FROM latest_decisions
WHERE list_contains(?::TEXT[], experiment_id)
"""

_STANDINGS = """
SELECT s.experiment_id, s.data_through, s.age_days, s.leader_arm AS leader,
       s.runner_up_arm AS runner_up, s.rival_arm AS rival, s.lead, s.log_e, s.z, s.rule,
       s.split_log_e IS NOT NULL AS split_is_judged
FROM latest_standings AS s
WHERE list_contains(?::TEXT[], s.experiment_id)
"""

_EVIDENCE = """
SELECT s.experiment_id, s.arm_a, s.arm_b, s.data_through, s.age_days,
       s.events_a, s.trials_a, s.events_b, s.trials_b,
       s.log_rate_ratio, s.variance, s.log_e, s.ahead_arm, s.log_e_ahead, s.z,
       s.final_look, s.corrections_a, s.corrections_b
FROM sided_evidence AS s
JOIN latest_standings AS latest
  ON latest.experiment_id = s.experiment_id
 AND latest.data_through = s.data_through
WHERE list_contains(?::TEXT[], s.experiment_id)
ORDER BY s.experiment_id, s.arm_a, s.arm_b
"""

# The times at which final counts were read.
_READ = """
SELECT p.experiment_id, p.arm, n.as_of, n.value AS events, d.value AS trials
FROM experiments AS e
JOIN posts AS p
  ON p.experiment_id = e.experiment_id
 AND p.duplicate_of IS NULL
JOIN current_readings AS n
  ON n.post_id = p.post_id
 AND n.metric = e.numerator
 AND n.age_hours IS NULL
JOIN current_readings AS d
  ON d.post_id = p.post_id
 AND d.metric = e.denominator
 AND d.as_of = n.as_of
 AND d.age_hours IS NULL
WHERE list_contains(?::TEXT[], e.experiment_id)
ORDER BY n.as_of
"""

Counts = tuple[float, float]


class ArmRow(TypedDict):
    """An arm of an experiment; counts and `rate` are None before the first look.

    `read_at` is when the counts were read, None for counts at a day of age.
    """

    experiment_id: str
    arm: str
    post_id: str
    variant_id: str | None
    script_id: str | None
    hook_style: str | None
    script_topic: str | None
    slot: datetime | None
    status: str
    published_at: datetime | None
    events: float | None
    trials: float | None
    rate: float | None
    read_at: datetime | None


class ExperimentRow(TypedDict):
    """One row per experiment; see `experiment_rows`."""

    experiment_id: str
    month: str
    topic_id: str | None
    topic: str | None
    segment: str | None
    numerator: str
    denominator: str
    randomised: bool
    sigma: float | None
    simulated: bool
    started_at: datetime
    ends_at: datetime | None
    status: str
    name: str | None
    is_running: bool
    split_alarms: bool
    held_by: str | None
    accepted_by: str | None
    accepted_at: datetime | None
    accepted_reason: str | None
    split_is_judged: bool
    z_is_spent: bool
    lowered_arms: list[str]
    is_of_earlier_look: bool
    decision: str | None
    decided_at: datetime | None
    winner_arm: str | None
    winner_variant_id: str | None
    winner_script_id: str | None
    reason: str | None
    lift: float | None
    shrunken_lift: float | None
    arms: list[ArmRow]
    pairs: list[dict[str, Any]]
    age_days: float | None
    leader: str | None
    runner_up: str | None
    rival: str | None
    lead: float | None
    evidence: float | None
    z: float | None
    rule: str | None
    verdict: str


def experiment_rows(
    con: Connection,
    limit: int,
    month: str | None = None,
    experiment_ids: Sequence[str] | None = None,
) -> list[ExperimentRow]:
    """Return experiments, newest first, with their arms and a verdict.

    At most `limit` experiments are returned, of one month and of these ids if given.
    One call for all ids costs little more than a call for one. The rows contain no
    script text.

    `arms` have events, trials and rate at the latest look (None before the first).
    `leader`, `lead` (ratio minus 1 over the runner-up), `rival`, `evidence` (e of the
    leader over the rival), `z` and `rule` are the `standings` row of that look.
    `data_through` of a pair of final counts is when the newer counts were read.

    `name` is an imported test's name in its file. `split_alarms` is true if a
    randomised audience was not divided as planned; `split_is_judged` is true if the
    latest look could judge this, since its counts are of one reading. `held_by` says
    why a winner is not used; `accepted_by`, `accepted_at` and `accepted_reason`
    describe a person's acceptance. `z_is_spent` is true if the single z-test was made.
    `is_of_earlier_look` is true if the evidence, or a winner's z, is from a look before
    the latest. `lowered_arms` are the arms whose final count fell since a look.
    """
    every, chosen = experiment_ids is None, list(experiment_ids or ())
    parameters = [month, month, every, chosen, limit]
    experiments = fetch_dicts(con, _EXPERIMENTS, parameters)
    ids = [row["experiment_id"] for row in experiments]
    arms = _grouped(fetch_dicts(con, _ARMS, [ids]))
    evidence = _grouped(fetch_dicts(con, _EVIDENCE, [ids]))
    read = _grouped(fetch_dicts(con, _READ, [ids]))
    decisions = {
        row["experiment_id"]: row for row in fetch_dicts(con, _DECISIONS, [ids])
    }
    standings = {
        row["experiment_id"]: row for row in fetch_dicts(con, _STANDINGS, [ids])
    }
    rows: list[ExperimentRow] = []
    for experiment in experiments:
        key = experiment["experiment_id"]
        row = {
            **experiment,
            **_decision(decisions.get(key)),
            **_look(arms.get(key, []), evidence.get(key, []), read.get(key, [])),
            **_standing(standings.get(key)),
        }
        if row["topic"] is None:  # history knows its topic from its scripts
            topics = (arm["script_topic"] for arm in row["arms"])
            row["topic"] = next(filter(None, topics), None)
        row |= _earlier(row)
        row["verdict"] = verdict(row)
        del row["cause"], row["lapsed_arm"], row["z_taken_at"]
        rows.append(cast(ExperimentRow, row))
    return rows


def decisions_in_all(con: Connection) -> dict[str, int]:
    """Return {decision: number of experiments with this latest decision}."""
    rows = con.execute("""
        SELECT decision, count(*)
        FROM latest_decisions
        GROUP BY decision
        ORDER BY decision
        """).fetchall()
    return {str(decision): int(n) for decision, n in rows}


def _decision(row: dict[str, Any] | None) -> dict[str, Any]:
    names = (
        "decision",
        "decided_at",
        "winner_arm",
        "winner_variant_id",
        "winner_script_id",
        "reason",
        "lift",
        "shrunken_lift",
    )
    return {name: row[name] if row else None for name in names}


def _earlier(row: dict[str, Any]) -> dict[str, Any]:
    """Return the values of `lowered_arms` and `is_of_earlier_look` for a row.

    `is_of_earlier_look` is true if the evidence was reached before the latest look.
    """
    lowered: set[str] = set()
    is_earlier = False
    sides = {row["leader"], row["rival"]}
    for pair in row["pairs"]:
        for side in "ab":
            if pair.pop(f"corrections_{side}"):
                lowered.add(pair[f"arm_{side}"])
        if {pair["arm_a"], pair["arm_b"]} == sides:
            is_earlier = bool(pair["log_e"] < pair["log_e_ahead"] - 1e-9)
            is_earlier &= pair["log_e_ahead"] > 0
    looked_at, taken_at = row.pop("looked_at"), row["z_taken_at"]
    if row["rule"] == "z":
        is_earlier = taken_at is not None and taken_at < looked_at
    return {"lowered_arms": sorted(lowered), "is_of_earlier_look": is_earlier}


def _look(
    arms: list[dict[str, Any]],
    pairs: list[dict[str, Any]],
    read: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return the arms with counts and rates, and the pairs with their reading time."""
    counts: dict[str, Counts] = {}
    for pair in pairs:
        counts[pair["arm_a"]] = (pair["events_a"], pair["trials_a"])
        counts[pair["arm_b"]] = (pair["events_b"], pair["trials_b"])
    rates = {a: e / n for a, (e, n) in counts.items() if n > 0}
    is_final = any(pair["age_days"] is None for pair in pairs)
    times = {
        found["arm"]: found["as_of"]
        for found in read
        if is_final and counts.get(found["arm"]) == (found["events"], found["trials"])
    }
    displayed = [
        {
            **arm,
            "events": counts.get(arm["arm"], (None, None))[0],
            "trials": counts.get(arm["arm"], (None, None))[1],
            "rate": rates.get(arm["arm"]),
            "read_at": times.get(arm["arm"]),
        }
        for arm in arms
    ]
    for pair in pairs:
        of_pair = [times[arm] for arm in (pair["arm_a"], pair["arm_b"]) if arm in times]
        pair["data_through"] = max(of_pair, default=pair["data_through"])
    return {"arms": displayed, "pairs": pairs}


def _standing(row: dict[str, Any] | None) -> dict[str, Any]:
    """Return the latest standing for display.

    `lead` is the rate ratio minus 1 (0.2 is 20 % more) and `evidence` the e-value.
    """
    names = ("leader", "runner_up", "rival", "age_days", "z", "rule")
    found = {name: row[name] if row else None for name in names}
    found["looked_at"] = row["data_through"] if row else None
    found["split_is_judged"] = bool(row and row["split_is_judged"])
    lead, log_e = (row["lead"], row["log_e"]) if row else (None, None)
    return {
        **found,
        "lead": None if lead is None else math.expm1(lead),
        "evidence": None if log_e is None else math.exp(min(log_e, LARGEST_LOG_E)),
    }


def _grouped(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["experiment_id"], []).append(row)
    return grouped
