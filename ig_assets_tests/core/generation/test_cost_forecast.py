"""What a page says of the cost before a person pays."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ig_assets.core.costs.budget import parse_budgets
from ig_assets.core.generation.cost_forecast import budgets_left, forecast_variant
from ig_assets.core.models.registry import ModelName, ensure_base_model
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

NOW = datetime(2026, 1, 5, 10)
BASE = ModelName("openai", "gpt-5-mini")


class Clock:
    """Stands still."""

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def home(tmp_path: Path) -> Warehouse:
    home = Warehouse(f"duckdb:///{tmp_path / 'w.duckdb'}", lambda: NOW)
    ensure_base_model(home, Clock(), BASE.provider, BASE.name)
    return home


def add_variant(con: Connection, name: str, costs: list[float | None]) -> None:
    model = f"base/{BASE.provider}/{BASE.name}"
    merge_rows(con, "variants", [{"variant_id": name, "model_id": model}])
    calls = [
        {
            "call_id": f"{name}-{n}",
            "subject": name,
            "called_at": NOW + timedelta(seconds=n),
            "operation": "generate",
            "status": "done",
            "cost_usd": cost,
        }
        for n, cost in enumerate(costs)
    ]
    merge_rows(con, "api_calls", calls)


def test_the_forecast_is_the_mean_of_all_calls_of_each_variant_of_the_model(
    home: Warehouse,
) -> None:
    with home.transaction() as con:
        add_variant(con, "v1", [0.001, 0.002])
        add_variant(con, "v2", [0.005])
        found = forecast_variant(con, BASE)
    assert found.typical_usd == pytest.approx(0.004)
    assert found.most_usd == pytest.approx(0.005) and found.looked_at == 2
    assert found.sentence(3) == (
        "3 variants by gpt-5-mini cost about USD 0.0120, by its last 2; USD 0.0150 if "
        "each is as dear as the dearest."
    )


def test_a_model_that_wrote_nothing_yet_is_guessed_by_list_prices_and_says_so(
    home: Warehouse,
) -> None:
    with home.transaction() as con:
        found = forecast_variant(con, BASE)
    assert found.typical_usd and found.looked_at == 0
    assert "a guess by list prices" in found.sentence(2)


def test_a_price_that_is_not_known_is_not_guessed(home: Warehouse) -> None:
    with home.transaction() as con:
        con.execute("DELETE FROM model_events")
        unknown = forecast_variant(con, ModelName("openai", "no-such-model"))
        local = forecast_variant(con, ModelName("local", "small"))
    assert unknown.typical_usd is None and "is not known" in unknown.sentence(3)
    assert local.sentence(3) == "Free: small writes on this machine."


def test_the_budget_that_is_nearest_to_its_end_comes_first(home: Warehouse) -> None:
    rules = "month:usd=10, generate:day:usd=0.01, ingest:day:usd=1, run:usd=5"
    with home.transaction() as con:
        add_variant(con, "v1", [0.009])
        left = budgets_left(con, parse_budgets(rules), NOW)
    assert [str(usage.budget) for usage in left] == [
        "generate:day:usd=0.01",
        "month:usd=10",
    ]
