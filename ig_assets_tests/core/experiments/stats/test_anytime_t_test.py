from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from ig_assets.core.experiments.stats.anytime_t_test import (
    EFFECT_SD,
    sequential_mean,
    t_log_e,
)


def test_it_is_the_mixture_over_noncentral_t_densities() -> None:
    x = np.array([0.3, -0.1, 0.5, 0.2, 0.4])
    n = x.size
    t = float(x.mean() / (x.std(ddof=1) / math.sqrt(n)))
    mixed, _ = integrate.quad(
        lambda effect: stats.nct.pdf(t, n - 1, effect * math.sqrt(n))
        * stats.norm.pdf(effect, 0, EFFECT_SD),
        -4,
        4,
    )
    assert math.exp(t_log_e(x)[-1]) == pytest.approx(mixed / stats.t.pdf(t, n - 1))


def test_one_pair_says_nothing_and_the_unit_does_not_matter() -> None:
    x = np.array([0.3, 0.1, 0.5, 0.2])
    assert t_log_e(x)[0] == pytest.approx(0.0)
    assert t_log_e(100 * x) == pytest.approx(t_log_e(x))
    assert t_log_e(-x) == pytest.approx(t_log_e(x))


@pytest.mark.parametrize("uneven", [False, True])
def test_peeking_after_every_pair_errs_in_at_most_five_percent(uneven: bool) -> None:
    draw = np.random.RandomState(6)
    spread = draw.uniform(0.1, 1.0, (4000, 100)) if uneven else 0.4
    x = draw.normal(0, 1, (4000, 100)) * spread
    assert (t_log_e(x) >= math.log(20)).any(axis=1).mean() <= 0.05
    n = np.arange(1, 101)
    mean = x.cumsum(axis=1) / n
    square = (x**2).cumsum(axis=1) / n - mean**2
    t = mean[:, 2:] / np.sqrt(square[:, 2:] / (n[2:] - 1))
    assert (np.abs(t) > 2.2).any(axis=1).mean() > 0.15  # as naive looking does


def test_the_interval_holds_exactly_the_means_that_evidence_cannot_exclude() -> None:
    x = np.random.RandomState(2).normal(0.2, 0.3, 40)
    found = sequential_mean(x)
    assert found.low is not None and found.high is not None
    assert found.low < x.mean() < found.high
    for end in (found.low, found.high):
        assert t_log_e(x - end)[-1] == pytest.approx(math.log(20))


def test_no_pair_or_one_is_no_error_and_bounds_nothing() -> None:
    assert sequential_mean([]).mean is None and sequential_mean([]).decides(20) == 0
    one = sequential_mean([0.4])
    assert (one.pairs, one.mean, one.low, one.high) == (1, 0.4, None, None)
    assert sequential_mean([0.0, 0.0, 0.0]).decides(2) == 0


def test_evidence_once_reached_stays_while_its_side_is_ahead() -> None:
    ahead = [0.3, 0.32, 0.31, 0.29, 0.3, 0.33, 0.31]
    assert sequential_mean(ahead).decides(20) == 1
    assert sequential_mean([-d for d in ahead]).decides(20) == -1
    weaker = sequential_mean([*ahead, -0.6])
    assert weaker.log_e < math.log(20) <= weaker.log_e_ahead
    assert weaker.decides(20) == 1
    assert sequential_mean([*ahead, -9.0]).decides(20) == 0
