"""A training set is submitted once, and its job's outcome is kept."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ig_assets.core.fine_tuning.jobs.register import register_model
from ig_assets.core.fine_tuning.jobs.rows import (
    overdue_notes,
    unevaluated_jobs,
    unfinished_jobs,
)
from ig_assets.errors import RefusedError, TransientVendorError
from ig_assets.warehouse.rows import merge_rows
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.core.fine_tuning.jobs.training_vendors import (
    Vendor,
    poll,
    raise_,
    submit,
)
from ig_assets_tests.core.fine_tuning.training_set.built_sets import (
    build,
    filled,
    write,
)


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
    ahead = env.clock.now() - timedelta(days=300)
    assert overdue_notes(jobs, ahead) == [note], "it is dated by a wrong clock"


def test_another_method_is_another_job_of_the_same_set(env: FineTuningFactory) -> None:
    vendor, dataset = Vendor(), filled(env)
    first = submit(env, vendor, dataset)
    vendor.method = "dpo"  # type: ignore[attr-defined]
    second = submit(env, vendor, dataset)
    assert first.job_id != second.job_id
    assert len(vendor.submitted) == 2
