"""Fits the ranker to a data folder's own experiments, proves it and registers it."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import DisjointSet

from ig_assets.core.corpus.history_import.identity.known_posts import IMAGE
from ig_assets.core.experiments.constants import ADS, UNKNOWN_SIGMA
from ig_assets.core.fine_tuning.train_validation_split import near_duplicate_pairs
from ig_assets.core.identity import stable_id
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.models.ranker.arms import (
    ARMS_WITH_HOOKS,
    PastArm,
    PastHooks,
    past_hooks,
    remembered,
)
from ig_assets.core.models.ranker.outcomes import Floats, Ints
from ig_assets.core.models.ranker.proof import (
    INSUFFICIENT,
    MIN_GROUPS,
    PROVEN,
    Proof,
    prove,
    sound_bets,
)
from ig_assets.core.models.ranker.ranker import train
from ig_assets.core.models.ranker.states import counted
from ig_assets.core.models.ranker.ridge import Variances
from ig_assets.core.models.ranker.vectors import ENCODER, features_of
from ig_assets.core.models.registry import (
    RANKER,
    ModelRow,
    get_model,
    list_rankers,
    set_status,
)
from ig_assets.core.ports import Clock, HookEncoder
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

# The counts of each arm at the latest look at its experiment, decided or not: all arms
# of a look have the same age.
_EVIDENCE = f"""
WITH looks AS (
    SELECT experiment_id, max(data_through) AS data_through
    FROM evidence
    WHERE data_through < $1
    GROUP BY experiment_id
),
counts AS (
    SELECT v.experiment_id, v.arm_a AS arm, v.events_a AS events, v.trials_a AS trials
    FROM evidence AS v
    JOIN looks USING (experiment_id, data_through)
    UNION
    SELECT v.experiment_id, v.arm_b, v.events_b, v.trials_b
    FROM evidence AS v
    JOIN looks USING (experiment_id, data_through)
),
published AS (
    SELECT post_id, experiment_id, arm, variant_id, script_id,
        published_revision_hash, platform,
        CASE WHEN starts_with(detail, '{IMAGE}') THEN detail END AS image
    FROM posts
    WHERE status = 'published' AND duplicate_of IS NULL
    QUALIFY row_number() OVER (
        PARTITION BY experiment_id, arm
        ORDER BY post_id
    ) = 1
),
promoted AS (
    SELECT variant_id, min(script_id) AS script_id
    FROM scripts
    WHERE variant_id IS NOT NULL
    GROUP BY variant_id
)
SELECT p.post_id, c.experiment_id, c.arm,
    coalesce(p.script_id, w.script_id) AS script_id, p.variant_id,
    coalesce(p.published_revision_hash, v.revision_hash) AS revision_hash,
    c.events, c.trials,
    coalesce(e.sigma, CASE WHEN e.randomised THEN 0 ELSE {UNKNOWN_SIGMA} END) AS sigma,
    coalesce(e.randomised, FALSE) AS randomised, p.image, e.started_at,
    coalesce(e.simulated, FALSE) AS simulated,
    coalesce(p.platform = '{ADS}', FALSE) AS by_ads,
    coalesce(u.cause = 'split', FALSE) AND a.experiment_id IS NULL AS is_unsound
