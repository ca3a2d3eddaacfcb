"""Forecasts what a topic's variants will cost, before the first call is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ig_assets.core.costs.budget import Budget, BudgetUsage, budget_usage
from ig_assets.core.costs.prices import LOCAL_PROVIDERS, call_cost_usd
from ig_assets.core.models.registry import (
    ModelName,
    active_model,
    asked_provider,
    list_models,
)
from ig_assets.core.ports import TokenUsage
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

LATEST = 30
"""Number of the model's latest variants on which a forecast is based."""
TYPICAL = TokenUsage(input_tokens=2_500, output_tokens=1_500)
"""Guess of the tokens of a draft and its polish, for a model without variants yet.

A reasoning model takes more.
"""

# One row per variant of the model, with the cost of all calls made for it.
_PAST = """
SELECT c.subject, bool_and(coalesce(c.cost_usd, c.reserved_usd) IS NOT NULL) AS known,
    sum(coalesce(c.cost_usd, c.reserved_usd)) AS cost_usd
FROM api_calls AS c
JOIN variants AS v
  ON v.variant_id = c.subject
WHERE v.model_id = ?
GROUP BY c.subject
ORDER BY max(c.called_at) DESC, c.subject
LIMIT ?
"""


@dataclass(frozen=True)
class VariantForecast:
    """The expected cost of one variant, USD.

    `typical_usd` is the mean and `most_usd` the maximum over the model's `looked_at`
    latest variants; if it has none, both are computed from list prices and `TYPICAL`.
    Both are None if no price is known, and 0 for a model on this machine.
    """

    model: str
    typical_usd: float | None
    most_usd: float | None
    looked_at: int

    def sentence(self, variants: int) -> str:
        """Return a sentence on the expected cost of `variants` variants."""
        if self.typical_usd is None or self.most_usd is None:
            return f"What {variants} variants by {self.model} cost is not known."
        if not self.typical_usd and not self.most_usd:
            return f"Free: {self.model} writes on this machine."
        cost = f"about USD {variants * self.typical_usd:.4f}"
        if not self.looked_at:
            return (
                f"{variants} variants by {self.model} cost {cost}: a guess by list "
                "prices, since it has written none yet."
            )
        most = f"USD {variants * self.most_usd:.4f} if each is as dear as the dearest"
        return (
            f"{variants} variants by {self.model} cost {cost}, by its last "
            f"{self.looked_at}; {most}."
        )


def forecast_variant(con: Connection, base: ModelName) -> VariantForecast:
    """Return the expected cost of a variant by the model that writes now.

    `base` is the settings' model, which writes while no model is active.
    """
    models = list_models(con)
    if not any(model.status == "active" for model in models):
        return _by_prices(base.provider, base.name)
    active = active_model(con)
    rows = fetch_dicts(con, _PAST, [active.model_id, LATEST])
    provider = asked_provider(active.provider, base.provider)
    if provider in LOCAL_PROVIDERS:
        return VariantForecast(active.name, 0.0, 0.0, len(rows))
    if not rows or not all(row["known"] for row in rows):
        return _by_prices(provider, active.called)
    costs = [float(row["cost_usd"]) for row in rows]
    return VariantForecast(active.name, sum(costs) / len(costs), max(costs), len(costs))


def budgets_left(
    con: Connection, budgets: tuple[Budget, ...], now: datetime
) -> list[BudgetUsage]:
    """Return the budgets that limit writing, the most used one first.

    Budgets per run are left out, since a new run has not used any of them.
    """
    concerned = [
        budget
        for budget in budgets
        if budget.period != "run"
        and (budget.concerns("generate") or budget.concerns("polish"))
    ]
    return sorted(budget_usage(con, concerned, now), key=lambda usage: -usage.share)


def _by_prices(provider: str, model: str) -> VariantForecast:
    cost = call_cost_usd(provider, model.removeprefix(f"{provider}/"), TYPICAL)
    return VariantForecast(model, cost, cost, 0)
