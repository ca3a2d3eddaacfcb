"""What a job costs is estimated, reserved and settled once."""

from __future__ import annotations

import pytest

from ig_assets.core.fine_tuning.jobs.expected_costs import expected_costs
from ig_assets.core.fine_tuning.jobs.states import poll_jobs
from ig_assets.core.ports import TrainingEstimate, TrainingRequest
from ig_assets.errors import BudgetError, RefusedError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import FineTuningFactory
from ig_assets_tests.core.fine_tuning.jobs.training_vendors import (
    PaidVendor,
    Vendor,
    calls,
    raise_,
    submit_all,
)
from ig_assets_tests.core.fine_tuning.training_set.built_sets import filled


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
