"""`ig-assets costs`: what was spent, on what, and what a winner cost."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from ig_assets.cli.output import AsJson, console, plain_errors, print_json, print_table
from ig_assets.core.costs.report import UnitCosts, costs_by, unit_costs
from ig_assets.settings import load_settings
from ig_assets.wiring import House


class By(str, Enum):
    """What costs are told by."""

    MONTH = "month"
    OPERATION = "operation"
    MODEL = "model"
    TOPIC = "topic"
    WINNER = "winner"


@plain_errors
def costs(
    by: Annotated[By, typer.Option(help="What the costs are told by.")] = By.MONTH,
    as_json: AsJson = False,
) -> None:
    """Say what was spent; calls whose answer never came count as spent.

    Example: `ig-assets costs --by winner`
    """
    house = House(load_settings())
    with house.warehouse.transaction() as con:
        rows = costs_by(con, by.value)
        units = unit_costs(con)
    if as_json:
        print_json({"by": by.value, "rows": rows, "units": units})
        return
    if not rows:
        console.print("Nothing was spent yet.")
        return
    print_table(rows, list(rows[0]))
    console.print(_sentence(units, house.settings.budget_usd))


def _sentence(units: UnitCosts, budget_usd: float | None) -> str:
    parts = [f"In all USD {units.total_usd:.4f}"]
    if budget_usd is not None:
        parts[0] += f" of the budget of {budget_usd:.2f}"
    if units.variant_usd is not None:
        parts.append(f"a variant {units.variant_usd:.4f}")
    if units.winner_usd is not None:
        parts.append(f"a winner {units.winner_usd:.4f}")
    return "; ".join(parts) + "."
