from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.experiments.stats.sample_ratio import (
    LOG_E_ALARM,
    audience_shares,
    sample_ratio_log_e,
)
from ig_assets_tests.core.experiments.experiment_factory import (
    DAY,
    START,
    MovedClock,
    add_experiment,
    daily,
    new_warehouse,
)


def test_it_is_the_likelihood_ratio_of_a_spread_split_against_the_planned_one() -> None:
    counts = np.array([520, 480, 430])
    expected = stats.dirichlet_multinomial.logpmf(counts, [1000 / 3] * 3, 1430)
    expected -= stats.multinomial.logpmf(counts, 1430, [1 / 3] * 3)
    assert sample_ratio_log_e(counts) == pytest.approx(expected)


def test_planned_shares_count_and_an_arm_without_trials_is_left_out() -> None:
    assert sample_ratio_log_e([9000, 1000], [0.9, 0.1]) < 0 < LOG_E_ALARM
    assert sample_ratio_log_e([9000, 1000]) > LOG_E_ALARM
    assert sample_ratio_log_e([500, 510, np.nan]) == pytest.approx(
        float(sample_ratio_log_e([500, 510]))
    )


def test_a_fair_split_seldom_alarms_under_daily_peeking_and_a_broken_one_does() -> None:
    draw = np.random.RandomState(4)
    fair = draw.multinomial(300, [1 / 3] * 3, (2000, 30)).cumsum(axis=1)
    log_e = sample_ratio_log_e(fair)
    assert log_e.shape == (2000, 30)
    assert (log_e >= LOG_E_ALARM).any(axis=1).mean() <= 0.01
    assert math.isclose(np.exp(log_e[:, 0]).mean(), 1.0, rel_tol=0.05)
    broken = draw.multinomial(300, [0.36, 0.32, 0.32], (200, 30)).cumsum(axis=1)
    assert (sample_ratio_log_e(broken)[:, -1] >= LOG_E_ALARM).mean() > 0.9


def test_only_randomised_splits_are_judged_each_at_its_worst_look(
    tmp_path: Path,
) -> None:
    clock = MovedClock(START + 9 * DAY)
    warehouse = new_warehouse(tmp_path, clock)
    broken = {"A": daily(0.05, 9000, 9), "B": daily(0.05, 1000, 9)}
    fair = {arm: daily(0.05, 5000, 9) for arm in "ABC"}
    add_experiment(warehouse, broken, experiment_id="broken")
    add_experiment(warehouse, fair, experiment_id="fair")
    add_experiment(warehouse, broken, experiment_id="organic", sigma=0.2)
    update_results(warehouse, clock)
    with warehouse.transaction() as con:
        found = {shares.experiment_id: shares for shares in audience_shares(con)}
    assert {name: split.alarms for name, split in found.items()} == {
        "broken": True,
        "fair": False,
    }
    assert found["broken"].trials == {"A": 9000.0, "B": 1000.0}
    assert found["fair"].log_e == pytest.approx(float(sample_ratio_log_e([5000.0] * 3)))
