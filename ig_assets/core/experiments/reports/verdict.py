"""Experiments as rows for people, each with a verdict: a sentence to act on."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, TypedDict, cast

from ig_assets.core.experiments.stats.e_values import (
    E_WINNER,
    LARGEST_LOG_E,
    MIN_EVENTS,
)
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_EXPERIMENTS = """
SELECT e.experiment_id, e.month, e.topic_id, t.topic, e.segment, e.numerator,
       e.denominator, e.randomised, e.sigma, e.simulated, e.started_at, e.ends_at,
       coalesce(e.is_running, FALSE) AS is_running,
       u.experiment_id IS NOT NULL AND u.cause = 'split' AS split_alarms,
       h.cause AS held_by,
       e.status, CASE WHEN e.segment = 'history' THEN e.intent_key END AS name
FROM experiments AS e
LEFT JOIN topics AS t
  ON t.month = e.month
 AND t.topic_id = e.topic_id
LEFT JOIN unsound_experiments AS u
  ON u.experiment_id = e.experiment_id
LEFT JOIN held_winners AS h
  ON h.experiment_id = e.experiment_id
WHERE (? IS NULL OR e.month = ?)
  AND (? IS NULL OR e.experiment_id = ?)
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
       s.runner_up_arm AS runner_up, s.rival_arm AS rival, s.lead, s.log_e, s.z, s.rule
FROM latest_standings AS s
WHERE list_contains(?::TEXT[], s.experiment_id)
"""

_EVIDENCE = """
SELECT s.experiment_id, s.arm_a, s.arm_b, s.data_through, s.age_days,
       s.events_a, s.trials_a, s.events_b, s.trials_b,
       s.log_rate_ratio, s.variance, s.log_e, s.ahead_arm, s.log_e_ahead, s.z,
       s.final_look
FROM sided_evidence AS s
JOIN latest_standings AS latest
  ON latest.experiment_id = s.experiment_id
 AND latest.data_through = s.data_through
