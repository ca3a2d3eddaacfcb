"""Fine-tune jobs: an intent row first, submitted once, polled to a final state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ig_assets.core.fine_tuning.dataset_files import DatasetSummary
from ig_assets.core.fine_tuning.months import month_cutoff
from ig_assets.core.identity import stable_id
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.models.learnt_examples import learnt_from_forgotten
from ig_assets.core.models.registry import (
    ModelRow,
    get_model,
    list_models,
    set_status,
)
from ig_assets.core.ports import Clock, Trainer, TrainingRequest, TrainingState
from ig_assets.errors import RefusedError, TransientVendorError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

FINAL = ("succeeded", "failed", "refused")
JOB_STATUSES = ("submitting", "running", *FINAL)

_COLUMNS = """
SELECT job_id, month, provider, provider_job_id, dataset_hash, base_model,
    intent_key, status, refusal, model_name, artifact, submitted_at, finished_at
FROM fine_tune_jobs
"""


@dataclass(frozen=True)
class JobRow:
    """One job; `status` is submitting, running, succeeded, failed or refused.

    A refusal is final. `artifact` is the trainer's output as JSON.
    """

    job_id: str
    month: str
    provider: str
    provider_job_id: str | None
    dataset_hash: str
    base_model: str
    intent_key: str
    status: str
    refusal: str | None
    model_name: str | None
    artifact: str | None
    submitted_at: datetime
    finished_at: datetime | None


def submit_job(
    warehouse: Warehouse,
    clock: Clock,
    trainer: Trainer,
    month: str,
    base_model: str,
    dataset: DatasetSummary,
    seed: int,
    run_id: str = "",
) -> JobRow:
    """Submit the month's dataset once; the same dataset is never sent again.

    An intent that a crash left is looked up at the trainer first. A dataset without
    examples and a trainer's refusal give the final status 'refused' with the reason.
    Raises TransientVendorError; the intent stays, so that a later call continues.
    """
    intent_key = stable_id(
        "fine_tune", month, trainer.provider, base_model, dataset.dataset_hash, seed
    )
    job_id = stable_id("job", intent_key)
    with warehouse.transaction() as con:
        known = _job(con, job_id)
        if known is None:
            intent = _intent(trainer, month, base_model, dataset, seed, intent_key)
            intent |= {"job_id": job_id, "submitted_at": clock.now()}
            if dataset.is_empty:
                intent["refusal"] = _nothing_to_train_on(month)
                intent |= {"status": "refused", "finished_at": clock.now()}
            merge_rows(con, "fine_tune_jobs", [intent])
            if not dataset.is_empty:
                edge = Edge("job", job_id, "dataset", dataset.dataset_hash, "trains_on")
                record_edges(con, [edge], run_id, clock.now())
    if dataset.is_empty or (known is not None and known.status != "submitting"):
        return _reread(warehouse, job_id)
    state = None if known is None else trainer.find(intent_key)
    if state is None:
        state = _submit(trainer, month, base_model, dataset, seed, intent_key)
    return _record_state(warehouse, clock, job_id, state)


def poll_jobs(warehouse: Warehouse, clock: Clock, trainer: Trainer) -> list[JobRow]:
    """Ask the trainer for the state of its unfinished jobs; return them updated.

    A job stays as it is where the trainer cannot be reached. An intent that the
    trainer does not know stays 'submitting' until `submit_job` is called again.
    """
    with warehouse.transaction() as con:
        open_jobs = [j for j in unfinished_jobs(con) if j.provider == trainer.provider]
    polled = []
    for job in open_jobs:
        try:
            if job.provider_job_id is None:
                state = trainer.find(job.intent_key)
            else:
                state = trainer.poll(job.provider_job_id)
        except TransientVendorError:
            state = None
        except RefusedError as error:
            state = _refused(job.provider_job_id or "", error)
        polled.append(
            job if state is None else _record_state(warehouse, clock, job.job_id, state)
        )
    return polled


def unfinished_jobs(con: Connection) -> list[JobRow]:
    """Jobs that are submitting or running, oldest first."""
    where = "WHERE status NOT IN ('succeeded', 'failed', 'refused')"
    return _jobs(con, where)


def unevaluated_jobs(con: Connection) -> list[JobRow]:
    """Succeeded jobs whose model is not registered or not evaluated, oldest first.

    Without held-out pairs in the month there is nothing to evaluate.
    """
    return _jobs(
        con,
        """
        WHERE status = 'succeeded'
          AND NOT EXISTS (
            SELECT 1
            FROM models AS m
            WHERE m.job_id = fine_tune_jobs.job_id
              AND (
                EXISTS (SELECT 1 FROM evaluations AS v WHERE v.model_id = m.model_id)
                OR NOT EXISTS (
                    SELECT 1
                    FROM training_examples AS x
                    WHERE x.month = fine_tune_jobs.month
                      AND x.kind = 'dpo'
                      AND x.split = 'validation'
                )
              )
          )
        """,
    )


def latest_job(con: Connection, month: str) -> JobRow | None:
    """The month's newest job, whatever its status."""
    jobs = _jobs(con, "WHERE month = ?", [month])
    return jobs[-1] if jobs else None


