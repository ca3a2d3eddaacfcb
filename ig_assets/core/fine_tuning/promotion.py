"""When a model may take over: only the audience's evidence promotes, people may too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from ig_assets.core.experiments.evidence import MIN_EVENTS, TAU
from ig_assets.core.fine_tuning.evaluation import evaluation_of
from ig_assets.core.fine_tuning.registry import (
    ModelRow,
    activate,
    active_model,
    canary_model,
    candidate_model,
    get_model,
    list_models,
    set_status,
)
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.connection import Connection, Warehouse

E_PROMOTE = 20.0
TRIAL = timedelta(days=92)

_PAIRS = """
WITH pairs AS (
    SELECT c.variant_id AS canary_id, s.variant_id AS sibling_id
    FROM variants c
    JOIN variants s
        ON s.month = c.month AND s.topic_id = c.topic_id
        AND s.hook_style = c.hook_style
    WHERE c.is_canary AND c.model_id = ?
        AND NOT coalesce(s.is_canary, FALSE) AND NOT coalesce(s.is_control, FALSE)
        AND s.model_id = ?
),
posted AS (
    SELECT x.experiment_id, x.arm AS canary_arm, y.arm AS sibling_arm
    FROM pairs p
    JOIN posts x ON x.variant_id = p.canary_id
    JOIN posts y ON y.variant_id = p.sibling_id
        AND y.experiment_id = x.experiment_id
),
looked AS (
    SELECT p.experiment_id, p.canary_arm, e.arm_a, e.arm_b, e.log_rate_ratio,
        e.variance, row_number() OVER (
            PARTITION BY e.experiment_id, e.arm_a, e.arm_b
            ORDER BY e.data_through DESC
        ) AS recency
    FROM posted p
    JOIN evidence e ON e.experiment_id = p.experiment_id
        AND ((e.arm_a = p.canary_arm AND e.arm_b = p.sibling_arm)
            OR (e.arm_b = p.canary_arm AND e.arm_a = p.sibling_arm))
    WHERE e.log_rate_ratio IS NOT NULL AND e.variance > 0
        AND (e.events_a IS NULL OR e.events_a >= ?)
        AND (e.events_b IS NULL OR e.events_b >= ?)
)
SELECT CASE WHEN arm_a = canary_arm THEN log_rate_ratio ELSE -log_rate_ratio END,
    variance
