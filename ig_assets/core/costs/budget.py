"""Check budgets: an amount per run, per day, per month or in all, in dollars or tokens.

A budget is for one operation or for all. A call counts with its cost. While its cost is
not known (status reserved, submitted or unknown), it counts with its reserved amount.
The check and the reservation are one transaction, and the warehouse has one writer at a
time, so several processes can share one budget. Days and months are those of real time
in UTC, even if the loop runs on a simulated clock, since vendors bill in real time.
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
"""The spent share of a budget (0 to 1) from which people are warned."""

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
    """A limit of dollars or tokens in a period, for one operation or (None) for all."""

    period: Period
    unit: Unit
    limit: float
    operation: str | None = None

    def __str__(self) -> str:
        """Return the budget in the form of the settings, e.g. `day:usd=5`."""
        before = f"{self.operation}:" if self.operation else ""
        return f"{before}{self.period}:{self.unit}={self._number}"

    @property
    def _number(self) -> str:
        return f"{self.limit:.10f}".rstrip("0").rstrip(".")

    def concerns(self, operation: str) -> bool:
        """Return whether a call of this operation counts against the budget."""
        return self.operation in (None, operation)

    def starts_at(self, now: datetime) -> datetime | None:
        """Return the start of the day or month that contains `now` (UTC).

        It is None for a budget per run or in all, since no date bounds these.
        """
        day = datetime(now.year, now.month, now.day)
        if self.period == "day":
            return day
        return day.replace(day=1) if self.period == "month" else None

    def amount(self, value: float) -> str:
        """Return a value with the budget's unit, for a person."""
        return f"USD {value:.4f}" if self.unit == "usd" else f"{value:,.0f} tokens"


class HeldBudgetError(BudgetError):
    """Raised if a call would fit into a budget but for the reservations in flight.

    Calls in flight may use less than they have reserved, so the call may fit once they
    are settled.
    """


@dataclass(frozen=True)
class BudgetUsage:
    """How much of a budget is used, in its unit.

    `held` is the part of `spent` that calls in flight have reserved.
    """

    budget: Budget
    spent: float
    held: float = 0.0

    @property
    def share(self) -> float:
        """Return the spent share of the limit (1 is all of it); 1 for a limit of 0."""
        return self.spent / self.budget.limit if self.budget.limit else 1.0


def parse_budgets(text: str) -> tuple[Budget, ...]:
    """Parse budgets of the settings, e.g. `day:usd=5, generate:month:tokens=2000000`.

    Raises ValueError that names the malformed rule.
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
    """Return the usage of each budget. Budgets per run are at 0 if `run_id` is None."""
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
    """Raise BudgetError if the next call would exceed a budget.

    A call of unknown price (`cost_usd` is None) exceeds every budget in dollars. Raises
    HeldBudgetError if the call would fit without the reservations of calls in flight.
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
    """Return the name of the setting that holds the prices of an operation."""
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
