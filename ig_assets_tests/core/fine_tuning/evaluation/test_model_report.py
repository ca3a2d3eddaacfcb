"""What is stored of a model that a vendor trained."""

from __future__ import annotations

import pytest

from ig_assets.core.fine_tuning.evaluation.loss_plot import loss_picture
from ig_assets.core.fine_tuning.evaluation.model_report import model_report
from ig_assets.core.fine_tuning.jobs.register import register_model
from ig_assets.core.fine_tuning.jobs.states import poll_jobs
from ig_assets.errors import InputError
from ig_assets_tests.core.fine_tuning.fine_tuning_factory import (
    MONTH,
    FineTuningFactory,
)
from ig_assets_tests.core.fine_tuning.jobs.training_vendors import (
    PaidVendor,
    submit_all,
)


def test_a_model_has_its_job_its_cost_its_losses_and_its_history(
    env: FineTuningFactory,
) -> None:
    vendor = PaidVendor()
    submit_all(env, vendor)
    losses = [(1, 2.5, None), (2, 2.0, 2.25)]
    vendor.finish("succeeded", model_name="ft:x", trained_tokens=500, losses=losses)
    poll_jobs(env.warehouse, env.clock, vendor)
    model = register_model(env.warehouse, env.clock, MONTH)
    assert model is not None and model.called == "ft:x"
    with env.warehouse.transaction() as con:
        report = model_report(con, model.model_id)
        with pytest.raises(InputError, match="no model"):
            model_report(con, "no model")
    assert report.job is not None and report.job.month == MONTH
    assert (report.cost_usd, report.losses) == (1.0, tuple(losses))
    assert [event.status for event in report.events] == ["candidate"]
    assert report.evaluations == ()


def test_the_curve_of_losses_is_the_same_picture_each_time() -> None:
    losses = ((1, 2.5, None), (2, 2.0, 2.25))
    first = loss_picture(losses)
    assert first.startswith(b"\x89PNG") and first == loss_picture(losses)
    assert first != loss_picture(losses[:1])
