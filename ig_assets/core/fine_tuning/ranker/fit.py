"""Fits the ranker to one data folder's experiments, places bets, and registers it."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from ig_assets.core.fine_tuning.ranker.bets import (
    new_bets,
    read_record,
    record_bets,
)
from ig_assets.core.fine_tuning.ranker.calibration import series_of
from ig_assets.core.fine_tuning.ranker.evidence import evidence_before
from ig_assets.core.identity import stable_id
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.lineage.model_scripts import record_models
from ig_assets.core.models.ranker.arms import PastHooks, past_hooks
from ig_assets.core.models.ranker.proof import Proof
from ig_assets.core.models.ranker.ranker import train
from ig_assets.core.models.ranker.ridge import Variances
from ig_assets.core.models.ranker.states import (
    E_LOST,
    INSUFFICIENT,
    MIN_GROUPS,
    PROVEN,
    UNPROVEN,
    counted,
)
from ig_assets.core.models.ranker.vectors import features_of
from ig_assets.core.models.registry import (
    RANKER,
    ModelRow,
    get_model,
    list_rankers,
    set_status,
)
from ig_assets.core.ports import Clock, HookEncoder
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

ROLLED_BACK = "rollback: "
"""Prefix of the reason with which a person retired a ranker."""


@dataclass(frozen=True)
class RankerFit:
    """The result of a fit; `model` is None if there is too little to learn from.

    `proven_after` is the number of comparisons after which the ranker was proven, and
    `lost_after` the number after which an earlier proof was withdrawn. `simulated` is
    true if it was fitted on a simulated audience alone. `retired` are the rankers that
    this fit retired.
    """

    state: str
    groups: int
    arms: int
    log_e: float
    proven_after: int | None
    lost_after: int | None
    left_out: dict[str, int]
    simulated: bool
    model: ModelRow | None
    retired: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """The number of further groups that are needed before a ranker can be used."""
        return max(0, MIN_GROUPS - self.groups)


def fit_ranker(
    warehouse: Warehouse,
    clock: Clock,
    encoder: HookEncoder,
    *,
    cutoff: datetime | None = None,
    with_ads: bool = False,
    run_id: str | None = None,
) -> RankerFit:
    """Fit the ranker to all experiments with a look before `cutoff` (default: now).

    First, bets are placed on experiments that are over and have none (`bets.py`). A
    proven ranker becomes active. An unproven one becomes a candidate, even if it was
    proven before and its forecasts no longer hold. Earlier rankers are retired. The
    same evidence gives the same model; a model that a person rolled back stays retired.
    With fewer than 25 groups nothing is registered.
    """
    now = clock.now()
    with warehouse.transaction() as con:
        evidence = evidence_before(con, cutoff or now, with_ads=with_ads)
    past = past_hooks(evidence.arms)
    alone = len(evidence.arms) - len(past.arms)
    left_out = evidence.left_out + Counter({"no other hook to compare with": alone})
    if len(past.groups) < MIN_GROUPS:
        # An earlier ranker rests on arms that no longer count, or were forgotten.
        why = f"only {counted(len(past.groups), 'comparison')} left, of {MIN_GROUPS}"
        with warehouse.transaction() as con:
            retired = _retire_others(con, None, why, now)
        return RankerFit(
            state=INSUFFICIENT,
            groups=len(past.groups),
            arms=len(past.arms),
            log_e=0.0,
            proven_after=None,
            lost_after=None,
            left_out=dict(left_out),
            simulated=evidence.simulated,
            model=None,
            retired=retired,
        )
    features = features_of(warehouse, clock, encoder, past.texts)
    with warehouse.transaction() as con:
        record = read_record(con, series_of(encoder.model, evidence.simulated))
    bets = new_bets(record, past, features, evidence.settled, now)
    proof = bets.record.proof
    variances = train(features, past.outcomes).fit.variances
    with warehouse.transaction() as con:
        record_bets(con, bets)
        model = _register(
            con, encoder, past, proof, variances, evidence.simulated, now, run_id
        )
    return RankerFit(
        state=_state(proof),
        groups=len(past.groups),
        arms=len(past.arms),
        log_e=proof.best_log_e,
        proven_after=proof.proven_after,
        lost_after=proof.lost_after,
        left_out=dict(left_out),
        simulated=evidence.simulated,
        model=model,
    )


def _register(
    con: Connection,
    encoder: HookEncoder,
    past: PastHooks,
    proof: Proof,
    variances: Variances,
    simulated: bool,
    now: datetime,
    run_id: str | None,
) -> ModelRow:
    arms = past.arms
    parts = [(a.post_id, a.revision_hash, a.events, a.trials, a.sigma) for a in arms]
    model_id = f"{RANKER}/{stable_id(RANKER, encoder.model, *parts)}"
    artifact = {
        "kind": RANKER,
        "state": _state(proof),
        "groups": len(past.groups),
        "arms": len(arms),
        "log_e": proof.best_log_e,
        "proven_after": proof.proven_after,
        "lost_after": proof.lost_after,
        "theta": list(variances.theta),
        "s2": variances.s2,
        "simulated": simulated,
    }
    row = {
        "model_id": model_id,
        "job_id": None,
        "provider": RANKER,
        "name": model_id,
        "base_model": encoder.model,
        "artifact": json.dumps(artifact, sort_keys=True),
        "created_at": now,
    }
    merge_rows(con, "models", [row], replace=False)
    # A later version of the proof may judge the same evidence differently.
    con.execute(
        "UPDATE models SET artifact = $1 WHERE model_id = $2 AND artifact <> $1",
        [row["artifact"], model_id],
    )
    columns = (
        "post_id experiment_id arm script_id variant_id revision_hash events trials "
        "sigma randomised image started_at"
    ).split()
    rows = [
        {"model_id": model_id} | {column: getattr(arm, column) for column in columns}
        for arm in arms
    ]
    merge_rows(con, "ranker_arms", rows, replace=False)
    record_models(con, model_id)
    edges = [Edge("model", model_id, "post", a.post_id, "learnt_from") for a in arms]
    # A post of the loop has an edge to its variant; an imported post has no edge yet.
    edges += [
        Edge("post", a.post_id, "script", a.script_id, "publishes")
        for a in arms
        if a.variant_id is None and a.script_id is not None
    ]
    record_edges(con, edges, run_id, now)
    status = "active" if _state(proof) == PROVEN else "candidate"
    known = {model.model_id: model for model in list_rankers(con)}
    if model_id in known and known[model_id].reason.startswith(ROLLED_BACK):
        return known[model_id]
    _retire_others(con, model_id, f"replaced by {model_id}", now)
    if model_id not in known or known[model_id].status != status:
        set_status(con, model_id, status, _in_words(proof), now)
    return get_model(con, model_id)


def _retire_others(
    con: Connection, model_id: str | None, why: str, now: datetime
) -> tuple[str, ...]:
    """Retire the rankers in use other than `model_id`; return their ids."""
    others = tuple(
        model.model_id
        for model in list_rankers(con)
        if model.model_id != model_id and model.status in ("active", "candidate")
    )
    for other in others:
        set_status(con, other, "retired", why, now)
    return others


def roll_back_ranker(warehouse: Warehouse, clock: Clock, reason: str) -> ModelRow:
    """Retire the ranker in use and reactivate the last proven one before it.

    A fit to the same evidence does not reactivate the retired ranker; a fit to more
    evidence makes another ranker. Raises InputError without a reason, without a ranker
    in use, or without an earlier proven one.
    """
    if not reason.strip():
        raise InputError("A rollback needs a reason; say why.")
    with warehouse.transaction() as con:
        rankers = list_rankers(con)
        used = [m for m in rankers if m.status in ("active", "candidate")]
        earlier = [
            m
            for m in rankers
            if m not in used
            and (m.artifact or {}).get("state") == PROVEN
            and not m.reason.startswith(ROLLED_BACK)
            and not (used and m.created_at > used[-1].created_at)
        ]
        if not used or not earlier:
            raise InputError("There is no earlier proven ranker to roll back to.")
        now = clock.now()
        _retire_others(con, None, ROLLED_BACK + reason, now)
        back = max(earlier, key=lambda model: model.created_at)
        set_status(con, back.model_id, "active", ROLLED_BACK + reason, now)
        return get_model(con, back.model_id)


def _state(proof: Proof) -> str:
    return UNPROVEN if proof.proven_after is None else PROVEN


def _in_words(proof: Proof) -> str:
    groups = len(proof.log_e)
    if proof.proven_after is not None:
        return f"proven: e >= 20 after {proof.proven_after} of {groups} comparisons"
    e = math.exp(min(proof.best_log_e, 700.0))
    if proof.lost_after is not None:
        return (
            f"unproven again: after {proof.lost_after} comparisons what came out spoke "
            f"against its forecasts (e >= {E_LOST:,.0f}), as where an audience has "
            f"changed; since then e = {e:.3g} of 20"
        )
    return f"unproven: e = {e:.3g} of 20 after {groups} comparisons"
