"""Budgets: an amount per run, day, month or for ever, in dollars or tokens.

A budget is for all operations or for one. A call counts with its cost, and with what it
reserved as long as that is not known (reserved, submitted, unknown). The check and the
reservation are one transaction, and the warehouse has one writer at a time, so several
processes share one budget. Days and months are those of the billing clock, in UTC, also
where the loop runs on a simulated clock: the vendor bills in real time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast

from ig_assets.errors import BudgetError
from ig_assets.warehouse.warehouse import Connection

Period = Literal["run", "day", "month", "ever"]
Unit = Literal["usd", "tokens"]

WARN_AT = 0.8
"""The share of a budget above which it is reported."""

OPERATIONS = ("ingest", "query", "generate", "polish", "judge", "train")
SYNTAX = "[operation:]run|day|month|ever:usd|tokens=amount, separated by commas"

_RULE = re.compile(
    r"(?:(?P<operation>[a-z]+):)?(?P<period>run|day|month|ever):(?P<unit>usd|tokens)"
    r"=(?P<limit>[0-9]+(?:\.[0-9]+)?)"
)

_SPENT = """
SELECT
    coalesce(sum(coalesce(cost_usd, reserved_usd)), 0) AS usd,
    coalesce(sum(
        CASE
            WHEN status IN ('done', 'failed') THEN input_tokens + output_tokens
            ELSE reserved_tokens
        END
    ), 0) AS tokens,
    coalesce(sum(reserved_usd) FILTER (WHERE status = 'reserved'), 0) AS held_usd,
    coalesce(sum(reserved_tokens) FILTER (WHERE status = 'reserved'), 0)
        AS held_tokens
FROM api_calls
WHERE (? IS NULL OR operation = ?)
  AND (? IS NULL OR run_id = ?)
  AND (? IS NULL OR coalesce(sent_at, called_at) >= ?)
"""


@dataclass(frozen=True)
class Budget:
    """At most `limit` of a unit in a period, of one operation or (None) of all."""

    period: Period
    unit: Unit
    limit: float
    operation: str | None = None

    def __str__(self) -> str:
        """As it is written in the settings."""
        before = f"{self.operation}:" if self.operation else ""
        return f"{before}{self.period}:{self.unit}={self._number}"

    @property
    def _number(self) -> str:
        return f"{self.limit:.10f}".rstrip("0").rstrip(".")

    def concerns(self, operation: str) -> bool:
        """Whether a call of this operation counts against it."""
        return self.operation in (None, operation)

    def starts_at(self, now: datetime) -> datetime | None:
        """Since when calls count at `now` (UTC); None where not time decides."""
        day = datetime(now.year, now.month, now.day)
        if self.period == "day":
            return day
        return day.replace(day=1) if self.period == "month" else None

    def amount(self, value: float) -> str:
        """A value in the budget's unit, for a person."""
        return f"USD {value:.4f}" if self.unit == "usd" else f"{value:,.0f} tokens"


class HeldBudgetError(BudgetError):
    """A call would fit if those that are in flight took nothing; they may take less."""


@dataclass(frozen=True)
class BudgetUsage:
    """What was used of a budget; `share` of a limit of 0 is 1.

    `held` is what calls in flight have reserved, a part of `spent`.
    """

    budget: Budget
    spent: float
    held: float = 0.0

    @property
    def share(self) -> float:
        """The spent share of the limit."""
        return self.spent / self.budget.limit if self.budget.limit else 1.0


def parse_budgets(text: str) -> tuple[Budget, ...]:
    """Budgets as the settings write them: `day:usd=5, generate:month:tokens=2000000`.

    Raises ValueError naming the rule that is none.
    """
    budgets = []
    for rule in filter(None, (part.strip() for part in text.split(","))):
        found = _RULE.fullmatch(rule)
        if found is None:
            raise ValueError(f"{rule!r} is no budget; write {SYNTAX}")
        operation = found["operation"]
        if operation is not None and operation not in OPERATIONS:
            raise ValueError(
                f"{rule!r} names no operation; there are {', '.join(OPERATIONS)}"
            )
        period, unit = cast(Period, found["period"]), cast(Unit, found["unit"])
        budgets.append(Budget(period, unit, float(found["limit"]), operation))
    return tuple(budgets)


def budget_usage(
    con: Connection, budgets: Sequence[Budget], now: datetime, run_id: str | None = None
) -> list[BudgetUsage]:
    """What was used of each budget; a budget per run is at 0 where no run is named."""
    return [_usage_of(con, budget, now, run_id) for budget in budgets]


def check_budgets(
    con: Connection,
    budgets: Sequence[Budget],
    operation: str,
    model: str,
    cost_usd: float | None,
    tokens: int,
    now: datetime,
    run_id: str,
) -> None:
    """Raise BudgetError where a call would exceed a budget; it was not sent.

    Where dollars are limited, a call of unknown price is one too many. Raises
    HeldBudgetError where only the reservations of calls in flight are in its way.
    """
    held: HeldBudgetError | None = None
    for budget in budgets:
        if not budget.concerns(operation):
            continue
        usage = _usage_of(con, budget, now, run_id)
        takes = cost_usd if budget.unit == "usd" else float(tokens)
        if takes is None:
            raise BudgetError(
                f"No price is known for {model}, so budget {budget} blocks the call; "
                f"it was not sent. Set its price in {_prices(operation)}, or limit "
                "tokens instead of dollars."
            )
        if usage.spent + takes <= budget.limit:
            continue
        settled = usage.spent - usage.held
        in_flight = f", {budget.amount(usage.held)} held by calls in flight"
        sentence = (
            f"Budget reached: {budget.amount(settled)} of {budget} is spent"
            f"{in_flight if usage.held else ''}, and the next call would take "
            f"{budget.amount(takes)}; it was not sent. {_way_out(budget, now)}"
        )
        if settled + takes > budget.limit:
            raise BudgetError(sentence)
        held = HeldBudgetError(sentence)
    if held is not None:
        raise held


def _prices(operation: str) -> str:
    """The setting that has the prices of an operation."""
    return "IG_TRAINING_PRICES" if operation == "train" else "IG_PRICES"


def _usage_of(
    con: Connection, budget: Budget, now: datetime, run_id: str | None
) -> BudgetUsage:
    run = (run_id or "") if budget.period == "run" else None
    since = budget.starts_at(now)
    operation = budget.operation
    values = [operation, operation, run, run, since, since]
    [(usd, tokens, held_usd, held_tokens)] = con.execute(_SPENT, values).fetchall()
    if budget.unit == "usd":
        return BudgetUsage(budget, float(usd), float(held_usd))
    return BudgetUsage(budget, float(tokens), float(held_tokens))


def _way_out(budget: Budget, now: datetime) -> str:
    raised = "Raise it in IG_BUDGETS (or IG_BUDGET_USD)"
    if budget.period == "day":
        return f"{raised}, or wait until {now.date() + timedelta(days=1)} (UTC)."
    if budget.period == "month":
        following = (now.replace(day=1) + timedelta(days=32)).strftime("%Y-%m-01")
        return f"{raised}, or wait until {following} (UTC)."
    if budget.period == "run":
        return f"{raised}, or run it again: what was paid for is kept."
    return f"{raised} to go on."