def register_model(
    warehouse: Warehouse, clock: Clock, month: str, run_id: str = ""
) -> ModelRow | None:
    """Register the month's newest succeeded job as a candidate; None without one.

    It is tainted at once where one of its examples was forgotten meanwhile.

    Idempotent: a registered model keeps its row and its status.
    """
    now = clock.now()
    with warehouse.transaction() as con:
        succeeded = _jobs(con, "WHERE month = ? AND status = 'succeeded'", [month])
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
        return get_model(con, model_id)


def _model_of_same_examples(con: Connection, job: JobRow) -> str | None:
    """An earlier few-shot model of the same base model and examples, if any."""
    example_ids = _example_ids(job)
    for model in list_models(con):
        same = (model.artifact or {}).get("example_ids") == example_ids
        if example_ids and same and model.base_model == job.base_model:
            return model.model_id
    return None


def _example_ids(job: JobRow) -> list[str]:
    """The examples of a few-shot model; none for another kind of model."""
    artifact = json.loads(job.artifact) if job.artifact else {}
    return [str(i) for i in artifact.get("example_ids", [])]


def _model_edges(model_id: str, job: JobRow) -> list[Edge]:
    """Edges to the job, and to the examples of a few-shot model."""
    made = Edge("model", model_id, "job", job.job_id, "made_by")
    examples = [
        Edge("model", model_id, "example", i, "shows") for i in _example_ids(job)
    ]
    return [made, *examples]


def _intent(
    trainer: Trainer,
    month: str,
    base_model: str,
    dataset: DatasetSummary,
    seed: int,
    intent_key: str,
) -> dict[str, Any]:
    return {
        "month": month,
        "provider": trainer.provider,
        "provider_job_id": None,
        "dataset_hash": dataset.dataset_hash,
        "base_model": base_model,
        "hyperparameters": json.dumps({"seed": seed}),
        "intent_key": intent_key,
        "status": "submitting",
        "refusal": None,
        "finished_at": None,
    }


def _nothing_to_train_on(month: str) -> str:
    return (
        f"There is no decided experiment before {month_cutoff(month):%Y-%m-%d}, "
        "so there is nothing to train on; the active model stays."
    )


def _submit(
    trainer: Trainer,
    month: str,
    base_model: str,
    dataset: DatasetSummary,
    seed: int,
    intent_key: str,
) -> TrainingState:
    request = TrainingRequest(
        intent_key=intent_key,
        month=month,
        base_model=base_model,
        dataset_hash=dataset.dataset_hash,
        files={f"{f.kind}_{f.split}": str(f.path) for f in dataset.files},
        example_ids=dataset.train_example_ids,
        seed=seed,
    )
    try:
        return trainer.submit(request)
    except RefusedError as error:
        return _refused("", error)


def _refused(provider_job_id: str, error: RefusedError) -> TrainingState:
    return TrainingState("refused", provider_job_id, refusal=str(error))


def _record_state(
    warehouse: Warehouse, clock: Clock, job_id: str, state: TrainingState
) -> JobRow:
    """Store the job's state; a final state never changes."""
    final = state.status in FINAL
    artifact = None
    if state.artifact is not None:
        artifact = json.dumps(dict(state.artifact), sort_keys=True)
    with warehouse.transaction() as con:
        con.execute(
            """
            UPDATE fine_tune_jobs
            SET status = ?, provider_job_id = ?, refusal = ?, model_name = ?,
                artifact = ?, finished_at = ?
            WHERE job_id = ? AND status IN ('submitting', 'running')
            """,
            [
                state.status,
                state.provider_job_id or None,
                state.refusal,
                state.model_name,
                artifact,
                clock.now() if final else None,
                job_id,
            ],
        )
    return _reread(warehouse, job_id)


def _reread(warehouse: Warehouse, job_id: str) -> JobRow:
    with warehouse.transaction() as con:
        job = _job(con, job_id)
    if job is None:
        raise LookupError(f"Fine-tune job {job_id} has no row.")
    return job


def _job(con: Connection, job_id: str) -> JobRow | None:
    jobs = _jobs(con, "WHERE job_id = ?", [job_id])
    return jobs[0] if jobs else None


def _jobs(con: Connection, where: str, parameters: Sequence[Any] = ()) -> list[JobRow]:
    sql = f"{_COLUMNS} {where} ORDER BY submitted_at, job_id"
    return [JobRow(**row) for row in fetch_dicts(con, sql, list(parameters))]
