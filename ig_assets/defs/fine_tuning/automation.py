"""Automation of the monthly fine-tune: submit, poll, register, compare, promote."""

from datetime import datetime
from functools import partial

import dagster as dg

from ig_assets.core.fine_tuning.evaluation.canary import (
    admit_canary,
    decide_promotion,
    promote,
)
from ig_assets.core.fine_tuning.evaluation.trial import trial_note
from ig_assets.core.fine_tuning.jobs.rows import (
    overdue_notes,
    unevaluated_jobs,
    unfinished_jobs,
)
from ig_assets.core.fine_tuning.jobs.states import passed_on_jobs, poll_jobs
from ig_assets.core.models.registry import list_models
from ig_assets.core.ports import Clock
from ig_assets.defs.fine_tuning.active_model import materialisation, shows
from ig_assets.defs.fine_tuning.assets import (
    fine_tune_job,
    fine_tune_jsonl,
    fine_tuned_model,
    model_evaluation,
    training_examples,
)
from ig_assets.defs.partitions import ahead_of, closed_months, month_before, tick_of
from ig_assets.defs.resources import Trainers
from ig_assets.defs.run_requests import WantedRun, request_runs, skip_when_busy
from ig_assets.defs.scheduled_runs import Due, request_scheduled_run
from ig_assets.defs.whole_runs import WAREHOUSE_TAG
from ig_assets.errors import InputError
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring import model_price_warning

fine_tune_month_job = dg.define_asset_job(
    "fine_tune_month",
    selection=[training_examples, fine_tune_jsonl, fine_tune_job],
    partitions_def=closed_months,
    tags=WAREHOUSE_TAG,
    description="Builds one closed month's training set and submits it once.",
)

register_model_job = dg.define_asset_job(
    "register_model",
    selection=[fine_tuned_model, model_evaluation],
    partitions_def=closed_months,
    description="Registers the month's finished model and compares it.",
)


def fine_tune_due(clock: Clock, tick: datetime) -> Due:
    """Return the last month that had ended at a tick, or a reason to skip the tick."""
    if reason := ahead_of(clock, tick):
        return reason
    return month_before(tick) or dg.SkipReason("No month is over yet.")


@dg.schedule(
    job=fine_tune_month_job,
    cron_schedule="0 0 1 * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=(
        "On the first of each month, for the month just ended. Stopped by default: "
        "training can cost money."
    ),
)
def monthly_fine_tune_schedule(
    context: dg.ScheduleEvaluationContext, clock: dg.ResourceParam[Clock]
) -> dg.RunRequest | dg.SkipReason:
    """Request a run for the last month that had ended at the tick."""
    due = fine_tune_due(clock, tick_of(context))
    return request_scheduled_run(context, fine_tune_month_job.name, due)


@dg.sensor(
    jobs=[register_model_job, fine_tune_month_job],
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Polls submitted jobs until they end and registers their models; the dataset "
        "of a job that failed or was refused goes to the next trainer. Stopped by "
        "default: the evaluation that follows pays for text."
    ),
)
@skip_when_busy
def fine_tune_status_sensor(
    context: dg.SensorEvaluationContext,
    warehouse: dg.ResourceParam[Warehouse],
    clock: dg.ResourceParam[Clock],
    money_clock: dg.ResourceParam[Clock],
    trainers: dg.ResourceParam[Trainers],
) -> dg.SensorResult | dg.SkipReason:
    """Poll the jobs; request one run per finished job.

    A job whose dataset goes to the next trainer gets a run too.
    """
    _, problems = poll_jobs(warehouse, clock, *trainers)
    with warehouse.transaction() as con:
        ready = unevaluated_jobs(con)
        ended = passed_on_jobs(con, [trainer.provider for trainer in trainers])
        open_jobs = unfinished_jobs(con)
    notice = " ".join([*problems, *overdue_notes(open_jobs, clock.now())])
    if not ready and not ended:
        return dg.SkipReason(
            f"{len(open_jobs)} jobs are still running, none has finished. "
            f"{notice}".strip()
        )
    register, submit = register_model_job.name, fine_tune_month_job.name
    wanted = [
        *(
            WantedRun(f"job {j.job_id}", "finished", j.month, job=register)
            for j in ready
        ),
        *(WantedRun(f"after {j.job_id}", j.status, j.month, job=submit) for j in ended),
    ]
    return request_runs(
        context,
        money_clock,
        wanted,
        when_done="The models of all finished jobs are registered.",
        notice=notice,
    )


@dg.sensor(
    minimum_interval_seconds=3600,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=(
        "Admits a candidate that passed its gate to the canary, and promotes a "
        "canary that the audience's evidence puts ahead. Stopped by default: it "
        "changes who writes. A promotion regenerates nothing."
    ),
)
@skip_when_busy
def promotion_sensor(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    clock: dg.ResourceParam[Clock],
) -> dg.SensorResult | dg.SkipReason:
    """Admit or promote a canary by the evidence; report a change of the active model.

    The report is a materialisation of the asset `active_model`. It is made if that
    asset shows another model than the active one, also after a promotion or rollback by
    a person.
    """
    try:
        warning_of = partial(model_price_warning, settings)
        with warehouse.transaction() as con:
            admit_canary(con, clock.now(), warning_of, settings.canary_trial)
            decision = decide_promotion(con)
            note = trial_note(con, clock.now(), settings.canary_trial)
        if decision.action == "promote" and decision.model_id is not None:
            promote(warehouse, clock, decision.model_id, decision.reason, warning_of)
        with warehouse.transaction() as con:
            active = [m for m in list_models(con) if m.status == "active"]
    except InputError as error:
        return dg.SkipReason(str(error))
    if not active or shows(context.instance, active[-1]):
        return dg.SkipReason(" ".join(filter(None, (decision.reason, note))))
    return dg.SensorResult(asset_events=[materialisation(active[-1])])
