"""What must hold of spending."""

import dagster as dg

from ig_assets.defs.operations.assets import api_usage
from ig_assets.settings import Settings
from ig_assets.warehouse.connection import Warehouse

WARN_AT = 0.8


@dg.asset_check(
    asset=api_usage,
    description="Less than 80 % of IG_BUDGET_USD is spent or reserved.",
)
def spending_is_within_budget(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Warn in time; the ledger itself refuses the call that would exceed it."""
    with warehouse.transaction() as con:
        (spent,) = con.execute(
            "SELECT coalesce(sum(coalesce(cost_usd, reserved_usd)), 0) FROM api_calls"
        ).fetchall()[0]
    budget = settings.budget_usd
    if budget is None:
        return dg.AssetCheckResult(
            passed=True,
            description="No budget is set (IG_BUDGET_USD).",
            metadata={"spent_usd": float(spent)},
        )
    return dg.AssetCheckResult(
        passed=spent <= WARN_AT * budget,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"spent_usd": float(spent), "budget_usd": budget},
    )
