"""Asset checks of spending, and of the ages of the vendors' keys."""

import dagster as dg

from ig_assets.core.costs.budget import WARN_AT, budget_usage
from ig_assets.core.operations.diagnosis import State
from ig_assets.core.operations.key_rotation import key_ages, overdue_sentence
from ig_assets.core.ports import Clock
from ig_assets.defs.metadata import sample_table
from ig_assets.defs.operations.assets import api_usage
from ig_assets.settings import Settings
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring.vendor_checks import configured_keys


@dg.asset_check(
    asset=api_usage,
    description="At most 80 % of every budget is spent or reserved.",
)
def spending_is_within_budget(
    settings: dg.ResourceParam[Settings],
    money_clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Warn before a budget is used up; the ledger refuses calls beyond a budget."""
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


@dg.asset_check(
    asset=api_usage,
    description="Every key is replaced in time: a warning at 75 days, a failure at 90.",
)
def keys_are_replaced_in_time(
    settings: dg.ResourceParam[Settings],
    money_clock: dg.ResourceParam[Clock],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.AssetCheckResult:
    """Warn of keys in use for 75 days, and fail from 90 days on.

    A key's age counts from the day on which its fingerprint was first recorded.
    """
    ages = key_ages(warehouse, money_clock, configured_keys(settings))
    if not ages:
        return dg.AssetCheckResult(passed=True, description="No key is set.")
    is_overdue = any(age.state is State.FAILED for age in ages)
    oldest = max(ages, key=lambda age: age.days)
    return dg.AssetCheckResult(
        passed=not overdue_sentence(ages),
        severity=(
            dg.AssetCheckSeverity.ERROR if is_overdue else dg.AssetCheckSeverity.WARN
        ),
        description=overdue_sentence(ages)
        or f"The oldest of {len(ages)}, {oldest.name}, is {oldest.days} days old.",
        metadata={
            "keys": sample_table(
                [
                    {
                        "name": age.name,
                        "first_seen_at": f"{age.first_seen_at:%Y-%m-%d}",
                        "days": age.days,
                    }
                    for age in ages
                ]
            )
        },
    )