FROM looked
WHERE recency = 1
ORDER BY experiment_id, arm_a, arm_b
"""


@dataclass(frozen=True)
class CanaryEvidence:
    """Pairs of a canary text and its sibling, combined by inverse variance.

    `log_rate_ratio` is canary over active (log scale), `variance` the combined one;
    both NULL and `log_e` 0 without a pair.
    """

    model_id: str
    pairs: int
    log_rate_ratio: float | None
    variance: float | None
    log_e: float


@dataclass(frozen=True)
class PromotionDecision:
    """'promote' (call `promote`), 'keep' (a canary runs on) or 'none' (no canary)."""

    action: str
    model_id: str | None
    reason: str


def log_e(d: float, variance: float, tau: float = TAU) -> float:
    """ln e of a log rate ratio d with variance V: the normal mixture of width tau.

    ln e = 1/2 ln(V / (V + tau^2)) + d^2 tau^2 / (2 V (V + tau^2)), as in
    `core/experiments/evidence.py`.
    """
    wide = variance + tau**2
    return 0.5 * math.log(variance / wide) + d**2 * tau**2 / (2 * variance * wide)


def canary_evidence(con: Connection) -> CanaryEvidence | None:
    """What is known of the canary against the active model; None without a canary.

    A pair is a canary text and the active model's text of the same topic and style;
    the latest look at equal age of each with 25 events an arm counts. Control arms
    do not.
    """
    canary = canary_model(con)
    if canary is None:
        return None
    active = active_model(con)
    parameters = [canary.model_id, active.model_id, MIN_EVENTS, MIN_EVENTS]
    rows = con.execute(_PAIRS, parameters).fetchall()
    if not rows:
        return CanaryEvidence(canary.model_id, 0, None, None, 0.0)
    precision = sum(1.0 / variance for _, variance in rows)
    d = sum(ratio / variance for ratio, variance in rows) / precision
    variance = 1.0 / precision
    return CanaryEvidence(canary.model_id, len(rows), d, variance, log_e(d, variance))


def decide_promotion(warehouse: Warehouse, clock: Clock) -> PromotionDecision:
    """Admit a candidate that passed its evaluation, then judge the canary.

    A newer candidate waits for the trial's end. 'promote' is only an answer:
    the caller acts on it with `promote`. e >= 20 with the canary ahead, never less.
    """
    with warehouse.transaction() as con:
        admit_canary(con, clock.now())
        evidence = canary_evidence(con)
    if evidence is None:
        return PromotionDecision("none", None, "No model is on trial as a canary.")
    if evidence.log_rate_ratio is None:
        reason = "The canary has no pair of posts with evidence yet."
        return PromotionDecision("keep", evidence.model_id, reason)
    lift = f"{math.expm1(evidence.log_rate_ratio):+.0%}".replace("%", " %")
    facts = f"{lift} over the active model in {evidence.pairs} pairs"
    facts += f", e={math.exp(min(evidence.log_e, 700.0)):.3g}"
    if evidence.log_rate_ratio > 0 and evidence.log_e >= math.log(E_PROMOTE):
        return PromotionDecision("promote", evidence.model_id, f"canary: {facts}")
    reason = f"not decided: {facts}; promotion needs e >= {E_PROMOTE:.0f} and a lead"
    return PromotionDecision("keep", evidence.model_id, reason)


def admit_canary(con: Connection, now: datetime) -> ModelRow | None:
    """Make the newest candidate the canary if its evaluation against the active
    model passed; return it, or None when there is nothing to admit.

    A model on trial has TRIAL days for its evidence to add up before a newer
    candidate that passed may replace it; until then the candidate waits.
    """
    candidate = candidate_model(con)
    if candidate is None:
        return None
    on_trial = canary_model(con)
    if on_trial is not None and now - on_trial.changed_at < TRIAL:
        return None
    evaluation = evaluation_of(con, candidate.model_id, active_model(con).model_id)
    if not evaluation.passed:
        return None
    for model in list_models(con):
        older = model.status == "candidate" and model.model_id != candidate.model_id
        if older or model.status == "canary":
            note = f"replaced on trial by {candidate.model_id}"
            set_status(con, model.model_id, "retired", note, now)
    set_status(con, candidate.model_id, "canary", evaluation.reason, now)
    return get_model(con, candidate.model_id)


def promote(warehouse: Warehouse, clock: Clock, model_id: str, reason: str) -> ModelRow:
    """Make a model active, whatever its evidence; the one before is retired.

    Idempotent. Raises InputError for an unknown or tainted model and an empty reason.
    """
    _require_reason(reason)
    with warehouse.transaction() as con:
        model = get_model(con, model_id)
        if model.status == "tainted":
            raise InputError(
                f"Model {model_id} learnt from what was forgotten and cannot be "
                "promoted; train a new one."
            )
        if model.status != "active":
            activate(con, model_id, reason, clock.now())
        return get_model(con, model_id)


def rollback(warehouse: Warehouse, clock: Clock, reason: str) -> ModelRow:
    """Make the model active that was so before the present one first was; return it.

    Raises InputError when there is none that is not tainted, or without a reason.
    """
    _require_reason(reason)
    with warehouse.transaction() as con:
        now_active = active_model(con)
        previous = _previously_active(con, now_active.model_id)
        if previous is None:
            raise InputError("There is no earlier active model to roll back to.")
        activate(con, previous, f"rollback: {reason}", clock.now())
        return get_model(con, previous)


def _previously_active(con: Connection, model_id: str) -> str | None:
    """The last one active before this one first was; a second rollback goes further
    back, never forth to what was rolled back."""
    usable = {m.model_id for m in list_models(con) if m.status != "tainted"}
    history = con.execute(
        "SELECT model_id FROM model_events WHERE status = 'active' "
        "ORDER BY changed_at, model_id"
    ).fetchall()
    order = [str(row[0]) for row in history]
    before = order[: order.index(model_id)]
    return next((m for m in reversed(before) if m in usable), None)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InputError("A change of the active model needs a reason; say why.")
