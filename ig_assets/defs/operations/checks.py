"""What must hold of spending."""

import dagster as dg

from ig_assets.core.costs.budget import WARN_AT, budget_usage
from ig_assets.core.ports import Clock
from ig_assets.defs.metadata import sample_table
from ig_assets.defs.operations.assets import api_usage
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse


@dg.asset_check(
    asset=api_usage,
    description="At most 80 % of every budget is spent or reserved.",
)
def spending_is_within_budget(
    settings: dg.ResourceParam[Settings],
    money_clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Warn in time; the ledger itself refuses the call that would exceed it."""
    budgets = settings.all_budgets
    if not budgets:
        return dg.AssetCheckResult(
            passed=True, description="No budget is set (IG_BUDGETS, IG_BUDGET_USD)."
        )
    with warehouse.transaction() as con:
        found = budget_usage(con, budgets, money_clock.now())
    worst = max(found, key=lambda usage: usage.share)
    return dg.AssetCheckResult(
        passed=worst.share <= WARN_AT,
        severity=dg.AssetCheckSeverity.WARN,
        description=(
            f"{worst.share:.0%} of {worst.budget} is spent or reserved, the most of "
            f"{len(found)}."
        ),
        metadata={
            "budgets": sample_table(
                [
                    {
                        "budget": str(usage.budget),
                        "spent": round(usage.spent, 6),
                        "limit": usage.budget.limit,
                        "share": round(usage.share, 4),
                    }
                    for usage in found
                ]
            )
        },
    )
