"""Registers the model that a job made."""

from __future__ import annotations

import json

from ig_assets.core.fine_tuning.jobs.rows import JobRow, select_jobs
from ig_assets.core.identity import stable_id
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.lineage.model_scripts import record_models
from ig_assets.core.models.learnt_examples import learnt_from_forgotten
from ig_assets.core.models.registry import (
    ModelRow,
    get_model,
    list_models,
    set_status,
)
from ig_assets.core.ports import Clock
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse


def register_model(
    warehouse: Warehouse, clock: Clock, month: str, run_id: str = ""
) -> ModelRow | None:
    """Register the month's newest succeeded job as a candidate.

    Returns None without such a job. The model is tainted at once if one of its examples
    has been forgotten in the meantime. Idempotent: a registered model keeps its row and
    its status.
    """
    now = clock.now()
    with warehouse.transaction() as con:
        succeeded = select_jobs(
            con, "WHERE month = ? AND status = 'succeeded'", [month]
        )
        if not succeeded:
            return None
        job = succeeded[-1]
        model_id = stable_id("model", job.job_id)
        known = con.execute(
            "SELECT 1 FROM models WHERE model_id = ?", [model_id]
        ).fetchall()
        if not known:
            row = {
                "model_id": model_id,
                "job_id": job.job_id,
                "provider": job.provider,
                "name": job.model_name,
                "base_model": job.base_model,
                "artifact": job.artifact,
                "created_at": now,
            }
            merge_rows(con, "models", [row])
            reason = f"trained on {month}"
            if other := _model_of_same_examples(con, job):
                reason += f"; it has the same examples as {other}"
            set_status(con, model_id, "candidate", reason, now)
            if learnt_from_forgotten(con, job.artifact, job.dataset_hash):
                forgotten = "learnt from a script that was forgotten meanwhile"
                set_status(con, model_id, "tainted", forgotten, now)
            record_edges(con, _model_edges(model_id, job), run_id, now)
            record_models(con, model_id)
        return get_model(con, model_id)


def _model_of_same_examples(con: Connection, job: JobRow) -> str | None:
    """Return an earlier few-shot model of the same base model and examples, or None."""
    example_ids = _example_ids(job)
    for model in list_models(con):
        same = (model.artifact or {}).get("example_ids") == example_ids
        if example_ids and same and model.base_model == job.base_model:
            return model.model_id
    return None


def _example_ids(job: JobRow) -> list[str]:
    """Return the example ids of a few-shot model; empty for another kind of model."""
    artifact = json.loads(job.artifact) if job.artifact else {}
    return [str(i) for i in artifact.get("example_ids", [])]


def _model_edges(model_id: str, job: JobRow) -> list[Edge]:
    """Return edges from the model to its job, and to a few-shot model's examples."""
    made = Edge("model", model_id, "job", job.job_id, "made_by")
    examples = [
        Edge("model", model_id, "example", i, "shows") for i in _example_ids(job)
    ]
    return [made, *examples]
