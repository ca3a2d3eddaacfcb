"""Costs told by month, operation, model, topic and winner, and a piece."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.reports.costs.costs import costs_by, unit_costs
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.warehouses import migrated_warehouse

NOON = datetime(2026, 1, 5, 12)
CALL = {
    "month": "2026-01",
    "subject": None,
    "operation": "generate",
    "provider": "openai",
    "model": "gpt-5-mini",
    "status": "done",
    "reserved_usd": 0.5,
    "input_tokens": 400,
    "output_tokens": 100,
    "cost_usd": 0.01,
    "called_at": NOON,
}
NO_ANSWER = {
    "status": "unknown",
    "input_tokens": None,
    "output_tokens": None,
    "cost_usd": None,
}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Two topics: onions with arms a (won, paid twice) and b, knives with one arm."""
    warehouse = migrated_warehouse(tmp_path / "w.duckdb", lambda: NOON)
    calls = [
        CALL | {"call_id": "1", "subject": "onions-a"},
        CALL | {"call_id": "2", "subject": "onions-a", "operation": "polish"},
        CALL | {"call_id": "3", "subject": "onions-b", "cost_usd": 0.02},
        CALL | {"call_id": "4", "subject": "knives-a"} | NO_ANSWER,
        CALL
        | {
            "call_id": "5",
            "month": None,
            "operation": "ingest",
            "model": "text-embedding-3-small",
            "output_tokens": 0,
            "cost_usd": 0.001,
            "called_at": datetime(2026, 2, 3),
        },
        CALL
        | {
            "call_id": "6",
            "month": "2026-02",
            "provider": "elsewhere",
            "model": "unknown-model",
            "reserved_usd": None,
            "cost_usd": None,
        },
    ]
    arms = [("onions-a", None), ("onions-b", "too alike"), ("knives-a", None)]
    texts = [
        {"variant_id": v, "month": "2026-01", "topic_id": v[:6], "rejection": rejection}
        for v, rejection in arms
    ]
    topics = [
        {"month": "2026-01", "topic_id": topic, "topic": topic}
        for topic in ("onions", "knives")
    ]
    decisions = [
        {
            "experiment_id": "e1",
            "decided_at": NOON,
            "decision": "provisional",
            "winner_variant_id": "onions-a",
        },
        # A winner of imported history cost nothing here.
        {
            "experiment_id": "e2",
            "decided_at": NOON,
            "decision": "winner",
            "winner_variant_id": None,
        },
    ]
    with warehouse.transaction() as con:
        merge_rows(con, "api_calls", calls)
        merge_rows(con, "drafts", texts)
        merge_rows(con, "variants", texts)
        merge_rows(con, "topics", topics)
        merge_rows(con, "decisions", decisions)
    return warehouse


def told(warehouse: Warehouse, by: str) -> list[dict[str, Any]]:
    with warehouse.transaction() as con:
        return costs_by(con, by)


def spent(warehouse: Warehouse, by: str) -> dict[str, float | None]:
    return {
        row[by]: None if row["cost_usd"] is None else round(row["cost_usd"], 6)
        for row in told(warehouse, by)
    }


def test_an_answer_that_never_came_counts_with_its_reservation(
    warehouse: Warehouse,
) -> None:
    assert spent(warehouse, "operation") == {
        "generate": 0.53,
        "polish": 0.01,
        "ingest": 0.001,
    }
    rows = {row["operation"]: row for row in told(warehouse, "operation")}
    assert (rows["generate"]["unknown"], rows["generate"]["unpriced"]) == (1, 1)


def test_a_call_belongs_to_the_month_it_worked_for(warehouse: Warehouse) -> None:
    assert spent(warehouse, "month") == {"2026-01": 0.54, "2026-02": 0.001}
    months = {row["month"]: row["calls"] for row in told(warehouse, "month")}
    assert months == {"2026-01": 4, "2026-02": 2}


def test_a_bill_has_what_was_sent_in_its_month_whatever_that_was_for(
    warehouse: Warehouse,
) -> None:
    with warehouse.transaction() as con:
        con.execute("UPDATE api_calls SET sent_at = '2026-11-30' WHERE call_id <> '5'")
        rows = costs_by(con, "paid")
    assert {row["paid_in"]: row["calls"] for row in rows} == {
        "2026-11": 5,
        "2026-02": 1,
    }


def test_models_are_told_with_their_provider(warehouse: Warehouse) -> None:
    assert spent(warehouse, "model") == {
        "openai/gpt-5-mini": 0.54,
        "openai/text-embedding-3-small": 0.001,
        "elsewhere/unknown-model": None,
    }


def test_a_topic_costs_what_all_its_arms_took(warehouse: Warehouse) -> None:
    assert spent(warehouse, "topic") == {
        "2026-01 knives": 0.5,
        "2026-01 onions": 0.04,
        "(no topic)": 0.001,
    }


def test_a_winner_costs_its_losers_too(warehouse: Warehouse) -> None:
    [winner] = told(warehouse, "winner")
    assert winner | {"own_usd": 0, "topic_usd": 0} == {
        "winner": "onions-a",
        "month": "2026-01",
        "topic": "onions",
        "decision": "provisional",
        "own_usd": 0,
        "topic_usd": 0,
        "variants": 2,
        "tokens": 1500,
    }
    assert winner["own_usd"] == pytest.approx(0.02)
    assert winner["topic_usd"] == pytest.approx(0.04)


def test_a_piece_costs_all_text_over_what_came_of_it(warehouse: Warehouse) -> None:
    with warehouse.transaction() as con:
        units = unit_costs(con)
    assert (units.variants, units.winners) == (2, 1)
    assert units.total_usd == pytest.approx(0.541)
    assert units.usd_per_variant == pytest.approx(0.54 / 2)
    assert units.usd_per_winner == pytest.approx(0.54)


@pytest.mark.parametrize("asset", ["generate_try", "model_evaluation"])
def test_texts_that_become_no_variant_are_in_no_variants_cost(
    warehouse: Warehouse, asset: str
) -> None:
    calls = [
        {"call_id": f"t{n}", "asset": asset, "operation": operation, "cost_usd": usd}
        for n, (operation, usd) in enumerate([("generate", 7.0), ("polish", 1.0)])
    ]
    with warehouse.transaction() as con:
        before = unit_costs(con)
        merge_rows(con, "api_calls", calls)
        after = unit_costs(con)
    assert after.total_usd == pytest.approx(before.total_usd + 8)
    assert (before.trial_usd, after.trial_usd) == (0, 8)
    assert after.usd_per_variant == before.usd_per_variant
    assert after.usd_per_winner == before.usd_per_winner


def test_nothing_spent_is_no_price_a_piece(tmp_path: Path) -> None:
    empty = migrated_warehouse(tmp_path / "w.duckdb", lambda: NOON)
    with empty.transaction() as con:
        units = unit_costs(con)
    assert (units.total_usd, units.usd_per_variant, units.usd_per_winner) == (
        0,
        None,
        None,
    )


def test_an_unknown_way_to_tell_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(
        InputError, match="month, paid, day, operation, asset, model, topic, winner"
    ):
        told(warehouse, "weather")
