"""The month's end if spending goes on, and advice with figures that can be checked."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.costs.pinecone_estimate import pinecone_monthly_cost
from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.ports import TokenUsage
from ig_assets.core.reports.costs.outlook import (
    Advice,
    advice_on_costs,
    advice_table,
    forecast_spending,
)
from ig_assets.core.reports.costs.costs import costs_by
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.warehouses import migrated_warehouse

NOW = datetime(2026, 5, 16)  # fifteen days are over, sixteen are left
CALL = {
    "operation": "polish",
    "provider": "openai",
    "model": "gpt-5-mini",
    "status": "done",
    "asset": "script_variants",
    "input_tokens": 100_000,
    "cached_tokens": 0,
    "output_tokens": 50_000,
    "cost_usd": 0.125,
    "reserved_usd": 0.2,
    "called_at": NOW,
    "sent_at": NOW - timedelta(days=1),
}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return migrated_warehouse(tmp_path / "w.duckdb", lambda: NOW)


def write(warehouse: Warehouse, *calls: dict[str, Any]) -> None:
    rows = [CALL | {"call_id": f"c{n}"} | call for n, call in enumerate(calls)]
    with warehouse.transaction() as con:
        merge_rows(con, "api_calls", rows)


def advice(warehouse: Warehouse, uses_pinecone: bool = False) -> dict[str, Advice]:
    with warehouse.transaction() as con:
        found = advice_on_costs(con, "gpt-5-nano", 384, uses_pinecone)
    assert [row["advice"] for row in advice_table(found)] == [a.sentence for a in found]
    return {one.about: one for one in found}


def test_the_month_ends_at_what_is_spent_and_the_recent_days_for_the_rest(
    warehouse: Warehouse,
) -> None:
    daily = [
        {"sent_at": NOW - timedelta(days=n), "cost_usd": 2.0} for n in range(1, 15)
    ]
    before = [
        {"sent_at": NOW - timedelta(days=n), "cost_usd": 1.0} for n in range(15, 29)
    ]
    write(warehouse, *daily, *before)
    with warehouse.transaction() as con:
        found = forecast_spending(con, NOW)
    assert found.recent_usd_a_day == 2.0 and found.before_usd_a_day == 1.0
    assert found.spent_usd == 14 * 2.0 + 1.0, "the first of May is the fifteenth back"
    assert found.month_end_usd == pytest.approx(29.0 + 16 * 2.0)
    assert found.trend == 1.0 and "+100% on those before" in found.sentence
    assert "ends at USD 61.0000" in found.sentence


def test_a_call_without_an_answer_is_forecast_by_its_reservation(
    warehouse: Warehouse,
) -> None:
    write(warehouse, {"status": "unknown", "cost_usd": None, "reserved_usd": 1.4})
    with warehouse.transaction() as con:
        found = forecast_spending(con, NOW)
    assert found.spent_usd == 1.4 and found.recent_usd_a_day == pytest.approx(0.1)
    assert found.trend is None


def test_without_calls_nothing_is_forecast_and_nothing_advised(
    warehouse: Warehouse,
) -> None:
    with warehouse.transaction() as con:
        assert forecast_spending(con, NOW).sentence.startswith("Nothing was paid")
    assert advice(warehouse) == {}


def test_polish_is_compared_with_the_cheaper_model_for_the_same_tokens(
    warehouse: Warehouse,
) -> None:
    write(
        warehouse,
        {},
        {},
        {"model": "gpt-5-nano"},
        {"model": "of-no-known-price"},
        {"provider": "local", "cost_usd": 0.0},
    )
    found = advice(warehouse)["polish"]
    usage = TokenUsage(300_000, 150_000)
    assert found.paid_usd == 0.375, "also of the model whose own price is not known"
    assert found.instead_usd == pytest.approx(
        call_cost_usd("openai", "gpt-5-nano", usage)
    )
    assert "IG_POLISH_MODEL" in found.sentence and "gpt-5-nano" in found.sentence


def test_only_what_the_batch_api_did_not_embed_could_be_halved(
    warehouse: Warehouse,
) -> None:
    ingest = {"operation": "ingest", "model": "text-embedding-3-small"}
    write(warehouse, ingest, ingest, ingest)
    with warehouse.transaction() as con:
        con.execute(
            "INSERT INTO embedding_batch_lines (custom_id, call_id) VALUES ('x', 'c0')"
        )
    found = advice(warehouse)["embedding"]
    assert (found.paid_usd, found.instead_usd) == (0.25, 0.125)
    assert found.sentence.startswith("2 embedding requests") and "IG_BATCH=1" in (
        found.sentence
    )


@pytest.mark.parametrize("uses_pinecone", [True, False])
def test_the_vector_store_is_priced_now_and_at_ten_times_the_size(
    warehouse: Warehouse, uses_pinecone: bool
) -> None:
    with warehouse.transaction() as con:
        con.execute(
            "INSERT INTO index_entries (index_name, namespace, script_id) "
            "SELECT 'scripts', 'm-384', 's' || n FROM range(1000) AS r(n)"
        )
    found = advice(warehouse, uses_pinecone)["vector store"]
    now, ten = (pinecone_monthly_cost(n, 384).total_usd for n in (1000, 10_000))
    assert f"USD {now:.2f} a month" in found.sentence
    assert f"ten times as many USD {ten:.2f}" in found.sentence
    assert "1.5 MB now and 15.4 MB then" in found.sentence
    assert found.paid_usd == (now if uses_pinecone else 0.0)


def test_costs_are_grouped_by_asset_and_day_and_kept_to_one_day(
    warehouse: Warehouse,
) -> None:
    other = {"asset": None, "called_at": NOW - timedelta(days=3), "cost_usd": 1.0}
    write(warehouse, {}, other)
    with warehouse.transaction() as con:
        by_asset = {row["asset"]: row["cost_usd"] for row in costs_by(con, "asset")}
        [row] = costs_by(con, "asset", NOW.date())
        days = [row["day"] for row in costs_by(con, "day")]
    assert by_asset == {"(no asset)": 1.0, "script_variants": 0.125}
    assert row["asset"] == "script_variants"
    assert days == ["2026-05-15"]
