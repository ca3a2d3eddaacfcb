"""Budgets of every period, unit and operation hold, and say what they are."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.costs.budget import Budget, parse_budgets, budget_usage
from ig_assets.core.costs.ledger.ledger import Call, Ledger, RunRef
from ig_assets.core.ports import TokenUsage
from ig_assets.errors import BudgetError
from ig_assets.warehouse.warehouse import Connection
from ig_assets_tests.factories.processes import CONTEXT, started
from ig_assets_tests.factories.warehouses import migrated_warehouse

NOW = datetime(2026, 5, 31, 23, 30)
NEXT_DAY = datetime(2026, 6, 1, 0, 30)
PRICE = 0.02  # of a million tokens of this model
TOKENS = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.present = NOW

    def now(self) -> datetime:
        return self.present


def call(operation: str = "ingest", model: str = "text-embedding-3-small") -> Call:
    return Call(operation, "openai", model, "hash", TOKENS)


def nothing(con: Connection, answer: str) -> None:
    """Nothing is bought here."""


class Till:
    """Pays calls of one price from one warehouse."""

    def __init__(self, folder: Path, *budgets: str) -> None:
        self.clock = Clock()
        self.warehouse = migrated_warehouse(folder / "w.duckdb", self.clock.now)
        rules = parse_budgets(", ".join(budgets))
        self.ledger = Ledger(self.warehouse, self.clock, rules)
        self.sent = 0

    def pay(self, operation: str = "ingest", run: str = "r1", **what: str) -> None:
        def send() -> tuple[str, TokenUsage]:
            self.sent += 1
            return "an answer", TokenUsage(TOKENS)

        self.ledger.pay(call(operation, **what), RunRef(run, "a"), send, nothing)

    def read(self, sql: str) -> list[Any]:
        with self.warehouse.transaction() as con:
            return con.execute(sql).fetchall()

    def refused(self, operation: str = "ingest", run: str = "r1", **what: str) -> str:
        before = self.sent
        with pytest.raises(BudgetError) as caught:
            self.pay(operation, run, **what)
        assert self.sent == before
        return str(caught.value)


@pytest.mark.parametrize("limit", ["usd=0.05", "tokens=2500000"])
def test_a_run_has_its_budget_and_the_next_run_has_its_own(
    tmp_path: Path, limit: str
) -> None:
    till = Till(tmp_path, f"run:{limit}")
    till.pay()
    till.pay()
    message = till.refused()
    assert f"run:{limit}" in message and "run it again" in message
    till.pay(run="r2")


@pytest.mark.parametrize("period", ["day", "month"])
@pytest.mark.parametrize("limit", ["usd=0.03", "tokens=1000000"])
def test_a_new_day_and_a_new_month_begin_at_midnight_utc(
    tmp_path: Path, period: str, limit: str
) -> None:
    till = Till(tmp_path, f"{period}:{limit}")
    till.pay()
    assert "2026-06-01" in till.refused(run="r2")
    till.clock.present = NEXT_DAY
    till.pay()
    till.refused()


def test_a_month_goes_on_over_its_days(tmp_path: Path) -> None:
    till = Till(tmp_path, "month:usd=0.03")
    till.clock.present = datetime(2026, 5, 1)
    till.pay()
    till.clock.present = NOW
    assert "month:usd=0.03" in till.refused()


def test_days_and_months_are_the_worlds_where_the_loops_clock_stands_still(
    tmp_path: Path,
) -> None:
    till = Till(tmp_path, "day:usd=0.03")
    world = Clock()
    world.present = datetime(2026, 11, 23, 12)
    till.ledger.money_clock = world
    till.pay()
    assert "wait until 2026-11-24" in till.refused()
    world.present = datetime(2026, 11, 24, 0)
    till.pay()
    [[called, sent]] = till.read("SELECT max(called_at), max(sent_at) FROM api_calls")
    assert (called, sent) == (NOW, world.present)


def test_a_budget_of_an_operation_leaves_the_others_alone(tmp_path: Path) -> None:
    till = Till(tmp_path, "generate:ever:usd=0.03", "ever:usd=0.07")
    till.pay("generate")
    assert "generate:ever:usd=0.03" in till.refused("generate")
    till.pay("ingest")
    till.pay("ingest")
    assert "of ever:usd=0.07" in till.refused("ingest")


def test_where_dollars_are_limited_an_unknown_price_is_too_much(
    tmp_path: Path,
) -> None:
    till = Till(tmp_path, "generate:ever:usd=5", "ever:tokens=9000000")
    till.pay("ingest", model="unpriced-1")
    message = till.refused("generate", model="unpriced-1")
    assert "No price is known for unpriced-1" in message and "tokens" in message


def test_what_is_reserved_counts_with_its_tokens_until_it_is_settled(
    tmp_path: Path,
) -> None:
    till = Till(tmp_path, "ever:tokens=1500000")
    till.ledger.reserve(call(), RunRef("dead", "a"))
    till.refused()
    till.ledger.mark_unknown(RunRef("r2", "a"))
    till.refused()
    with till.warehouse.transaction() as con:
        [usage] = budget_usage(con, till.ledger.budgets, NOW)
    assert usage.spent == TOKENS
    assert usage.share == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("week:usd=5", "'week:usd=5' is no budget"),
        ("day:eur=5", "'day:eur=5' is no budget"),
        ("day:usd=-5", "is no budget"),
        ("day:usd", "is no budget"),
        ("day:usd=5 month:usd=9", "is no budget"),
        ("paint:day:usd=5", "names no operation"),
    ],
)
def test_what_is_no_budget_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_budgets(text)


def test_budgets_are_read_as_they_are_written() -> None:
    text = "day:usd=5, generate:month:tokens=200000,, run:usd=0.5"
    assert parse_budgets(text) == (
        Budget("day", "usd", 5.0),
        Budget("month", "tokens", 200_000.0, "generate"),
        Budget("run", "usd", 0.5),
    )
    assert parse_budgets(", ".join(map(str, parse_budgets(text)))) == parse_budgets(
        text
    )
    assert parse_budgets("") == ()


def _spend(folder: Path, barrier: object) -> None:
    till = Till(folder, "ever:usd=0.11")
    barrier.wait()  # type: ignore[attr-defined]
    for _ in range(4):
        try:
            till.pay()
        except BudgetError:
            return


def test_two_processes_never_exceed_one_budget(tmp_path: Path) -> None:
    barrier = CONTEXT.Barrier(2)
    processes = [started(_spend, tmp_path, barrier) for _ in range(2)]
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    till = Till(tmp_path)
    with till.warehouse.transaction() as con:
        [(calls, spent)] = con.execute(
            "SELECT count(*), sum(cost_usd) FROM api_calls"
        ).fetchall()
    assert (calls, spent) == (5, pytest.approx(5 * PRICE))
