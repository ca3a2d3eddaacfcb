"""The asset of the ranker says on its page what it learnt from and how sure it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ig_assets.core.fine_tuning.ranker.calibration import (
    Calibration,
    calibration,
    series_of,
)
from ig_assets.core.models.registry import current_ranker
from ig_assets.defs.fine_tuning.hook_ranker import hook_ranker, ranker_is_calibrated
from ig_assets.defs.fine_tuning.ranker_automation import monthly_ranker_schedule
from ig_assets.settings import load_settings
from ig_assets_tests.core.fine_tuning.ranker.headline_tests import HeadlineTests


@pytest.fixture
def tests(tmp_path: Path) -> HeadlineTests:
    return HeadlineTests(tmp_path)


def page(tests: HeadlineTests) -> dict[str, Any]:
    result = dg.materialize(
        [hook_ranker],
        resources={
            "settings": load_settings(data_dir=tests.folder),
            "clock": tests.clock,
            "warehouse": tests.warehouse,
            "hook_encoder": tests.encoder,
        },
    )
    [made] = result.asset_materializations_for_node("hook_ranker")
    return {name: value.value for name, value in made.metadata.items()}


def test_too_few_comparisons_are_a_state_that_says_how_many_are_missing(
    tests: HeadlineTests,
) -> None:
    tests.add(3)
    found = page(tests)
    assert found["state"] == "insufficient" and found["model_id"] == "none"
    said = found["summary"]
    assert said.startswith("**insufficient**: 3 comparisons of 9 arms; 22 more are")
    assert "dagster/row_count" in found and tests.encoder.encoded == []


def test_a_fit_is_a_model_of_the_registry_and_shows_no_words(
    tests: HeadlineTests,
) -> None:
    tests.add(25)
    found = page(tests)
    with tests.warehouse.transaction() as con:
        model = current_ranker(con)
    assert model is not None and model.model_id == found["model_id"]
    said = found["summary"]
    assert said.startswith("**proven**: 25 comparisons of 75 arms; e reached 20 after")
    assert said.count("proven") == 1
    assert found["e_value"] >= found["e_value_needed"] and found["audience"] == "real"
    assert found["dagster/row_count"] == 75
    assert "dish number" not in str(found)


def test_a_single_comparison_is_said_as_one(tests: HeadlineTests) -> None:
    tests.add(1)
    assert "1 comparison of 3 arms" in page(tests)["summary"]


def test_forecasts_that_do_not_come_true_warn(tests: HeadlineTests) -> None:
    tests.add(60)
    assert "slope" in page(tests)["calibration"]
    result = ranker_is_calibrated(tests.warehouse)
    assert isinstance(result, dg.AssetCheckResult) and result.passed
    with tests.warehouse.transaction() as con:
        con.execute("UPDATE ranker_bets SET difference = -difference")
        found = calibration(con, series_of(tests.encoder.model, simulated=False))
    assert found.pairs > 30 and found.slope is not None and found.slope < 0
    result = ranker_is_calibrated(tests.warehouse)
    assert isinstance(result, dg.AssetCheckResult) and not result.passed
    assert result.severity is dg.AssetCheckSeverity.WARN
    assert "the audience has changed" in str(result.description)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Calibration(29, 0.0, 0.1, 0.1), None),
        (Calibration(0, None, None, None), None),
        (Calibration(200, 1.0, 0.1, 0.9), None),
        (Calibration(200, 0.6, 0.1, 0.9), None),  # within three standard errors
        (Calibration(200, 0.4, 0.1, 0.9), "promises too much"),
        (Calibration(200, 1.9, 0.1, 0.9), "1.90 of what is expected"),
        (Calibration(200, 1.0, 0.1, 0.7), "hold 70% of the outcomes"),
    ],
)
def test_what_is_wrong_with_forecasts_is_said_and_few_pairs_say_nothing(
    found: Calibration, said: str | None
) -> None:
    assert (found.problem is None) == (said is None)
    assert said is None or said in str(found.problem)


@pytest.mark.parametrize(
    ("ranker", "asked"), [("off", []), ("fit", ["fit_ranker 2026-02"])]
)
def test_the_first_of_a_month_fits_where_the_settings_ask_for_it(
    ranker: str, asked: list[str], tmp_path: Path
) -> None:
    clock = HeadlineTests(tmp_path).clock
    tick = datetime(2026, 2, 1, 0, 40, tzinfo=UTC)
    context = dg.build_schedule_context(
        scheduled_execution_time=tick,
        resources={"settings": load_settings(ranker=ranker), "clock": clock},
    )
    found = monthly_ranker_schedule.evaluate_tick(context)
    assert [request.run_key for request in found.run_requests or []] == asked
    assert asked or "IG_RANKER is off" in str(found.skip_message)
