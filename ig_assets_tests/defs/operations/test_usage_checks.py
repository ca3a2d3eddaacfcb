"""A day's usage and the check of the budgets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from ig_assets_tests.defs.checked import figures, verdict
from ig_assets_tests.defs.ticking import DagsterEnv

DAY = "2026-01-05"
CALL = {
    "call_id": "c1",
    "month": "2026-01",
    "operation": "generate",
    "provider": "openai",
    "model": "gpt-5-mini",
    "status": "done",
    "reserved_usd": 0.02,
    "input_tokens": 400,
    "output_tokens": 120,
    "cost_usd": 0.01,
    "latency_ms": 100.0,
    "called_at": datetime(2026, 1, 5, 12),
}


# ── api_usage ─────────────────────────────────────────────────────────────────


def test_a_days_usage_sums_the_ledger_of_that_day(dagster_env: DagsterEnv) -> None:
    dagster_env.write(
        "api_calls",
        CALL,
        CALL | {"call_id": "c2", "cost_usd": 0.03, "output_tokens": 80},
        # Without an answer its reservation counts, since it may have been billed.
        CALL | _unanswered("c3"),
        CALL | {"call_id": "c4", "called_at": datetime(2026, 1, 6)},
    )
    [made] = usage_of_day(dagster_env).asset_materializations_for_node("api_usage")
    seen = figures(made.metadata)
    assert seen["cost_usd"] == pytest.approx(0.01 + 0.03 + 0.02)
    assert seen | {"cost_usd": 0} == {
        "dagster/row_count": 4,  # of all days
        "dagster/partition_row_count": 3,
        "calls": 3,
        "input_tokens": 800,
        "output_tokens": 200,
        "cost_usd": 0,
        "unknown": 1,
    }


def test_a_price_that_nobody_knows_is_named_and_no_zero(
    dagster_env: DagsterEnv,
) -> None:
    unpriced = {"call_id": "c2", "model": "unlisted-model-1", "cost_usd": None}
    dagster_env.write("api_calls", CALL, CALL | unpriced | {"reserved_usd": None})
    [made] = usage_of_day(dagster_env).asset_materializations_for_node("api_usage")
    assert made.metadata["models_without_a_price"].value == "unlisted-model-1"
    assert figures(made.metadata)["cost_usd"] == pytest.approx(0.01)


@pytest.mark.parametrize("budget", [None, "day:usd=1, generate:ever:tokens=50"])
def test_spend_is_pictured_against_the_budgets_where_there_are_some(
    dagster_env: DagsterEnv, monkeypatch: pytest.MonkeyPatch, budget: str | None
) -> None:
    dagster_env.write("api_calls", CALL)
    if budget is not None:
        monkeypatch.setenv("IG_BUDGETS", budget)
    [made] = usage_of_day(dagster_env).asset_materializations_for_node("api_usage")
    assert ("spend" in made.metadata) is (budget is not None)
    if budget is not None:
        assert made.metadata["spend"].value.startswith("![spend against budget](data:")


def usage_of_day(dagster_env: DagsterEnv) -> dg.ExecuteInProcessResult:
    """The day's materialisation, on the day after it."""
    dagster_env.clock.move_to(datetime.fromisoformat(DAY) + timedelta(days=1))
    return dagster_env.materialise("api_usage", DAY)


def _unanswered(call_id: str) -> dict[str, Any]:
    nothing = {"input_tokens": None, "output_tokens": None, "cost_usd": None}
    return {"call_id": call_id, "status": "unknown", **nothing}


@pytest.mark.parametrize(
    ("budget", "passed"),
    [(None, True), ("0.1", True), ("0.05", True), ("0.048", False)],
)
def test_the_budget_check_warns_from_four_fifths_on(
    dagster_env: DagsterEnv,
    monkeypatch: pytest.MonkeyPatch,
    budget: str | None,
    passed: bool,
) -> None:
    dagster_env.write("api_calls", CALL | {"cost_usd": 0.02}, CALL | _unanswered("c3"))
    if budget is not None:
        monkeypatch.setenv("IG_BUDGET_USD", budget)
    evaluation = verdict(usage_of_day(dagster_env), "spending_is_within_budget")
    assert evaluation.passed is passed
    if budget is not None:
        [row] = evaluation.metadata["budgets"].value.records
        assert row.data["spent"] == pytest.approx(0.04)
    if not passed:
        assert evaluation.severity is dg.AssetCheckSeverity.WARN
