"""Submits a fine-tune job once, after storing its intent and reserving its cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.fine_tuning.jobs.costs import reserve_training
from ig_assets.core.fine_tuning.jobs.lease import LEASE, submitter_of, take
from ig_assets.core.fine_tuning.jobs.rows import PASSED_ON, JobRow, job_of
from ig_assets.core.fine_tuning.jobs.states import record_state, refused
from ig_assets.core.fine_tuning.months import month_cutoff
from ig_assets.core.fine_tuning.training_set.dataset_files import DatasetSummary
from ig_assets.core.fine_tuning.training_set.vendor_lines import vendor_files
from ig_assets.core.identity import next_instant, stable_id
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.ports import (
    SFT,
    Clock,
    Trainer,
    TrainingFile,
    TrainingRequest,
    TrainingState,
    TrainsBy,
)
from ig_assets.errors import RefusedError, TransientVendorError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

LOCK = ".submitting.lock"
"""Suffix of the lock file beside a month's folder; the submitting process locks it."""


def submit_to_first(
    warehouse: Warehouse,
    clock: Clock,
    trainers: Sequence[Trainer],
    month: str,
    dataset: DatasetSummary,
    seed: int,
    run_id: str = "",
    ledger: Ledger | None = None,
) -> JobRow:
    """Submit the dataset to the first trainer that neither refuses it nor fails.

    A trainer whose job for this dataset was refused or failed, now or earlier, is
    skipped. If this holds for all trainers, the last job is returned. Raises as
    `submit_job` does.
    """
    for trainer in trainers:
        job = submit_job(
            warehouse, clock, trainer, month, dataset, seed, run_id, ledger
        )
        if job.status not in PASSED_ON or dataset.is_empty:
            break
    return job


def submit_job(
    warehouse: Warehouse,
    clock: Clock,
    trainer: Trainer,
    month: str,
    dataset: DatasetSummary,
    seed: int,
    run_id: str = "",
    ledger: Ledger | None = None,
) -> JobRow:
    """Submit the month's dataset once; the same dataset is never sent again.

    If a crash left an intent, its job is first searched at the trainer. A dataset
    without examples, or a trainer's refusal, gives the final status 'refused' with the
    reason. The cost is estimated and reserved in the `ledger` before anything starts.
    Raises TransientVendorError, AccessError and BudgetError; the intent stays, so that
    a later call continues.
    """
    with _alone(dataset):
        return _submit_once(
            warehouse, clock, trainer, month, dataset, seed, run_id, ledger
        )


@dataclass(frozen=True)
class _Submitter:
    """The folder that submits, and the real clock by which its lease is measured."""

    warehouse: Warehouse
    name: str
    clock: Clock

    def intent(self) -> dict[str, Any]:
        """Return the lease columns of a new intent row."""
        return {"submitter": self.name, "submitter_until": self.clock.now() + LEASE}

    def take(self, job_id: str) -> None:
        """Take or renew the job's lease. Raises TransientVendorError."""
        with self.warehouse.transaction() as con:
            take(con, job_id, self.name, self.clock.now())


