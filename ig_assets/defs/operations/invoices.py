"""Reminds people each month to compare the ledger with the vendors' invoices."""

from datetime import timedelta

import dagster as dg

from ig_assets.core.operations.runbook import INVOICES, runbook_link
from ig_assets.core.ports import Clock
from ig_assets.core.ports.alerting import Alert
from ig_assets.core.reports.costs.reconcile import paid_in_month
from ig_assets.defs.failures import plain_failures
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring import make_alerts


@dg.op(
    description="Says what the ledger has of last month, by vendor, and whom to ask."
)
def remind_of_invoices(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    money_clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
) -> None:
    """Log and send last month's sum of each vendor; send nothing if none was paid."""
    month = (money_clock.now().replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    with plain_failures():
        with warehouse.transaction() as con:
            paid = paid_in_month(con, month)
        if not paid:
            context.log.info(f"No vendor was paid in {month}.")
            return
        sums = ", ".join(f"{vendor} USD {usd:.2f}" for vendor, usd in paid.items())
        sentence = (
            f"Review the invoices of {month}: the ledger has {sums}. Export the costs "
            "at each vendor and run `ig-assets costs --reconcile FILE`."
        )
        context.log.info(f"{sentence} See {runbook_link(INVOICES, settings.code_url)}.")
        alert = Alert(f"invoices:{month}", month, sentence, INVOICES)
        make_alerts(settings, warehouse).tell(alert)


@dg.job(description="Reminds people to review last month's invoices; changes nothing.")
def invoice_review() -> None:
    """Remind people to review the invoices of last month."""
    remind_of_invoices()


invoice_review_schedule = dg.ScheduleDefinition(
    name="invoice_review_schedule",
    job=invoice_review,
    cron_schedule="0 9 3 * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Each month on the third: the invoices of last month.",
)
