"""A job is passed on to the next trainer, cancelled, or taken up by another machine."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ig_assets.core.fine_tuning.jobs.states import cancel_job, passed_on_jobs, poll_jobs
from ig_assets.core.fine_tuning.jobs.submit import submit_job
from ig_assets.core.fine_tuning.training_set.dataset_files import DatasetSummary
from ig_assets.core.ports import TrainingEstimate, TrainingRequest, TrainingState
from ig_assets.errors import AccessError, InputError, RefusedError, TransientVendorError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.core.fine_tuning.jobs.training_vendors import (
    PaidVendor,
    Vendor,
    calls,
    ledger,
    raise_,
    submit,
    submit_all,
)
from ig_assets_tests.core.fine_tuning.training_set.built_sets import filled, write


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
