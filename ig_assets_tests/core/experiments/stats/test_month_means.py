"""Pairs of one month move together: the month is the observation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ig_assets.core.experiments.stats.anytime_t_test import sequential_mean, t_log_e
from ig_assets.core.experiments.stats.month_means import (
    CARRY_OVER,
    MONTH_EFFECT_SD,
    PairDifference,
    mean_over_months,
    month_means,
)
from ig_assets.core.experiments.stats.e_values import Floats

LOG_E = math.log(20.0)


def test_a_month_is_one_observation_however_many_pairs_it_has() -> None:
    pairs = [PairDifference(0.1, "2026-02")] * 3
    pairs += [PairDifference(d, "2026-01") for d in (0.2, 0.4)]
    assert month_means(pairs).tolist() == pytest.approx([0.3, 0.1])
    found = mean_over_months(pairs)
    assert (found.pairs, found.units) == (5, 2)
    assert mean_over_months([]).pairs == 0 and mean_over_months([]).mean is None


def test_an_audience_that_comes_and_goes_does_not_move_the_months() -> None:
    effects, months = {"cooks": 0.5, "riders": -0.5}, {"01": 0.1, "02": 0.2, "03": 0.3}
    mix = {"01": ["cooks"] * 9 + ["riders"], "02": ["riders"], "03": ["cooks"]}
    pairs = [
        PairDifference(months[month] + effects[audience], month, audience)
        for month, audiences in mix.items()
        for audience in audiences
    ]
    assert month_means(pairs).tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_an_audience_that_shares_no_month_with_another_stays_as_it_is() -> None:
    pairs = [PairDifference(0.4, "01", "cooks"), PairDifference(0.2, "02", "riders")]
    assert month_means(pairs).tolist() == pytest.approx([0.4, 0.2])


def test_no_carry_over_is_the_plain_test_and_carried_deviations_count_less() -> None:
    x = np.random.RandomState(1).normal(0.3, 0.2, 9)
    assert t_log_e(x, 1.0, 0.0) == pytest.approx(t_log_e(x, 1.0))
    assert sequential_mean(x).mean == pytest.approx(float(x.mean()))
    plain, carried = (sequential_mean(x, carry_over=c) for c in (0.0, 0.3))
    assert carried.log_e < plain.log_e
    assert plain.high is not None and plain.low is not None
    assert carried.high is not None and carried.low is not None
    assert carried.high - carried.low > plain.high - plain.low


def test_the_confidence_sequence_ends_where_the_evidence_against_a_mean_is_20() -> None:
    x = np.random.RandomState(2).normal(0.3, 0.2, 12)
    found = sequential_mean(x, effect_sd=MONTH_EFFECT_SD, carry_over=CARRY_OVER)
    assert found.low is not None and found.high is not None
    for end in (found.low, found.high):
        at_end = t_log_e(x - end, MONTH_EFFECT_SD, CARRY_OVER)[-1]
        assert at_end == pytest.approx(LOG_E)


def test_months_that_move_together_promote_nothing_where_pairs_would() -> None:
    """A shared month effect of sd 0.2, of which 0.3 carries over; 12 pairs a month."""
    draw = np.random.RandomState(5)
    n, months = 600, 18
    effects = np.zeros((n, months))
    effects[:, 0] = draw.normal(0, 0.2, n)
    for month in range(1, months):
        fresh = draw.normal(0, 0.2 * math.sqrt(1 - 0.3**2), n)
        effects[:, month] = 0.3 * effects[:, month - 1] + fresh
    d = effects[:, :, None] + draw.normal(0, 0.48, (n, months, 12))
    assert _promoted(t_log_e(d.reshape(n, -1)), d.reshape(n, -1)) > 0.12
    means = d.mean(axis=2)
    assert _promoted(t_log_e(means, MONTH_EFFECT_SD, CARRY_OVER), means) < 0.04


def _promoted(log_e: Floats, x: Floats) -> float:
    return float(((log_e >= LOG_E) & (x.cumsum(axis=1) > 0)).any(axis=1).mean())
