"""A split test is off by default, and never costs more than it was allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ig_assets.errors import InputError
from ig_assets_tests.core.experiments.ad_studies.ad_study_factory import (
    REQUEST,
    AdStudyEnv,
    add_reels,
    ad_study_env,
)


@pytest.fixture
def one(tmp_path: Path) -> Iterator[AdStudyEnv]:
    with ad_study_env(tmp_path) as made:
        add_reels(made.world)
        yield made


def test_without_the_setting_no_split_test_is_made(one: AdStudyEnv) -> None:
    with pytest.raises(InputError, match="are off.*IG_SPLIT_MAX_BUDGET"):
        one.service(limit=0).plan("e1", REQUEST)
    with pytest.raises(InputError, match=r"60.00 is over IG_SPLIT_MAX_BUDGET \(59.99"):
        one.service(limit=59.99).plan("e1", REQUEST)
    assert one.made() == {} and not one.rows("SELECT * FROM split_tests")


def test_a_limit_that_was_lowered_holds_for_a_start_too(one: AdStudyEnv) -> None:
    study = one.service().plan("e1", REQUEST)
    for limit in (0.0, 59.0):
        with pytest.raises(InputError, match="IG_SPLIT_MAX_BUDGET"):
            one.service(limit=limit).start(study.split_id)
    assert [item.status for item in one.vendor.of("ad")] == ["PAUSED"] * 2


def test_the_arms_together_never_cost_more_than_the_budget(tmp_path: Path) -> None:
    with ad_study_env(tmp_path) as one:
        add_reels(one.world, arms="ABC")
        one.running(replace(REQUEST, budget=100.0))
        assert one.vendor.of("campaign")[0].fields["spend_cap"] == 10000
        assert one.vendor.would_spend() == 9999


def test_yen_have_no_cents(one: AdStudyEnv) -> None:
    one.vendor.currency = "JPY"
    one.service(limit=10000).plan("e1", replace(REQUEST, budget=9000.0))
    assert one.vendor.of("campaign")[0].fields["spend_cap"] == 9000


def test_a_budget_below_the_accounts_minimum_is_reported_before_anything_is_made(
    one: AdStudyEnv,
) -> None:
    one.vendor.least_a_day = 500
    with pytest.raises(InputError, match="no less than 70.00 USD for 2 reels"):
        one.service().plan("e1", REQUEST)
    assert one.made() == {} and not one.rows("SELECT * FROM split_tests")


def test_a_cap_below_the_accounts_least_leaves_the_arms_budgets_as_bounds(
    one: AdStudyEnv,
) -> None:
    one.vendor.least_cap = 10000
    one.running()
    assert one.vendor.of("campaign")[0].fields["spend_cap"] == 10000
    assert one.vendor.would_spend() == 6000


@pytest.mark.parametrize(
    "wrong",
    [
        {"budget": 0.0},
        {"budget": float("nan")},
        {"days": 0},
        {"days": 31},
        {"countries": ()},
        {"countries": ("US", "Germany")},
        {"min_age": 12},
        {"min_age": 50, "max_age": 40},
    ],
)
def test_a_wish_that_cannot_be_makes_nothing(
    one: AdStudyEnv, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InputError):
        one.service().plan("e1", replace(REQUEST, **wrong))
    assert not one.world.server.asked
