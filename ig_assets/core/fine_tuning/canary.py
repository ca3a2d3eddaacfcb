"""When a model may take over: only the audience's evidence promotes, people may too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ig_assets.core.experiments.reports.meta_analysis import SETTLED, claim_row
from ig_assets.core.experiments.stats.anytime_t_test import Stand, stand
from ig_assets.core.experiments.stats.e_values import LARGEST_LOG_E, MIN_EVENTS
from ig_assets.core.fine_tuning.evaluation import evaluation_of
from ig_assets.core.models.registry import (
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
from ig_assets.warehouse.warehouse import Connection, Warehouse

E_PROMOTE = 20.0
TRIAL = timedelta(days=92)

_PAIRS = f"""{SETTLED},
shown AS (
    SELECT variant_id, string_agg(revision_hash, ' ' ORDER BY "rank") AS revisions
    FROM retrievals
    GROUP BY variant_id
)
SELECT k.d
FROM variants AS c
JOIN variants AS s
  ON s.month = c.month
 AND s.topic_id = c.topic_id
 AND s.hook_style = c.hook_style
JOIN posts AS x
  ON x.variant_id = c.variant_id
JOIN posts AS y
  ON y.variant_id = s.variant_id
 AND y.experiment_id = x.experiment_id
JOIN compared AS k
  ON k.experiment_id = x.experiment_id
 AND k.arm = x.arm
 AND k.other = y.arm
LEFT JOIN shown AS of_c
  ON of_c.variant_id = c.variant_id
LEFT JOIN shown AS of_s
  ON of_s.variant_id = s.variant_id
WHERE c.is_canary
  AND of_c.revisions IS NOT DISTINCT FROM of_s.revisions
  AND c.model_id = ?
  AND NOT coalesce(s.is_canary, FALSE)
  AND NOT coalesce(s.is_control, FALSE)
  AND s.model_id = ?
ORDER BY k.ended_at, k.experiment_id, k.other
"""


@dataclass(frozen=True)
class CanaryEvidence:
    """Pairs of a canary text and its sibling, canary over active (log scale)."""

    model_id: str
    stand: Stand


@dataclass(frozen=True)
class PromotionDecision:
    """'promote' (call `promote`), 'keep' (a canary runs on) or 'none' (no canary)."""

    action: str
    model_id: str | None
    reason: str


def canary_evidence(con: Connection) -> CanaryEvidence | None:
    """What is known of the canary against the active model; None without a canary.

    A pair is a canary text and the active model's text of the same topic and style,
    each with 25 events, at the last look of an experiment that has ended. Control
    arms do not count, nor does an arm that was tried again and was shown other
    scripts than its sibling: such a pair does not isolate the model. Months of pairs
    add up by the t e-process, which may be asked after each: two texts of one topic
    differ by more than their posts' luck, so the spread of the pairs is taken
    from them and not assumed.
    """
    canary = canary_model(con)
    if canary is None:
        return None
    active = active_model(con)
    parameters = [MIN_EVENTS, MIN_EVENTS, canary.model_id, active.model_id]
    differences = [d for (d,) in con.execute(_PAIRS, parameters).fetchall()]
    return CanaryEvidence(canary.model_id, stand(differences))


def canary_row(evidence: CanaryEvidence) -> dict[str, Any]:
    """The same for people, as a row of `claim_rows`."""
    claims = {1: "better", -1: "worse", 0: "undecided"}
    claim = claims[evidence.stand.decides(E_PROMOTE)]
    name = f"the canary {evidence.model_id} over the active model"
    return claim_row(name, evidence.stand, E_PROMOTE, claim)


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
    found = evidence.stand
    if found.mean is None:
        reason = "The canary has no pair of posts in an experiment that has ended."
        return PromotionDecision("keep", evidence.model_id, reason)
    lift = f"{math.expm1(found.mean):+.0%}".replace("%", " %")
    facts = f"{lift} over the active model in {found.pairs} pairs"
    facts += f", e={math.exp(min(found.log_e_of_leader, LARGEST_LOG_E)):.3g}"
    if found.decides(E_PROMOTE) == 1:
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
