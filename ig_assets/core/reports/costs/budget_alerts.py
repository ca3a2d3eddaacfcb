"""Alerts people to budgets that are nearly or fully used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ig_assets.core.costs.budget import WARN_AT, Budget, BudgetUsage, budget_usage
from ig_assets.core.operations.runbook import SECTIONS
from ig_assets.core.ports.alerting import Alert
from ig_assets.errors import BudgetError
from ig_assets.warehouse.warehouse import Connection


def budget_alerts(
    con: Connection, budgets: Sequence[Budget], now: datetime
) -> list[Alert]:
    """Return an alert for each budget that is used to 80 % or more.

    From 100 % on the alert has another key. Each of the two alerts is thus sent once in
    a period of the budget. Budgets per run are left out.
    """
    lasting = [budget for budget in budgets if budget.period != "run"]
    return [
        _budget_alert(usage, now)
        for usage in budget_usage(con, lasting, now)
        if usage.share >= WARN_AT
    ]


def _budget_alert(usage: BudgetUsage, now: datetime) -> Alert:
    budget, is_spent = usage.budget, usage.share >= 1.0
    since = budget.starts_at(now)
    what = "is spent" if is_spent else "is spent or reserved"
    end = "calls are refused until it is raised or its period ends."
    return Alert(
        key=f"budget:{budget}:{100 if is_spent else round(WARN_AT * 100)}",
        reference=f"{since:%Y-%m-%d}" if since is not None else "ever",
        sentence=(
            f"{usage.share:.0%} of the budget {budget} {what} "
            f"({budget.amount(usage.spent)}){'; ' + end if is_spent else '.'}"
        ),
        section=SECTIONS[BudgetError],
        quiet=timedelta(0),
    )
