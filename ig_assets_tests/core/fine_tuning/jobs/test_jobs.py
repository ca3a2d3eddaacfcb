from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from ig_assets.core.costs.budget import parse_budgets
from ig_assets.core.costs.ledger.ledger import Ledger
from ig_assets.core.fine_tuning.jobs.expected_costs import expected_costs
from ig_assets.core.fine_tuning.jobs.register import register_model
from ig_assets.core.fine_tuning.jobs.rows import (
    JobRow,
    overdue_notes,
    unevaluated_jobs,
    unfinished_jobs,
)
from ig_assets.core.fine_tuning.jobs.states import cancel_job, passed_on_jobs, poll_jobs
from ig_assets.core.fine_tuning.jobs.submit import submit_job, submit_to_first
from ig_assets.core.fine_tuning.training_set.dataset_files import DatasetSummary
from ig_assets.core.ports import TrainingEstimate, TrainingRequest, TrainingState
from ig_assets.errors import (
    AccessError,
    BudgetError,
    InputError,
    RefusedError,
    TransientVendorError,
)
from ig_assets.warehouse.rows import merge_rows
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.core.fine_tuning.training_set.test_dataset_files import (
    filled,
    write,
)
from ig_assets_tests.core.fine_tuning.training_set.test_examples import build


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


def test_the_same_dataset_is_submitted_once(env: FineTuningFactory) -> None:
    vendor, dataset = Vendor(), filled(env)
    first = submit(env, vendor, dataset)
    assert submit(env, vendor, dataset) == first
    assert first.status == "running"
    (request,) = vendor.submitted
    assert request.example_ids == dataset.train_example_ids
    assert sorted(request.files) == [
        "dpo_train",
        "dpo_validation",
        "sft_train",
        "sft_validation",
    ]


def test_of_two_processes_at_once_one_submits(env: FineTuningFactory) -> None:
    vendor, dataset = Vendor(), filled(env)

    def meanwhile() -> None:
        with pytest.raises(TransientVendorError, match="Another process"):
            submit(env, vendor, dataset)

    vendor.before = meanwhile
    assert submit(env, vendor, dataset).status == "running"
    assert len(vendor.submitted) == 1
    vendor.before = lambda: None
    assert submit(env, vendor, dataset).status == "running"
    assert len(vendor.submitted) == 1


