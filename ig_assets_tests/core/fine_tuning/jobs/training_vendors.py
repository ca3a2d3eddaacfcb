"""Trainers that remember what they were sent, and the jobs of a month."""

from __future__ import annotations

from collections.abc import Callable

from ig_assets.core.costs.budget import parse_budgets
from ig_assets.core.costs.ledger.ledger import Ledger
from ig_assets.core.fine_tuning.jobs.rows import JobRow
from ig_assets.core.fine_tuning.jobs.states import poll_jobs
from ig_assets.core.fine_tuning.jobs.submit import submit_job, submit_to_first
from ig_assets.core.fine_tuning.training_set.dataset_files import DatasetSummary
from ig_assets.core.ports import TrainingEstimate, TrainingRequest, TrainingState
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.core.fine_tuning.training_set.built_sets import filled


class Vendor:
    """A trainer that remembers what it was sent, as a vendor does."""

    provider = "vendor"
    base_model = "base"
    notice = ""

    def __init__(self) -> None:
        self.jobs: dict[str, TrainingState] = {}
        self.submitted: list[TrainingRequest] = []
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def find(self, intent_key: str) -> TrainingState | None:
        return self.jobs.get(f"job-{intent_key}")

    def estimate(self, request: TrainingRequest) -> TrainingEstimate | None:
        return None

    def submit(self, request: TrainingRequest) -> TrainingState:
        self.before()
        self.submitted.append(request)
        job_id = f"job-{request.intent_key}"
        self.jobs[job_id] = TrainingState("running", job_id)
        self.after()
        return self.jobs[job_id]

    def poll(self, provider_job_id: str) -> TrainingState:
        self.before()
        return self.jobs[provider_job_id]

    def finish(self, status: str, **facts: object) -> None:
        for job_id in self.jobs:
            self.jobs[job_id] = TrainingState(status, job_id, **facts)  # type: ignore


def submit(env: FineTuningFactory, vendor: Vendor, dataset: DatasetSummary) -> JobRow:
    return submit_job(env.warehouse, env.clock, vendor, MONTH, dataset, 7, "run")


class PaidVendor(Vendor):
    """A vendor that takes USD 2 for 1,000 tokens."""

    provider = "paid"
    allowed = True

    def estimate(self, request: TrainingRequest) -> TrainingEstimate | None:
        return TrainingEstimate(1_000, 2.0, self.allowed)


def ledger(env: FineTuningFactory, budgets: str = "ever:usd=5") -> Ledger:
    return Ledger(env.warehouse, env.clock, parse_budgets(budgets))


def submit_all(
    env: FineTuningFactory, *vendors: Vendor, budgets: str = "ever:usd=5"
) -> JobRow:
    return submit_to_first(
        env.warehouse,
        env.clock,
        vendors,
        MONTH,
        filled(env),
        7,
        "run",
        ledger(env, budgets),
    )


def calls(env: FineTuningFactory) -> list[tuple[object, ...]]:
    rows = env.read(
        "SELECT status, reserved_usd, cost_usd, input_tokens FROM api_calls "
        "WHERE operation = 'train' ORDER BY called_at"
    )
    return [tuple(row.values()) for row in rows]


def poll(env: FineTuningFactory, vendor: Vendor) -> list[JobRow]:
    polled, _ = poll_jobs(env.warehouse, env.clock, vendor)
    return polled


def raise_(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail
