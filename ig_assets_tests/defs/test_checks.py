"""What the checks of experiments and operations see, and what they say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import dagster as dg
import pytest

from ig_assets_tests.defs.ticking import DaggedHouse

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
EXPERIMENT = {
    "experiment_id": "e1",
    "month": "2026-01",
    "numerator": "likes",
    "denominator": "reach",
    "status": "running",
}
POST = {
    "post_id": "p1",
    "experiment_id": "e1",
    "variant_id": "v1",
    "arm": "a",
    "platform": "simulated_audience",
    "status": "published",
    "published_at": datetime(2026, 1, 2, 9),
}
READING = {
    "post_id": "p1",
    "metric": "likes",
    "as_of": datetime(2026, 1, 5),
    "observed_at": datetime(2026, 1, 5),
    "value": None,
}
DECISION = {
    "experiment_id": "e1",
    "decided_at": datetime(2026, 1, 20),
    "decision": "winner",
    "winner_arm": "a",
}
EVIDENCE = {
    "experiment_id": "e1",
    "arm_a": "a",
    "arm_b": "b",
    "data_through": datetime(2026, 1, 19),
}


def verdict(result: dg.ExecuteInProcessResult, check: str) -> dg.AssetCheckEvaluation:
    """What a check said in a run."""
    found = {e.check_name: e for e in result.get_asset_check_evaluations()}
    return found[check]


def figures(metadata: Any) -> dict[str, Any]:
    """Metadata as plain numbers."""
    return {
        name: entry.value
        for name, entry in metadata.items()
        if isinstance(entry.value, (int, float))
    }


# ── api_usage ─────────────────────────────────────────────────────────────────


def test_a_days_usage_sums_the_ledger_of_that_day(dagged: DaggedHouse) -> None:
    dagged.write(
        "api_calls",
        CALL,
        CALL | {"call_id": "c2", "cost_usd": 0.03, "output_tokens": 80},
        # Without an answer its reservation counts, since it may have been billed.
        CALL | _unanswered("c3"),
        CALL | {"call_id": "c4", "called_at": datetime(2026, 1, 6)},
    )
    [made] = dagged.materialise("api_usage", DAY).asset_materializations_for_node(
        "api_usage"
    )
    seen = figures(made.metadata)
    assert seen["cost_usd"] == pytest.approx(0.01 + 0.03 + 0.02)
    assert seen | {"cost_usd": 0} == {
        "calls": 3,
        "input_tokens": 800,
        "output_tokens": 200,
        "cost_usd": 0,
        "unknown": 1,
        "local_calls_at_openai_prices_usd": 0.0,
    }


def _unanswered(call_id: str) -> dict[str, Any]:
    nothing = {"input_tokens": None, "output_tokens": None, "cost_usd": None}
    return {"call_id": call_id, "status": "unknown", **nothing}


@pytest.mark.parametrize(
    ("budget", "passed"),
    [(None, True), ("0.1", True), ("0.05", True), ("0.048", False)],
)
def test_the_budget_check_warns_from_four_fifths_on(
    dagged: DaggedHouse,
    monkeypatch: pytest.MonkeyPatch,
    budget: str | None,
    passed: bool,
) -> None:
    dagged.write("api_calls", CALL | {"cost_usd": 0.02}, CALL | _unanswered("c3"))
    if budget is not None:
        monkeypatch.setenv("IG_BUDGET_USD", budget)
    said = verdict(dagged.materialise("api_usage", DAY), "spending_is_within_budget")
    assert said.passed is passed
    if budget is not None:
        [row] = said.metadata["budgets"].value.records
        assert row.data["spent"] == pytest.approx(0.04)
    if not passed:
        assert said.severity is dg.AssetCheckSeverity.WARN


# ── engagement ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("now", "value", "silent"),
    [
        (datetime(2026, 1, 5, 8), None, 0),  # the platform may still lag
        (datetime(2026, 1, 5, 10), None, 1),
        (datetime(2026, 1, 5, 10), 3.0, 0),
    ],
)
def test_a_post_without_a_value_after_three_days_is_named(
    dagged: DaggedHouse, now: datetime, value: float | None, silent: int
) -> None:
    dagged.write("experiments", EXPERIMENT)
    dagged.write("posts", POST)
    dagged.write("engagement", READING | {"value": value})
    dagged.clock.move_to(now)
    result = dagged.check("engagement_metrics", "engagement_has_arrived")
    assert (result.passed, figures(result.metadata)) == (
        not silent,
        {"silent_posts": silent},
    )


# ── decisions ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("evidence", "unsupported"),
    [([EVIDENCE], 0), ([], 1), ([EVIDENCE | {"arm_a": "c"}], 1)],
)
def test_a_winner_without_evidence_about_its_arm_blocks(
    dagged: DaggedHouse, evidence: list[dict[str, Any]], unsupported: int
) -> None:
    dagged.write("experiments", EXPERIMENT | {"status": "decided"})
    dagged.write("decisions", DECISION)
    dagged.write("evidence", *evidence)
    result = dagged.check("experiment_results", "winners_have_evidence")
    assert (result.passed, figures(result.metadata)) == (
        not unsupported,
        {"winners": 1, "unsupported": unsupported},
    )
