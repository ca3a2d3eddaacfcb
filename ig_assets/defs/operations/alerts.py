"""Tells people of failed checks and of budgets, and again of what did not arrive."""

from collections.abc import Iterator

import dagster as dg

from ig_assets.core.operations.alerts import ui_link
from ig_assets.core.operations.runbook import FAILED_CHECK
from ig_assets.core.ports import Clock
from ig_assets.core.ports.alerting import Alert
from ig_assets.core.reports.costs.budget_alerts import budget_alerts
from ig_assets.dagster_internals import AssetCheckExecutionRecordStatus
from ig_assets.defs.run_requests import skip_when_busy
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring import make_alerts


@dg.sensor(
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Tells people of failed checks and of budgets at 80 % and 100 %, by webhook or "
        "e-mail, once each. Running by default: without IG_ALERT_WEBHOOK or "
        "IG_ALERT_EMAIL it does nothing."
    ),
)
@skip_when_busy
def alert_sensor(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    money_clock: dg.ResourceParam[Clock],
) -> dg.SkipReason:
    """Starts no run; the tick's reason says how many alerts were sent."""
    alerts = make_alerts(settings, warehouse)
    if not alerts.channels:
        return dg.SkipReason("No alert is set (IG_ALERT_WEBHOOK, IG_ALERT_EMAIL).")
    sent = alerts.tell_again()
    with warehouse.transaction() as con:
        found = budget_alerts(con, settings.all_budgets, money_clock.now())
    found += failed_checks(context, settings.ui_url)
    sent += sum(alerts.tell(alert) for alert in found)
    return dg.SkipReason(f"Alerts sent: {sent}." if sent else "Nothing is new.")


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
