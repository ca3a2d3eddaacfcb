"""The asset of the ranker says on its page what it learnt from and how sure it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ig_assets.core.models.registry import current_ranker
from ig_assets.defs.fine_tuning.hook_ranker import hook_ranker
from ig_assets.settings import load_settings
from ig_assets_tests.core.fine_tuning.headline_tests import HeadlineTests


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
