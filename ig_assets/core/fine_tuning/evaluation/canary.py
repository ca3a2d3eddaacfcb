"""Makes a trained model the active one, by a trial's evidence or a person's decision.

A candidate that passed its evaluation becomes the canary, which writes one additional
arm for some topics. Its posts are compared with those of the active model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from ig_assets.core.experiments.reports.meta_analysis import (
    claim_row,
    compared_rows,
    pooled,
)
from ig_assets.core.experiments.stats.anytime_t_test import SequentialMean
from ig_assets.core.experiments.stats.e_values import LARGEST_LOG_E
from ig_assets.core.fine_tuning.evaluation.evaluation import evaluation_of
from ig_assets.core.fine_tuning.evaluation.trial import TRIAL
from ig_assets.core.models.registry import (
    RANKER,
    ModelRow,
    activate,
    active_model,
    canary_model,
    candidate_model,
    get_model,
    list_models,
    set_status,
    tainted_models,
)
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.warehouse import Connection, Warehouse

E_PROMOTE = 20.0
"""The e-value that a promotion needs."""

NOVELTY = timedelta(days=28)
"""Time after a model's first post in which its posts do not count.

New writing may do well, or badly, only because it is new.
"""

# One row per pair of a canary's post and the active model's post of the same topic and
# style, whose drafts were grounded in the same scripts.
_PAIRS = """,
grounding AS (
    SELECT variant_id, string_agg(revision_hash, ' ' ORDER BY "rank") AS revisions
    FROM retrievals
    GROUP BY variant_id
),
first_post AS (
    SELECT min(p.published_at) AS published_at
    FROM posts AS p
    JOIN variants AS v
      ON v.variant_id = p.variant_id
    WHERE v.is_canary
      AND v.model_id = ?
)
SELECT k.d, k.month, k.audience, k.is_open,
       x.published_at < f.published_at + INTERVAL {days} DAY AS is_new
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
CROSS JOIN first_post AS f
LEFT JOIN grounding AS of_c
  ON of_c.variant_id = c.variant_id
LEFT JOIN grounding AS of_s
  ON of_s.variant_id = s.variant_id
WHERE c.is_canary
  AND of_c.revisions IS NOT DISTINCT FROM of_s.revisions
  AND c.model_id = ?
  AND NOT coalesce(s.is_canary, FALSE)
  AND NOT coalesce(s.is_control, FALSE)
  AND s.model_id = ?
