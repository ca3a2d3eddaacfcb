"""Asks trainers for the states of jobs and stores them; a final state never changes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ig_assets.core.fine_tuning.jobs.costs import settle_training
from ig_assets.core.fine_tuning.jobs.rows import (
    FINAL,
    PASSED_ON,
    JobRow,
    job_of,
    select_jobs,
    unfinished_jobs,
)
from ig_assets.core.ports import Clock, Trainer, TrainingState
from ig_assets.errors import (
    AccessError,
    InputError,
    RefusedError,
    TransientVendorError,
)
from ig_assets.warehouse.warehouse import Connection, Warehouse


def poll_jobs(
    warehouse: Warehouse, clock: Clock, *trainers: Trainer
) -> tuple[list[JobRow], list[str]]:
    """Ask the trainers for the states of their unfinished jobs, and store them.

    Returns (jobs, one sentence per problem). A job keeps its state if its trainer
    cannot be reached or rejects the key. A job that the trainer does not know stays
    'submitting' until `submit_job` is called again.
    """
    with warehouse.transaction() as con:
        open_jobs = unfinished_jobs(con)
    of_provider = {trainer.provider: trainer for trainer in trainers}
    polled, problems = [], []
    for job in open_jobs:
        trainer = of_provider.get(job.provider)
        if trainer is None:
            problems.append(
                f"Job {job.job_id} is {job.status} at {job.provider}, which IG_TRAINER "
                "does not name any more; name it until the job has ended."
            )
            continue
        try:
            state = _asked(trainer, job)
        except (TransientVendorError, AccessError) as error:
            problems.append(str(error))
            state = None
        if state is not None:
            job = record_state(warehouse, clock, job, state)
        polled.append(job)
    return polled, list(dict.fromkeys(problems))


def cancel_job(
    warehouse: Warehouse, clock: Clock, job_id: str, *trainers: Trainer
) -> JobRow:
    """Ask the trainer of a job to stop it; return the job as stored afterwards.

    A job that has ended stays as it is. Raises InputError for an unknown job, for a job
    whose trainer is not configured, and for a vendor's job, which a person has to
    cancel at the vendor.
    """
    with warehouse.transaction() as con:
        job = job_of(con, job_id)
    if job is None:
        raise InputError(
            f"There is no fine-tune job {job_id!r}; `ig-assets fine-tune submit` and "
            "the asset fine_tune_job name them."
        )
    if job.status in FINAL:
        return job
    trainer = next((t for t in trainers if t.provider == job.provider), None)
    stop = getattr(trainer, "cancel", None)
    if trainer is None or stop is None or job.provider_job_id is None:
        raise InputError(
            f"Job {job_id} is {job.status} at {job.provider}, and is cancelled there; "
            "the next poll sees it."
        )
    return record_state(warehouse, clock, job, stop(job.provider_job_id))


def passed_on_jobs(con: Connection, providers: Sequence[str]) -> list[JobRow]:
    """Return failed or refused jobs whose dataset a next trainer can take.

    `providers` has the provider of each trainer, in order; after the last one there is
    no next trainer. Only the last job of a month counts, and only if its dataset is
    stored.
    """
    has_dataset = """
        WHERE EXISTS (
            SELECT 1
            FROM datasets AS d
            WHERE d.dataset_hash = fine_tune_jobs.dataset_hash
              AND d.month = fine_tune_jobs.month
        )
    """
    last = {job.month: job for job in select_jobs(con, has_dataset)}
    return [
        job
        for job in last.values()
        if job.status in PASSED_ON and job.provider in providers[:-1]
    ]


def refused(reason: str) -> TrainingState:
    """Return the final state of a job that a trainer refuses."""
    return TrainingState("refused", "", refusal=reason)


def record_state(
    warehouse: Warehouse, clock: Clock, job: JobRow, state: TrainingState
) -> JobRow:
    """Store a job's state; if the state is final, settle the job's cost."""
    final = state.status in FINAL
    with warehouse.transaction() as con:
        stored = job_of(con, job.job_id)
        if stored is None:
            raise LookupError(f"Fine-tune job {job.job_id} has no row.")
        if stored.status in FINAL:
            return stored
        con.execute(
            """
            UPDATE fine_tune_jobs
            SET status = ?, provider_job_id = ?, refusal = ?, model_name = ?,
                artifact = ?, finished_at = ?
            WHERE job_id = ?
            """,
            [
                state.status,
                state.provider_job_id or None,
                state.refusal,
                state.model_name,
                _artifact(job, state),
                clock.now() if final else None,
                job.job_id,
            ],
        )
        if final:
            settle_training(con, job.intent_key, state)
        after = job_of(con, job.job_id)
    assert after is not None, "it was read in this transaction"
    return after


def _asked(trainer: Trainer, job: JobRow) -> TrainingState | None:
    """Return the trainer's state of the job, or None if the trainer does not know it.

    A job without a vendor's id is searched by its intent key. So is a job whose id the
    trainer does not know; it counts as failed if it is not found.
    """
    if job.provider_job_id is None:
        return trainer.find(job.intent_key)
    try:
        return trainer.poll(job.provider_job_id)
    except RefusedError as error:
        found = trainer.find(job.intent_key)
        gone = TrainingState("failed", job.provider_job_id, refusal=str(error))
        return found or gone


def _artifact(job: JobRow, state: TrainingState) -> str | None:
    """Return the trainer's facts about the model and its loss curve, as JSON."""
    facts = dict(state.artifact or {})
    if state.trained_tokens is not None:
        facts["trained_tokens"] = state.trained_tokens
    if state.losses:
        facts["losses"] = [list(point) for point in state.losses]
    if not facts:
        return job.artifact
    facts.setdefault("kind", job.provider)
    return json.dumps(facts, sort_keys=True)