@contextmanager
def _alone(dataset: DatasetSummary) -> Iterator[None]:
    """Let only one process of this data folder submit the dataset at a time.

    Another process would find an intent without a job and create the job a second time.
    Raises TransientVendorError if another process is submitting.
    """
    if not dataset.files:
        yield
        return
    from filelock import FileLock, Timeout

    folder = dataset.files[0].path.parent
    lock = FileLock(folder.with_name(f"{folder.name}{LOCK}"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise TransientVendorError(
            f"Another process is submitting the training set of {dataset.month}; look "
            "at its job when it has ended.",
            outcome_unknown=False,
        ) from None
    try:
        yield
    finally:
        lock.release()


def _submit_once(
    warehouse: Warehouse,
    clock: Clock,
    trainer: Trainer,
    month: str,
    dataset: DatasetSummary,
    seed: int,
    run_id: str,
    ledger: Ledger | None,
) -> JobRow:
    folder = dataset.files[0].path.parent if dataset.files else Path()
    timer = clock if ledger is None else ledger.money_clock
    submitter = _Submitter(warehouse, submitter_of(folder), timer)
    base_model = trainer.base_model
    by_method = {"method": trainer.method} if isinstance(trainer, TrainsBy) else {}
    method = by_method.get("method", SFT)
    parts = (month, trainer.provider, base_model, dataset.dataset_hash, seed)
    intent_key = stable_id("fine_tune", *parts, *([] if method == SFT else [method]))
    job_id = stable_id("job", intent_key)
    with warehouse.transaction() as con:
        known = job_of(con, job_id)
        if known is None:
            at = _submitted_at(con, month, clock)
            intent = _intent(trainer, month, dataset, intent_key)
            intent["hyperparameters"] = json.dumps({"seed": seed, **by_method})
            intent |= {"job_id": job_id, "submitted_at": at, **submitter.intent()}
            if dataset.is_empty:
                intent["refusal"] = _nothing_to_train_on(month)
                intent |= {"status": "refused", "finished_at": at}
            merge_rows(con, "fine_tune_jobs", [intent])
            if not dataset.is_empty:
                edge = Edge("job", job_id, "dataset", dataset.dataset_hash, "trains_on")
                record_edges(con, [edge], run_id, clock.now())
        job = job_of(con, job_id)
    assert job is not None, "it was just written"
    if job.status != "submitting":
        return job
    submitter.take(job_id)
    state = None if known is None else trainer.find(intent_key)
    if state is None:
        run = RunRef(run_id, "fine_tune_job", month)
        with vendor_files(dataset) as files:
            request = _request(trainer, month, dataset, seed, intent_key, files)
            hold = partial(submitter.take, job_id)
            state = _submit(trainer, request, ledger, run, hold)
    return record_state(warehouse, clock, job, state)


def _submit(
    trainer: Trainer,
    request: TrainingRequest,
    ledger: Ledger | None,
    run: RunRef,
    hold: Callable[[], None],
) -> TrainingState:
    """Estimate the cost, reserve it, and submit the job.

    `hold` is called right before the submission; it raises if the lease was lost.
    """
    try:
        estimate = trainer.estimate(request)
        if estimate is not None and not estimate.allowed:
            return refused(
                f"{trainer.provider} says that this account may not start the job, "
                "whose price its own estimate gives: the credit does not cover it."
            )
        if estimate is not None:
            reserve_training(ledger, trainer, request, estimate, run)
        hold()
        return trainer.submit(request)
    except RefusedError as error:
        return refused(str(error))


def _submitted_at(con: Connection, month: str, clock: Clock) -> Any:
    """Return the present time, or just after the month's last job if that is later.

    Jobs thus keep their order.
    """
    [(last,)] = con.execute(
        "SELECT max(submitted_at) FROM fine_tune_jobs WHERE month = ?", [month]
    ).fetchall()
    return next_instant(clock.now(), last)


def _intent(
    trainer: Trainer, month: str, dataset: DatasetSummary, intent_key: str
) -> dict[str, Any]:
    return {
        "month": month,
        "provider": trainer.provider,
        "provider_job_id": None,
        "dataset_hash": dataset.dataset_hash,
        "base_model": trainer.base_model,
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


def _request(
    trainer: Trainer,
    month: str,
    dataset: DatasetSummary,
    seed: int,
    intent_key: str,
    files: Mapping[str, TrainingFile],
) -> TrainingRequest:
    return TrainingRequest(
        intent_key=intent_key,
        month=month,
        base_model=trainer.base_model,
        dataset_hash=dataset.dataset_hash,
        files=files,
        example_ids=dataset.train_example_ids,
        seed=seed,
        dataset_folder=str(dataset.files[0].path.parent) if dataset.files else None,
    )