ORDER BY k.month, k.experiment_id, k.other
"""


@dataclass(frozen=True)
class CanaryEvidence:
    """The evidence on the canary: its log rate ratios over the active model.

    `stand` has one ratio per pair of posts. `left_out` is the number of pairs that are
    not used: those of the model's first days (`NOVELTY`), and those whose month has not
    ended.
    """

    model_id: str
    stand: SequentialMean
    left_out: int


@dataclass(frozen=True)
class PromotionDecision:
    """The result of the evidence: 'promote' the canary, 'keep' it on trial, or 'none'.

    'none' means that no model is on trial; `model_id`, the canary's id, is then None.
    """

    action: Literal["promote", "keep", "none"]
    model_id: str | None
    reason: str


def canary_evidence(con: Connection) -> CanaryEvidence | None:
    """Return the evidence on the canary against the active model.

    None if there is no canary. A pair is a canary text and the active model's text of
    the same topic and style, each with at least 25 events, at the last look at an
    experiment that has ended. Some pairs are left out, since they do not isolate the
    effect of the model: pairs with a control arm, pairs with posts of the model's first
    days, and pairs whose prompts had different retrieved scripts (after an arm was
    written again).

    Pairs of one month share the month's effect, so a month is one observation of the t
    e-process (`stats/month_means.py`), which is valid after every month. The variance
    is estimated from the months, so effects that pairs share need not be known.
    """
    canary = canary_model(con)
    if canary is None:
        return None
    models = [canary.model_id, canary.model_id, active_model(con).model_id]
    rows = compared_rows(con, _PAIRS.format(days=NOVELTY.days), models)
    settled = [row for row in rows if not row["is_new"]]
    found, waiting = pooled(settled)
    left_out = len(rows) - len(settled) + waiting
    return CanaryEvidence(canary.model_id, found, left_out)


def canary_row(evidence: CanaryEvidence) -> dict[str, Any]:
    """Return the evidence as a row of `claim_rows`."""
    claims = {1: "better", -1: "worse", 0: "undecided"}
    claim = claims[evidence.stand.decides(E_PROMOTE)]
    name = f"the canary {evidence.model_id} over the active model"
    return claim_row(name, evidence.stand, E_PROMOTE, claim, evidence.left_out)


def decide_promotion(con: Connection) -> PromotionDecision:
    """Decide whether the canary should be promoted; change nothing.

    Promotion needs e >= 20 and a canary that is ahead. `promote` carries it out.
    """
    evidence = canary_evidence(con)
    if evidence is None:
        return PromotionDecision("none", None, "No model is on trial as a canary.")
    found = evidence.stand
    if found.mean is None:
        reason = "The canary has no pair of posts in a month that has ended."
        if evidence.left_out:
            reason += (
                f" {evidence.left_out} pairs are of its first {NOVELTY.days} days, or "
                "wait for the end of their month."
            )
        return PromotionDecision("keep", evidence.model_id, reason)
    lift = f"{math.expm1(found.mean):+.0%}".replace("%", " %")
    facts = f"{lift} over the active model in {found.pairs} pairs of "
    facts += f"{found.units} months"
    facts += f", e={math.exp(min(found.log_e_of_leader, LARGEST_LOG_E)):.3g}"
    if found.decides(E_PROMOTE) == 1:
        return PromotionDecision("promote", evidence.model_id, f"canary: {facts}")
    reason = f"not decided: {facts}; promotion needs e >= {E_PROMOTE:.0f} and a lead"
    return PromotionDecision("keep", evidence.model_id, reason)


def admit_canary(
    con: Connection,
    now: datetime,
    warning_of: Callable[[ModelRow], str | None] = lambda model: None,
    trial: timedelta = TRIAL,
) -> ModelRow | None:
    """Make the newest candidate the canary; return it, or None if none is admitted.

    The candidate must have passed its evaluation against the active model. If another
    canary has been on trial for less than `trial`, it stays and no candidate is
    admitted; otherwise it and older candidates are retired. `warning_of` may return a
    warning about the candidate, which is added to the recorded reason.
    """
    candidate = candidate_model(con)
    if candidate is None:
        return None
    on_trial = canary_model(con)
    if on_trial is not None and now - on_trial.changed_at < trial:
        return None
    evaluation = evaluation_of(con, candidate.model_id, active_model(con).model_id)
    if not evaluation.passed:
        return None
    for model in list_models(con):
        older = model.status == "candidate" and model.model_id != candidate.model_id
        if older or model.status == "canary":
            note = f"replaced on trial by {candidate.model_id}"
            set_status(con, model.model_id, "retired", note, now)
    noted = _with_warning(evaluation.reason, candidate, warning_of)
    set_status(con, candidate.model_id, "canary", noted, now)
    return get_model(con, candidate.model_id)


def promote(
    warehouse: Warehouse,
    clock: Clock,
    model_id: str,
    reason: str,
    warning_of: Callable[[ModelRow], str | None] = lambda model: None,
) -> ModelRow:
    """Make a model active, whatever its evidence, and retire the active one.

    `warning_of` may return a warning about the model, which is added to the recorded
    reason. Idempotent. Raises InputError for an unknown or tainted model, for a ranker,
    and for an empty reason.
    """
    _require_reason(reason)
    with warehouse.transaction() as con:
        model = get_model(con, model_id)
        if model.provider == RANKER:
            raise InputError(
                f"{model_id} is a ranker, which writes nothing and is used as its "
                "evidence allows; promote a model that writes."
            )
        if model_id in tainted_models(con):
            raise InputError(
                f"Model {model_id} learnt from a forgotten script and cannot be "
                "promoted; train a new one."
            )
        if model.status != "active":
            noted = _with_warning(reason, model, warning_of)
            activate(con, model_id, noted, clock.now())
        return get_model(con, model_id)


def rollback(
    warehouse: Warehouse,
    clock: Clock,
    reason: str,
    warning_of: Callable[[ModelRow], str | None] = lambda model: None,
) -> ModelRow:
    """Reactivate the model that was active before the present one first became active.

    Tainted models are skipped. `warning_of` may return a warning about the model, which
    is added to the recorded reason. Raises InputError if all earlier models are tainted
    or there is none, and for an empty reason.
    """
    _require_reason(reason)
    with warehouse.transaction() as con:
        previous = previously_active(con, active_model(con).model_id)
        if previous is None:
            raise InputError("There is no earlier active model to roll back to.")
        noted = _with_warning(
            f"rollback: {reason}", get_model(con, previous), warning_of
        )
        activate(con, previous, noted, clock.now())
        return get_model(con, previous)


def _with_warning(
    reason: str, model: ModelRow, warning_of: Callable[[ModelRow], str | None]
) -> str:
    warning = warning_of(model)
    return f"{reason} (warning: {warning})" if warning else reason


def previously_active(con: Connection, model_id: str) -> str | None:
    """Return the last untainted model before `model_id` first became active, or None.

    A second rollback thus goes further back, never to the model that was rolled back.
    """
    usable = {m.model_id for m in list_models(con)} - tainted_models(con)
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
