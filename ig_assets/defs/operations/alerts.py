"""Tells people of failed runs, failed checks and budgets, and again where needed.

Dagster evaluates `run_failure_sensor` once for each failed run, also where that fails,
and never for a run that failed before the sensor's first tick (1.13.27). So a run whose
row or alert could not be written gets a tag in Dagster's own storage, and
`alert_sensor` writes what is missing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from ig_assets.core.operations.alerts import ui_link
from ig_assets.core.operations.runbook import FAILED_CHECK, FAILED_RUN
from ig_assets.core.ports import Clock
from ig_assets.core.ports.alerting import Alert
from ig_assets.core.reports.costs.budget_alerts import budget_alerts
from ig_assets.dagster_internals import AssetCheckExecutionRecordStatus
from ig_assets.defs.failures import failed_check_reasons, is_failed_check
from ig_assets.defs.run_requests import TICK_WAIT_S, skip_when_busy
from ig_assets.errors import IgAssetsError
from ig_assets.settings import Settings, load_settings
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse, waiting_at_most
from ig_assets.wiring import make_alerts, make_clock, make_warehouse

FAILURE_ROW = "ig/failure_row"
FAILURE_ALERT = "ig/failure_alert"
"""Tags of a failed run: whether its row, and its alert, are `MISSING` or came later."""
MISSING = "missing"
_LATER = "written later"
_DONE = "done"
_RECENT = timedelta(days=1)
_TIME_TO_NOTICE = timedelta(minutes=5)
"""A run that failed less than this ago is left to `run_failure_sensor`."""
# How long retries took, and how many there were, differ where the failure is the same.
_MEASURED = re.compile(r"\d[\d.,]* (?=(?:second|minute|attempt)s?\b)")


@dataclass(frozen=True)
class _Failure:
    """The failed step ('run' if none), one sentence, and a section of the runbook."""

    step: str
    sentence: str
    section: str = FAILED_RUN


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
    description=(
        "Writes one row with one sentence for each failed run, and tells people. Where "
        "the warehouse is busy, alert_sensor writes the row later."
    ),
)
def run_failure_sensor(context: dg.RunFailureSensorContext) -> None:
    """Record our own error's sentence, or why a blocking check failed.

    For any other failure, where its log is.
    """
    run, instance = context.dagster_run, context.instance
    failure = _failure(instance, run.run_id)
    context.log.error(f"{run.job_name}: {failure.sentence}")
    is_known = is_written = False
    try:
        settings = load_settings()
        clock = make_clock(settings)
        warehouse = make_warehouse(settings, clock)
        with waiting_at_most(TICK_WAIT_S):
            is_known = _tell(context, settings, warehouse, failure)
            record = instance.get_run_record_by_id(run.run_id)
            failed_at = _failed_at(record, settings, clock)
            _write(warehouse, run, failure, failed_at)
        is_written = True
    except IgAssetsError as error:
        context.log.warning(f"Its row is written later: {error}")
    # A run that is executed again inherits the tags of the run before it.
    if not (is_known and is_written) or FAILURE_ROW in run.tags:
        instance.add_run_tags(
            run.run_id,
            {
                FAILURE_ROW: _DONE if is_written else MISSING,
                FAILURE_ALERT: _DONE if is_known else MISSING,
            },
        )


def write_missing_failures(
    instance: dg.DagsterInstance,
    settings: Settings,
    warehouse: Warehouse,
    clock: Clock,
    machine_clock: Clock,
) -> int:
    """Write rows and alerts of failed runs that lack them; return how many runs.

    These are runs with the tag, and all runs of the last day. Raises WarehouseError.
    """
    now = machine_clock.now()
    records = _tagged(instance) | _recent(instance, now)
    with warehouse.transaction() as con:
        rows = con.execute("SELECT run_id FROM run_failures").fetchall()
    records = {key: records[key] for key in records.keys() - {key for (key,) in rows}}
    alerts = make_alerts(settings, warehouse)
    for record in records.values():
        run = record.dagster_run
        failure = _failure(instance, run.run_id)
        if run.tags.get(FAILURE_ALERT, MISSING) == MISSING:
            alerts.tell(_alert(run, failure, settings.ui_url))
        _write(warehouse, run, failure, _failed_at(record, settings, clock))
        instance.add_run_tags(run.run_id, {FAILURE_ROW: _LATER, FAILURE_ALERT: _DONE})
    return len(records)


def _tagged(instance: dg.DagsterInstance) -> dict[str, dg.RunRecord]:
    """Return failed runs with the tag, by run id."""
    found = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.FAILURE], tags={FAILURE_ROW: MISSING}
        )
    )
    return {record.dagster_run.run_id: record for record in found}


def _recent(instance: dg.DagsterInstance, now: datetime) -> dict[str, dg.RunRecord]:
    """Return the runs that failed in the last day, by run id."""
    found = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.FAILURE],
            updated_after=(now - _RECENT).replace(tzinfo=UTC),
        )
    )
    return {
        record.dagster_run.run_id: record
        for record in found
        if (_end(record) or now) <= now - _TIME_TO_NOTICE
    }


def _end(record: dg.RunRecord | None) -> datetime | None:
    """Return when a run ended, naive UTC; None if Dagster does not know it."""
    if record is None or record.end_time is None:
        return None
    return datetime.fromtimestamp(record.end_time, UTC).replace(tzinfo=None)


def _failed_at(
    record: dg.RunRecord | None, settings: Settings, clock: Clock
) -> datetime:
    """Return the end of the run, or with a simulated clock its present time."""
    ended = None if settings.uses_simulated_clock else _end(record)
    return ended or clock.now()


def _failure(instance: dg.DagsterInstance, run_id: str) -> _Failure:
    found = _Failure("run", "The run failed; its log has the reason.")
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        assert event is not None
        step, sentence, section = event.step_key or found.step, found.sentence, None
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            sentence = data.user_failure_data.description
            help_at = data.user_failure_data.metadata.get("runbook")
            section = str(help_at.value).partition("#")[2] if help_at else None
        elif is_failed_check(event):
            sentence = " ".join(_failed_checks(instance, run_id, step)) or sentence
        elif data.error is not None and data.error.cls_name:
            sentence = f"{data.error.cls_name}; the run's log has the traceback."
        found = _Failure(step, sentence, section or FAILED_RUN)
    return found


def _failed_checks(instance: dg.DagsterInstance, run_id: str, step: str) -> list[str]:
    logs = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    return failed_check_reasons(
        entry.dagster_event.asset_check_evaluation_data
        for entry in logs
        if entry.dagster_event is not None and entry.dagster_event.step_key == step
    )


def _write(
    warehouse: Warehouse,
    run: dg.DagsterRun,
    failure: _Failure,
    failed_at: datetime,
) -> None:
    row: dict[str, Any] = {
        "run_id": run.run_id,
        "job": run.job_name,
        "step": failure.step,
        "sentence": failure.sentence,
        "failed_at": failed_at,
    }
    with warehouse.transaction() as con:
        merge_rows(con, "run_failures", [row])


def _alert(run: dg.DagsterRun, failure: _Failure, ui_url: str | None) -> Alert:
    same = _MEASURED.sub("", failure.sentence)
    return Alert(
        key=f"run:{run.job_name}:{failure.step}:{same}",
        reference=run.run_id,
        sentence=f"{run.job_name} failed at {failure.step}: {failure.sentence}",
        section=failure.section,
        link=ui_link(ui_url, f"runs/{run.run_id}"),
    )


def _tell(
    context: dg.RunFailureSensorContext,
    settings: Settings,
    warehouse: Warehouse,
    failure: _Failure,
) -> bool:
    """Tell people, also where the warehouse is what failed.

    Returns whether the alert is a row or has arrived.
    """
    alert = _alert(context.dagster_run, failure, settings.ui_url)
    alerts = make_alerts(settings, warehouse)
    try:
        alerts.tell(alert)
    except IgAssetsError:
        refusals = alerts.tell_without_rows(alert)
        for refusal in refusals:
            context.log.warning(refusal)
        return not refusals
    return True


@dg.sensor(
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Tells people of failed checks and of budgets at 80 % and 100 %, by webhook or "
        "e-mail, once each; writes rows of failed runs that run_failure_sensor could "
        "not write. Running by default: without IG_ALERT_WEBHOOK or IG_ALERT_EMAIL it "
        "sends no alert."
    ),
)
@skip_when_busy
def alert_sensor(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    clock: dg.ResourceParam[Clock],
    money_clock: dg.ResourceParam[Clock],
) -> dg.SkipReason:
    """Starts no run; the tick's reason says how many alerts were sent."""
    late = write_missing_failures(
        context.instance, settings, warehouse, clock, money_clock
    )
    written = f"Rows of failed runs written later: {late}. " if late else ""
    alerts = make_alerts(settings, warehouse)
    if not alerts.channels:
        return dg.SkipReason(
            f"{written}No alert is set (IG_ALERT_WEBHOOK, IG_ALERT_EMAIL)."
        )
    sent = alerts.tell_again()
    with warehouse.transaction() as con:
        found = budget_alerts(con, settings.all_budgets, money_clock.now())
    found += failed_checks(context, settings.ui_url)
    sent += sum(alerts.tell(alert) for alert in found)
    if sent:
        return dg.SkipReason(f"{written}Alerts sent: {sent}.")
    return dg.SkipReason(written.strip() or "Nothing is new.")


def failed_checks(
    context: dg.SensorEvaluationContext, ui_url: str | None
) -> Iterator[Alert]:
    """Yield one alert per non-blocking check whose latest evaluation failed.

    A failed blocking check fails its run, which has an alert of its own.
    """
    assert context.repository_def is not None
    graph = context.repository_def.asset_graph
    keys = [key for key in graph.asset_check_keys if not graph.get(key).blocking]
    storage = context.instance.event_log_storage
    latest = storage.get_latest_asset_check_execution_by_key(keys)
    for key, record in sorted(latest.items(), key=lambda item: str(item[0])):
        if record.status is not AssetCheckExecutionRecordStatus.FAILED:
            continue
        evaluation = record.evaluation
        said = "" if evaluation is None else evaluation.description or ""
        said = said or f"What should hold: {graph.get(key).description or key.name}"
        asset = key.asset_key.to_user_string()
        yield Alert(
            key=f"check:{asset}:{key.name}",
            reference=f"{record.run_id}:{record.create_timestamp:.0f}",
            sentence=f"The check {key.name} of {asset} failed. {said}".strip(),
            section=FAILED_CHECK,
            link=ui_link(ui_url, f"assets/{asset}?view=checks"),
        )