@pytest.mark.parametrize("point, sends", [("before", 1), ("after", 1)])
def test_after_a_crash_between_intent_and_outcome_the_job_is_sent_once(
    env: FineTuningFactory, point: str, sends: int
) -> None:
    vendor, dataset = Vendor(), filled(env)
    setattr(vendor, point, raise_(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        submit(env, vendor, dataset)
    with env.warehouse.transaction() as con:
        assert [job.status for job in unfinished_jobs(con)] == ["submitting"]
    setattr(vendor, point, lambda: None)
    assert submit(env, vendor, dataset).status == "running"
    assert len(vendor.submitted) == sends


def test_the_intent_is_a_row_before_anything_is_sent(env: FineTuningFactory) -> None:
    vendor, dataset = Vendor(), filled(env)
    seen: list[object] = []
    vendor.before = lambda: seen.extend(env.read("SELECT status FROM fine_tune_jobs"))
    submit(env, vendor, dataset)
    assert seen == [{"status": "submitting"}]


def test_polling_finds_the_outcome_of_an_intent_that_crashed(
    env: FineTuningFactory,
) -> None:
    vendor, dataset = Vendor(), filled(env)
    vendor.after = raise_(TransientVendorError("The line broke."))
    with pytest.raises(TransientVendorError):
        submit(env, vendor, dataset)
    assert [job.status for job in poll(env, vendor)] == ["running"]


def test_a_job_that_cannot_be_asked_about_stays_as_it_is(
    env: FineTuningFactory,
) -> None:
    vendor = Vendor()
    submit(env, vendor, filled(env))
    vendor.before = raise_(TransientVendorError("Busy."))
    assert [job.status for job in poll(env, vendor)] == ["running"]


def test_a_refusal_at_submission_is_final_and_has_a_reason(
    env: FineTuningFactory,
) -> None:
    vendor, dataset = Vendor(), filled(env)
    vendor.before = raise_(RefusedError("Fine-tuning is closed for this account."))
    job = submit(env, vendor, dataset)
    vendor.before = lambda: None
    assert (job.status, job.refusal) == (
        "refused",
        "Fine-tuning is closed for this account.",
    )
    assert job.finished_at == env.clock.now()
    assert submit(env, vendor, dataset) == job
    assert vendor.submitted == [] and poll(env, vendor) == []
    assert register_model(env.warehouse, env.clock, MONTH) is None


def test_a_final_state_never_changes(env: FineTuningFactory) -> None:
    vendor = Vendor()
    submit(env, vendor, filled(env))
    vendor.finish("refused", refusal="No.")
    assert [job.status for job in poll(env, vendor)] == ["refused"]
    vendor.finish("succeeded", model_name="m")
    assert poll(env, vendor) == []
    assert [r["status"] for r in env.read("SELECT status FROM fine_tune_jobs")] == [
        "refused"
    ]


def test_a_month_without_examples_is_refused_without_asking_the_trainer(
    env: FineTuningFactory,
) -> None:
    vendor = Vendor()
    job = submit(env, vendor, write(env))
    assert job.status == "refused" and vendor.submitted == []
    assert job.refusal is not None
    assert "no decided experiment before 2026-04-01" in job.refusal


def test_a_job_that_succeeded_becomes_a_candidate_once(
    env: FineTuningFactory,
) -> None:
    vendor, dataset = Vendor(), filled(env)
    job = submit(env, vendor, dataset)
    assert register_model(env.warehouse, env.clock, MONTH) is None
    vendor.finish("succeeded", model_name="ft:base:1")
    poll(env, vendor)
    with env.warehouse.transaction() as con:
        assert [j.job_id for j in unevaluated_jobs(con)] == [job.job_id]
    model = register_model(env.warehouse, env.clock, MONTH, "run")
    assert model is not None
    assert (model.status, model.name, model.base_model) == (
        "candidate",
        "ft:base:1",
        "base",
    )
    assert register_model(env.warehouse, env.clock, MONTH, "run") == model
    with env.warehouse.transaction() as con:
        # Registered, but not yet compared on the held-out pairs that there are.
        assert [j.job_id for j in unevaluated_jobs(con)] == [job.job_id]
        scores = {"example_id": "x", "month": MONTH, "score": 1.0}
        row = {"model_id": model.model_id, "against_model_id": "base", **scores}
        merge_rows(con, "evaluations", [row])
        assert unevaluated_jobs(con) == []
    edges = env.read(
        "SELECT child_kind, parent_id FROM edges "
        "WHERE child_kind IN ('model', 'job') ORDER BY child_kind"
    )
    assert [tuple(e.values()) for e in edges] == [
        ("job", dataset.dataset_hash),
        ("model", job.job_id),
    ]


def test_a_newer_refusal_does_not_hide_the_model_of_the_month(
    env: FineTuningFactory,
) -> None:
    vendor = Vendor()
    submit(env, vendor, filled(env, "1"))
    vendor.finish("succeeded", model_name="ft:base:1")
    poll(env, vendor)
    env.forget("winner/e1-a")
    build(env)
    env.clock.at = env.clock.at.replace(day=2)
    assert submit(env, vendor, write(env)).status == "refused"
    with env.warehouse.transaction() as con:
        assert len(unevaluated_jobs(con)) == 1
    assert register_model(env.warehouse, env.clock, MONTH) is not None
    with env.warehouse.transaction() as con:
        assert unevaluated_jobs(con) == []


def test_a_refusal_sends_the_same_dataset_to_the_next_trainer(
    env: FineTuningFactory,
) -> None:
    closed, free = PaidVendor(), Vendor()
    closed.before = raise_(RefusedError("403: closed."))
    job = submit_all(env, closed, free)
    assert (job.provider, job.status) == ("vendor", "running")
    rows = env.read(
        "SELECT provider, status, refusal FROM fine_tune_jobs ORDER BY submitted_at"
    )
    assert [tuple(r.values()) for r in rows] == [
        ("paid", "refused", "403: closed."),
        ("vendor", "running", None),
    ]
    hashes = env.read("SELECT DISTINCT dataset_hash FROM fine_tune_jobs")
    assert len(hashes) == 1, "the very same dataset"
    assert calls(env) == [("failed", 2.0, 0.0, 0)], "what was refused cost nothing"
    assert submit_all(env, closed, free) == job and closed.submitted == []
    assert len(free.submitted) == 1


def test_a_job_that_fails_later_is_passed_on_once(env: FineTuningFactory) -> None:
    paid, free = PaidVendor(), Vendor()
    assert submit_all(env, paid, free).provider == "paid"
    paid.finish("failed", refusal="It broke.")
    poll_jobs(env.warehouse, env.clock, paid, free)
    with env.warehouse.transaction() as con:
        (ended,) = passed_on_jobs(con, ["paid", "vendor"])
        assert ended.provider == "paid"
        assert passed_on_jobs(con, ["vendor", "paid"]) == [], "nobody is left"
    assert submit_all(env, paid, free).provider == "vendor"
    with env.warehouse.transaction() as con:
        assert passed_on_jobs(con, ["paid", "vendor"]) == []


def test_a_job_that_a_person_cancelled_is_not_passed_on(
    env: FineTuningFactory,
) -> None:
    paid, free = PaidVendor(), Vendor()
    submit_all(env, paid, free)
    paid.finish("cancelled", trained_tokens=250)
    poll_jobs(env.warehouse, env.clock, paid, free)
    with env.warehouse.transaction() as con:
        assert passed_on_jobs(con, ["paid", "vendor"]) == []
    assert submit_all(env, paid, free).status == "cancelled"
    assert calls(env) == [("failed", 2.0, 0.5, 250)], "what was trained is paid for"


class StoppingVendor(Vendor):
    """A vendor whose jobs can be stopped from here."""

    def cancel(self, provider_job_id: str) -> TrainingState:
        self.jobs[provider_job_id] = TrainingState("cancelled", provider_job_id)
        return self.jobs[provider_job_id]


def test_a_job_is_cancelled_where_its_trainer_can_and_else_said_where(
    env: FineTuningFactory,
) -> None:
    here, elsewhere = StoppingVendor(), Vendor()
    job = submit(env, here, filled(env))
    with pytest.raises(InputError, match="is cancelled there"):
        cancel_job(env.warehouse, env.clock, job.job_id, elsewhere)
    with pytest.raises(InputError, match="There is no fine-tune job 'x'"):
        cancel_job(env.warehouse, env.clock, "x", here)
    stopped = cancel_job(env.warehouse, env.clock, job.job_id, here)
    assert (stopped.status, stopped.finished_at is not None) == ("cancelled", True)
    assert cancel_job(env.warehouse, env.clock, job.job_id, elsewhere) == stopped


def test_the_estimate_is_reserved_before_the_job_and_settled_after_it(
    env: FineTuningFactory,
) -> None:
    paid = PaidVendor()
    seen: list[object] = []
    paid.before = lambda: seen.extend(calls(env))
    submit_all(env, paid)
    assert seen == [("submitted", 2.0, None, None)]
    paid.before = lambda: None
    paid.finish("succeeded", model_name="m", trained_tokens=1_500)
    poll_jobs(env.warehouse, env.clock, paid)
    assert calls(env) == [("done", 2.0, 3.0, 1_500)]


def test_a_failure_without_a_bill_keeps_its_share_of_the_budget(
    env: FineTuningFactory,
) -> None:
    paid = PaidVendor()
    submit_all(env, paid)
    paid.finish("failed", refusal="It broke.")
    poll_jobs(env.warehouse, env.clock, paid)
    assert calls(env) == [("unknown", 2.0, None, 0)]


def test_a_budget_stops_a_job_before_it_starts_and_a_raised_one_lets_it_start(
    env: FineTuningFactory,
) -> None:
    paid, free = PaidVendor(), Vendor()
    for budgets in ("ever:usd=1", "train:month:tokens=999"):
        with pytest.raises(BudgetError):
            submit_all(env, paid, free, budgets=budgets)
    assert paid.submitted == [] and free.submitted == [] and calls(env) == []
    assert submit_all(env, paid, free).status == "running"
    assert len(paid.submitted) == 1


def test_a_job_without_a_price_is_blocked_by_a_budget_in_dollars(
    env: FineTuningFactory,
) -> None:
    paid = PaidVendor()
    paid.estimate = lambda request: TrainingEstimate(9, None)  # type: ignore
    with pytest.raises(BudgetError, match="IG_TRAINING_PRICES"):
        submit_all(env, paid)
    assert submit_all(env, paid, budgets="").status == "running"


def test_an_estimate_that_the_account_cannot_pay_starts_nothing(
    env: FineTuningFactory,
) -> None:
    paid, free = PaidVendor(), Vendor()
    paid.allowed = False
    assert submit_all(env, paid, free).provider == "vendor"
    assert paid.submitted == [] and calls(env) == []


def test_a_crash_after_the_reservation_reserves_and_sends_nothing_twice(
    env: FineTuningFactory,
) -> None:
    paid = PaidVendor()
    for point in ("before", "after"):
        setattr(paid, point, raise_(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            submit_all(env, paid)
        setattr(paid, point, lambda: None)
    assert submit_all(env, paid).status == "running"
    assert len(paid.submitted) == 1
    assert [status for status, *_ in calls(env)] == ["submitted"]


def test_a_job_that_vanished_is_found_by_its_key_or_failed(
    env: FineTuningFactory,
) -> None:
    vendor = Vendor()
    submit(env, vendor, filled(env))
    vendor.before = raise_(RefusedError("No such job."))
    assert [job.status for job in poll(env, vendor)] == ["running"]
    vendor.jobs.clear()
    (job,) = poll(env, vendor)
    assert (job.status, job.refusal) == ("failed", "No such job.")


def test_a_wrong_key_stops_no_other_trainers_jobs(env: FineTuningFactory) -> None:
    paid, free = PaidVendor(), Vendor()
    dataset = filled(env)
    for vendor in (paid, free):
        submit_job(env.warehouse, env.clock, vendor, MONTH, dataset, 7, "", ledger(env))
    paid.before = raise_(AccessError("The key is not accepted."))
    free.finish("succeeded", model_name="m")
    polled, problems = poll_jobs(env.warehouse, env.clock, paid, free)
    assert [job.status for job in polled] == ["running", "succeeded"]
    assert problems == ["The key is not accepted."]
    _, problems = poll_jobs(env.warehouse, env.clock, free)
    assert "IG_TRAINER" in problems[0] and "paid" in problems[0]


def test_the_losses_of_a_running_job_are_stored_and_kept(
    env: FineTuningFactory,
) -> None:
    vendor = Vendor()
    submit(env, vendor, filled(env))
    vendor.finish("running", losses=[(1, 2.5, None), (2, 2.0, 2.1)])
    (job,) = poll(env, vendor)
    assert json.loads(job.artifact or "")["losses"] == [[1, 2.5, None], [2, 2.0, 2.1]]
    vendor.finish("succeeded", model_name="m")
    (job,) = poll(env, vendor)
    assert job.status == "succeeded" and "2.1" in (job.artifact or "")


def test_a_job_that_takes_days_is_told_of(env: FineTuningFactory) -> None:
    submit(env, Vendor(), filled(env))
    with env.warehouse.transaction() as con:
        jobs = unfinished_jobs(con)
    assert overdue_notes(jobs, env.clock.now()) == []
    (note,) = overdue_notes(jobs, env.clock.now() + timedelta(days=4))
    assert "running at vendor since 2026-04-01" in note


def two_folders(env: FineTuningFactory) -> tuple[DatasetSummary, DatasetSummary]:
    """The files of one set in the data folders of two machines with one home."""
    return filled(env), write(env, env.folder / "elsewhere")


def test_of_two_machines_with_one_home_one_submits(env: FineTuningFactory) -> None:
    vendor = Vendor()
    here, there = two_folders(env)

    def meanwhile() -> None:
        with pytest.raises(TransientVendorError, match="Another machine is submitting"):
            submit(env, vendor, there)

    vendor.before = meanwhile
    assert submit(env, vendor, here).status == "running"
    vendor.before = lambda: None
    assert submit(env, vendor, there).status == "running"
    assert len(vendor.submitted) == 1


def test_a_machine_that_slept_past_its_time_does_not_submit_what_another_did(
    env: FineTuningFactory,
) -> None:
    here, there = two_folders(env)
    vendor = Vendor()

    class Slow(Vendor):
        """Between its estimate and its job another machine makes the job."""

        def estimate(self, request: TrainingRequest) -> TrainingEstimate | None:
            env.clock.at += timedelta(hours=1)
            assert submit(env, vendor, there).status == "running"
            return None

    slow = Slow()
    with pytest.raises(TransientVendorError, match="has submitted the job"):
        submit(env, slow, here)
    assert slow.submitted == [] and len(vendor.submitted) == 1


def test_a_job_that_a_dead_machine_left_is_taken_up_after_a_while(
    env: FineTuningFactory,
) -> None:
    vendor = Vendor()
    here, there = two_folders(env)
    vendor.before = raise_(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        submit(env, vendor, here)
    vendor.before = lambda: None
    with pytest.raises(TransientVendorError, match="2026-04-01 03:15 UTC"):
        submit(env, vendor, there)
    env.clock.at += timedelta(minutes=15)
    assert submit(env, vendor, there).status == "running"
    assert len(vendor.submitted) == 1


def test_what_each_trainer_would_cost_is_said_before_anything_is_sent(
    env: FineTuningFactory,
) -> None:
    class Asking(Vendor):
        provider = "asking"
        asks_for_estimate = True

        def estimate(self, request: TrainingRequest) -> TrainingEstimate | None:
            raise AssertionError("this sends the file")

    class Short(Vendor):
        provider = "short"

        def estimate(self, request: TrainingRequest) -> TrainingEstimate | None:
            raise RefusedError("4 are missing.")

    trainers = (PaidVendor(), Asking(), Short(), Vendor())
    found = expected_costs(trainers, filled(env), seed=7)
    assert [(c.trainer, c.tokens, c.cost_usd) for c in found] == [
        ("paid", 1_000, 2.0),
        ("asking", None, None),
        ("short", None, None),
        ("vendor", None, 0.0),
    ]
    assert found[2].note == "4 are missing."
    assert env.read("SELECT * FROM fine_tune_jobs") == []


def test_another_method_is_another_job_of_the_same_set(env: FineTuningFactory) -> None:
    vendor, dataset = Vendor(), filled(env)
    first = submit(env, vendor, dataset)
    vendor.method = "dpo"  # type: ignore[attr-defined]
    second = submit(env, vendor, dataset)
    assert first.job_id != second.job_id
    assert len(vendor.submitted) == 2