FROM counts AS c
JOIN experiments AS e ON e.experiment_id = c.experiment_id
JOIN published AS p ON p.experiment_id = c.experiment_id AND p.arm = c.arm
LEFT JOIN variants AS v ON v.variant_id = p.variant_id
LEFT JOIN promoted AS w ON w.variant_id = p.variant_id
LEFT JOIN unsound_experiments AS u ON u.experiment_id = c.experiment_id
LEFT JOIN valid_acceptances AS a ON a.experiment_id = c.experiment_id
"""

NEAR_DUPLICATE_COSINE = 0.88
"""Of encoder vectors minus their mean, without which all hooks are alike. Among 7,252
real headlines it finds as many pairs (722) as 0.92 of retrieval vectors (738)."""


@dataclass(frozen=True)
class Evidence:
    """Arms to learn from, and how many were left out for which reason.

    `simulated`: all of them are of a simulated audience; else none is.
    """

    arms: tuple[PastArm, ...]
    left_out: Counter[str]
    simulated: bool


@dataclass(frozen=True)
class RankerFit:
    """What a fit gave: `model` is None where there is too little to learn from.

    `simulated`: it rests on a simulated audience alone. `retired` was in use until now.
    """

    state: str
    groups: int
    arms: int
    log_e: float
    proven_after: int | None
    left_out: dict[str, int]
    simulated: bool
    model: ModelRow | None
    retired: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """How many groups are missing until a ranker can be used."""
        return max(0, MIN_GROUPS - self.groups)


def evidence_before(
    con: Connection, cutoff: datetime, *, with_ads: bool = False
) -> Evidence:
    """All arms of experiments that were looked at before `cutoff`, decided or not.

    Left out are forgotten scripts, arms without counts or a stored hook, experiments
    whose audience was not divided as planned and that no person accepted, those of ads
    unless `with_ads`, and simulated ones as soon as there is a real one.
    """
    left_out: Counter[str] = Counter()
    arms: list[tuple[PastArm, bool]] = []
    rows = fetch_dicts(con, ARMS_WITH_HOOKS.format(source=_EVIDENCE), [cutoff])
    for row in rows:
        simulated = row.pop("simulated")
        reason = _reason(row, with_ads)
        if reason is not None:
            left_out[reason] += 1
        else:
            arms.append((PastArm(**row), simulated))
    real = [arm for arm, simulated in arms if not simulated]
    if real and len(real) < len(arms):
        left_out["simulated, and there are real ones"] += len(arms) - len(real)
    kept = remembered(con, real or [arm for arm, _ in arms])
    if forgotten := len(real or arms) - len(kept):
        left_out["forgotten"] += forgotten
    return Evidence(tuple(kept), left_out, simulated=bool(arms) and not real)


def fit_ranker(
    warehouse: Warehouse,
    clock: Clock,
    encoder: HookEncoder,
    *,
    cutoff: datetime | None = None,
    with_ads: bool = False,
    run_id: str | None = None,
) -> RankerFit:
    """Fit to everything that was looked at before `cutoff` (default: now).

    A proven ranker becomes active, an unproven one is a candidate; earlier rankers
    retire. The same evidence gives the same model. Under 25 groups nothing is
    registered.
    """
    now = clock.now()
    with warehouse.transaction() as con:
        evidence = evidence_before(con, cutoff or now, with_ads=with_ads)
    past = past_hooks(evidence.arms)
    alone = len(evidence.arms) - len(past.arms)
    left_out = evidence.left_out + Counter({"no other hook to compare with": alone})
    if len(past.groups) < MIN_GROUPS:
        # An earlier ranker rests on what does not count any more, or is forgotten.
        why = f"only {counted(len(past.groups), 'comparison')} left, of {MIN_GROUPS}"
        with warehouse.transaction() as con:
            retired = _retire_others(con, None, why, now)
        return RankerFit(
            state=INSUFFICIENT,
            groups=len(past.groups),
            arms=len(past.arms),
            log_e=0.0,
            proven_after=None,
            left_out=dict(left_out),
            simulated=evidence.simulated,
            model=None,
            retired=retired,
        )
    features = features_of(warehouse, clock, encoder, past.texts)
    group = past.outcomes.group
    proof = prove(
        features,
        past.outcomes,
        clusters(features[ENCODER], group),
        sound=sound_bets(group, past.events, past.trials),
    )
    variances = train(features, past.outcomes).fit.variances
    with warehouse.transaction() as con:
        model = _register(
            con, encoder, past, proof, variances, evidence.simulated, now, run_id
        )
    return RankerFit(
        state=proof.state,
        groups=len(past.groups),
        arms=len(past.arms),
        log_e=proof.best_log_e,
        proven_after=proof.proven_after,
        left_out=dict(left_out),
        simulated=evidence.simulated,
        model=model,
    )


def clusters(vectors: Floats, group: Ints) -> Ints:
    """A number per group; groups with nearly equal hooks have the same.

    `vectors` (arms, columns) are the encoder's, `group` (arms) numbers the groups.
    """
    centre = vectors - vectors.mean(axis=0)
    near = near_duplicate_pairs(
        {str(n): row for n, row in enumerate(centre)}, NEAR_DUPLICATE_COSINE
    )
    groups = int(group.max(initial=-1)) + 1
    sets = DisjointSet(range(groups))
    for a, b in near:
        sets.merge(int(group[int(a)]), int(group[int(b)]))
    roots = [sets[n] for n in range(groups)]
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def _reason(row: dict[str, Any], with_ads: bool) -> str | None:
    by_ads, is_unsound = row.pop("by_ads"), row.pop("is_unsound")
    if by_ads and not with_ads:
        return "decided by ads"
    if is_unsound:
        return "audience not divided as planned"
    if not row["trials"] or row["events"] is None:
        return "no counts"
    return None if row["hook"] else "no stored hook"


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
        "state": proof.state,
        "groups": len(past.groups),
        "arms": len(arms),
        "log_e": proof.best_log_e,
        "proven_after": proof.proven_after,
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
    # The same evidence may be judged anew, by a later version of the proof.
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
    edges = [Edge("model", model_id, "post", a.post_id, "learnt_from") for a in arms]
    # A post of the loop has an edge to its variant, an imported one had none.
    edges += [
        Edge("post", a.post_id, "script", a.script_id, "publishes")
        for a in arms
        if a.variant_id is None and a.script_id is not None
    ]
    record_edges(con, edges, run_id, now)
    status = "active" if proof.state == PROVEN else "candidate"
    known = {model.model_id: model for model in list_rankers(con)}
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


def _in_words(proof: Proof) -> str:
    groups = len(proof.log_e)
    if proof.proven_after is not None:
        return f"proven: e >= 20 after {proof.proven_after} of {groups} comparisons"
    e = math.exp(min(proof.best_log_e, 700.0))
    return f"unproven: e = {e:.3g} of 20 after {groups} comparisons"