WHERE list_contains(?::TEXT[], s.experiment_id)
ORDER BY s.experiment_id, s.arm_a, s.arm_b
"""

_HELD = {
    "split": "its audience was not divided as planned, beyond chance: find out why "
    "before you believe it",
    "repeated z": "an earlier version decided it by a second look on z, which may be "
    "chance",
}
"""Why a winner is held, by the cause in `held_winners`."""


class ArmRow(TypedDict):
    """An arm of an experiment; counts and `rate` are None before the first look."""

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
    experiment_id: str | None = None,
) -> list[ExperimentRow]:
    """Experiments, newest first, with their arms at the latest look and a `verdict`.

    `arms` are dictionaries with events, trials and rate (None before the first
    look). `leader`, `lead` (ratio minus 1 over the runner-up), `rival`, `evidence` (e
    of the leader over the rival, its weakest pair), `z` and `rule` are the row of
    `standings` of the latest look. `name` is what the file of an imported test calls
    it. `split_alarms` where a randomised audience was not divided as planned;
    `held_by` says why a winner is not used. No script text.
    """
    parameters = [month, month, experiment_id, experiment_id, limit]
    experiments = fetch_dicts(con, _EXPERIMENTS, parameters)
    ids = [row["experiment_id"] for row in experiments]
    arms = _grouped(fetch_dicts(con, _ARMS, [ids]))
    evidence = _grouped(fetch_dicts(con, _EVIDENCE, [ids]))
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
            **_look(arms.get(key, []), evidence.get(key, [])),
            **_standing(standings.get(key)),
        }
        if row["topic"] is None:  # history knows its topic from its scripts
            topics = (arm["script_topic"] for arm in row["arms"])
            row["topic"] = next(filter(None, topics), None)
        rows.append(cast(ExperimentRow, {**row, "verdict": verdict(row)}))
    return rows


def decisions_in_all(con: Connection) -> dict[str, int]:
    """How many experiments have each decision now."""
    rows = con.execute("""
        SELECT decision, count(*)
        FROM latest_decisions
        GROUP BY decision
        ORDER BY decision
        """).fetchall()
    return {str(decision): int(n) for decision, n in rows}


def verdict(row: dict[str, Any]) -> str:
    """A sentence for a person about a row of `experiment_rows`, with any warning."""
    sentence = _verdict(row)
    if row["held_by"] is not None:
        return (
            f"{sentence} But {_HELD[row['held_by']]}. It is not learnt from until a "
            f"person accepts it: `ig-assets accept {row['experiment_id'][:12]} "
            '--reason "…"`.'
        )
    if row["split_alarms"]:
        return f"{sentence} But {_HELD['split']}."
    return sentence


def _verdict(row: dict[str, Any]) -> str:
    decision = row["decision"] or "running"
    if row["leader"] is None:
        if decision == "inconclusive":
            return str(row["reason"])
        return _waiting(row["arms"])
    leader, runner_up = row["leader"], row["runner_up"]
    days = row["age_days"]
    when = "in the final reading" if days is None else f"after {_days(days)}"
    if row["is_running"]:
        when = "so far"
    if row["lead"] is None or row["lead"] == 0:
        lead = f"{leader} and {runner_up} are level {when}"
        if row["lead"] is None:
            lead = f"{leader} leads {when}"
    else:
        lead = f"{leader} leads {runner_up} by {100 * row['lead']:.0f} % {when}"
    over = "" if row["rival"] == runner_up else f" over {row['rival']}"
    evidence = f"evidence {_short(row['evidence'])}{over} of {E_WINNER:.0f} needed"
    if decision == "winner":
        return f"{leader} wins: it {lead.removeprefix(f'{leader} ')}, {_proof(row)}."
    if decision == "provisional":
        expected = 100 * math.expm1(row["shrunken_lift"])
        return (
            f"{leader} is the provisional winner: {lead}, of which {expected:.0f} % "
            "may be expected again; one post an arm proves no more."
        )
    few = [
        arm["arm"]
        for arm in row["arms"]
        if arm["events"] is not None and arm["events"] < MIN_EVENTS
    ]
    if few:
        ended = "Inconclusive" if decision == "inconclusive" else "Too early to say"
        return (
            f"{ended}: {lead}, but {_listed(few)} has fewer than {MIN_EVENTS} "
            f"{row['numerator']}, and nothing is judged on so few."
        )
    if decision == "inconclusive":
        return f"Inconclusive: {lead}; {evidence}, which is the usual outcome."
    if row["is_running"]:
        return (
            f"{lead}; {evidence}. The test is running: until it is over, only "
            "e-values look at it."
        )
    return f"{lead}; {evidence}; keep going."


def _proof(row: dict[str, Any]) -> str:
    """What decided a winner, by the rule of its standing."""
    if row["rule"] == "e":
        return f"with evidence {_short(row['evidence'])} of {E_WINNER:.0f} needed"
    if row["z"] is None:
        return "at p < 0.025 in a look at its end"
    return f"at p < 0.025 in the single look at its end (z = {row['z']:.1f})"


def _waiting(arms: list[dict[str, Any]]) -> str:
    declined = sum(arm["status"] == "declined" for arm in arms)
    if arms and len(arms) - declined < 2:
        return f"{declined} of {len(arms)} posts were declined; there is no comparison."
    proposed = sum(arm["status"] == "proposed" for arm in arms)
    if proposed:
        return f"{proposed} of {len(arms)} posts wait for approval."
    published = sum(arm["status"] == "published" for arm in arms)
    if published < len(arms):
        return f"{published} of {len(arms)} posts are out; no comparison yet."
    return "All posts are out; they were not read at a common whole day of age yet."


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


def _look(arms: list[dict[str, Any]], pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """The arms with their counts, and the pairs."""
    counts: dict[str, tuple[float, float]] = {}
    for pair in pairs:
        counts[pair["arm_a"]] = (pair["events_a"], pair["trials_a"])
        counts[pair["arm_b"]] = (pair["events_b"], pair["trials_b"])
    rates = {a: e / n for a, (e, n) in counts.items() if n > 0}
    displayed = [
        {
            **arm,
            "events": counts.get(arm["arm"], (None, None))[0],
            "trials": counts.get(arm["arm"], (None, None))[1],
            "rate": rates.get(arm["arm"]),
        }
        for arm in arms
    ]
    return {"arms": displayed, "pairs": pairs}


def _standing(row: dict[str, Any] | None) -> dict[str, Any]:
    """The latest look's record for people: the lead a ratio minus 1, evidence an e."""
    names = ("leader", "runner_up", "rival", "age_days", "z", "rule")
    found = {name: row[name] if row else None for name in names}
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


def _days(days: float) -> str:
    return "1 day" if days == 1 else f"{days:.0f} days"


def _listed(arms: list[str]) -> str:
    return arms[0] if len(arms) == 1 else "each of " + ", ".join(arms)


def _short(e: float) -> str:
    if e >= 1e6:
        return "over a million"
    return f"{e:.1f}" if e < 10 else f"{e:,.0f}"
