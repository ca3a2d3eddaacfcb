"""`ig-assets costs`: reports spending, and compares it with a vendor's invoice."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ig_assets.cli.output import (
    AsJson,
    AsSeparated,
    Separated,
    console,
    escaped,
    plain_errors,
    print_data,
    print_json,
    print_table,
)
from ig_assets.core.costs.budget import budget_usage
from ig_assets.core.reports.costs.costs import (
    UnitCosts,
    cost_columns,
    costs_by,
    unit_costs,
)
from ig_assets.core.reports.costs.invoice_file import read_invoice
from ig_assets.core.reports.costs.outlook import advice_on_costs, forecast_spending
from ig_assets.core.reports.costs.reconcile import reconcile, unexplained_usd
from ig_assets.settings import load_settings
from ig_assets.wiring import Services, advised, make_money_clock


class By(str, Enum):
    """What costs are grouped by."""

    MONTH = "month"
    PAID = "paid"
    DAY = "day"
    OPERATION = "operation"
    MODEL = "model"
    ASSET = "asset"
    TOPIC = "topic"
    WINNER = "winner"


@plain_errors
def costs(
    by: Annotated[
        By,
        typer.Option(
            help="What the costs are grouped by. month: the month whose work they paid "
            "for; paid, day: the month or day of the call, as vendors bill it (UTC)."
        ),
    ] = By.MONTH,
    reconcile_with: Annotated[
        Path | None,
        typer.Option(
            "--reconcile",
            metavar="FILE",
            help="Compare the ledger with a vendor's cost export (CSV or JSON) "
            "instead, line by line.",
        ),
    ] = None,
    vendor: Annotated[
        str, typer.Option(help="Whose export it is, as the ledger names it.")
    ] = "openai",
    as_json: AsJson = False,
    separated: AsSeparated = None,
) -> None:
    """Report what was spent, forecast the month's total, and say what would cost less.

    Calls whose answer never came count as spent.

    Example: `ig-assets costs --by winner`
    """
    services = Services(load_settings())
    if reconcile_with is not None:
        _reconcile(services, reconcile_with, vendor, as_json, separated)
        return
    with services.warehouse.transaction() as con:
        rows = costs_by(con, by.value)
        units = unit_costs(con)
        now = make_money_clock().now()
        found = budget_usage(con, services.settings.all_budgets, now)
        forecast = forecast_spending(con, now)
        advice = advice_on_costs(con, *advised(services.settings))
    budgets = [
        {
            "budget": str(usage.budget),
            "spent": usage.budget.amount(usage.spent),
            "share": f"{usage.share:.0%}",
        }
        for usage in found
    ]
    if separated is not None and print_data(
        rows, as_json, separated, cost_columns(by.value)
    ):
        return
    if as_json:
        print_json(
            {
                "by": by.value,
                "rows": rows,
                "units": units,
                "budgets": budgets,
                "forecast": forecast,
                "advice": advice,
            }
        )
        return
    if rows:
        print_table(rows, list(rows[0]))
    elif by is By.WINNER:
        console.print("There is no winner yet.")
    else:
        console.print("Nothing was spent yet.")
        return
    if budgets:
        print_table(budgets, list(budgets[0]), "Budgets, as they stand now")
    console.print(_sentence(units))
    console.print(forecast.sentence, highlight=False)
    for one in advice:
        console.print(escaped(one.sentence), highlight=False)


def _reconcile(
    services: Services,
    file: Path,
    vendor: str,
    as_json: bool,
    separated: Separated | None,
) -> None:
    invoice = read_invoice(file, make_money_clock().now())
    with services.warehouse.transaction() as con:
        lines = reconcile(con, invoice, vendor)
    rows = [asdict(line) for line in lines]
    open_usd = unexplained_usd(lines)
    if separated is not None and print_data(rows, as_json, separated):
        return
    if as_json:
        print_json(
            {
                "vendor": vendor,
                "lines": rows,
                "unexplained_usd": open_usd,
                "rejected": [
                    {"place": place, "reason": reason}
                    for place, reason in invoice.rejected
                ],
                "skipped": invoice.skipped,
            }
        )
        return
    if rows:
        print_table(rows, list(rows[0]))
    for place, reason in invoice.rejected:
        console.print(f"Not compared: {place}: {reason}.", markup=False)
    counted = f"{len(invoice.lines)} lines were compared"
    console.print(
        f"{counted}, {len(invoice.rejected)} rejected, {invoice.skipped} of no amount. "
        f"Unexplained: USD {open_usd:.4f}."
    )
    if vendor == "pinecone":
        console.print(
            "Pinecone's requests are no calls of the ledger, so nothing is compared "
            "here; the asset script_index has an estimate of their cost."
        )


def _sentence(units: UnitCosts) -> str:
    parts = [f"In all USD {units.total_usd:.4f}"]
    if units.usd_per_variant is not None:
        parts.append(f"a variant {units.usd_per_variant:.4f}")
    if units.usd_per_winner is not None:
        parts.append(f"a winner {units.usd_per_winner:.4f}")
    message = "; ".join(parts) + "."
    if units.trial_usd:
        message += (
            f" USD {units.trial_usd:.4f} of it was for texts on trial (`generate "
            "--try`, evaluations of models), which are in no variant's cost."
        )
    if units.unpriced:
        message += (
            f" {units.unpriced} calls are not in these sums: no price is known for "
            "their models (set it in IG_PRICES)."
        )
    return message
