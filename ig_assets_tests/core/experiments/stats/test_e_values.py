from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from ig_assets.core.experiments.stats.e_values import (
    E_WINNER,
    P_FINAL,
    TAU,
    Z_FINAL,
    pair_evidence,
    shrunken_interval,
    shrunken_lift,
)


def test_evidence_equals_a_value_computed_by_hand() -> None:
    # 120 of 2,000 against 80 of 2,000: p = 0.05, d = ln 1.5 = 0.405465,
    # V = 19 * 2 / 2000 = 0.019, V + tau^2 = 0.0919,
    # ln e = 0.5 ln(0.019 / 0.0919) + 0.164402 * 0.0729 / (2 * 0.019 * 0.0919).
    found = pair_evidence(120, 2000, 80, 2000, 0.0)
    assert found.log_rate_ratio == pytest.approx(0.405465, abs=1e-6)
    assert found.variance == pytest.approx(0.019)
    assert found.log_e == pytest.approx(-0.788131 + 3.431906, abs=1e-5)
    assert found.z == pytest.approx(0.405465 / math.sqrt(0.019), abs=1e-5)


def test_evidence_is_the_mixture_likelihood_ratio() -> None:
    found = pair_evidence(150, 3000, 100, 2500, 0.1)
    d, v = float(found.log_rate_ratio), float(found.variance)
    mixture, _ = integrate.quad(
        lambda m: stats.norm.pdf(d, m, math.sqrt(v)) * stats.norm.pdf(m, 0, TAU), -3, 3
    )
    null = stats.norm.pdf(d, 0, math.sqrt(v))
    assert math.exp(found.log_e) == pytest.approx(mixture / null, rel=1e-6)


def test_the_post_to_post_part_enters_twice() -> None:
    none, some = pair_evidence(100, 2000, 80, 2000, np.array([0.0, 0.2])).variance
    assert some - none == pytest.approx(2 * 0.2**2)


def test_swapping_the_arms_turns_the_sign_and_nothing_else() -> None:
    ab, ba = pair_evidence(90, 1800, 60, 2100, 0.1), pair_evidence(
        60, 2100, 90, 1800, 0.1
    )
    assert ab.log_rate_ratio == pytest.approx(-ba.log_rate_ratio)
    assert ab.log_e == pytest.approx(ba.log_e)
    assert ab.z == pytest.approx(-ba.z)


@pytest.mark.parametrize(
    ("events_a", "trials_a", "events_b", "trials_b"),
    [
        (24, 100, 900, 1000),
        (0, 1000, 900, 1000),
        (np.nan, 1000, 900, 1000),
        (900, 800, 100, 1000),
        (0, 0, 0, 0),
        (100, 100, 100, 100),
    ],
)
def test_counts_that_cannot_be_judged_are_no_evidence(
    events_a: float, trials_a: float, events_b: float, trials_b: float
) -> None:
    found = pair_evidence(events_a, trials_a, events_b, trials_b, 0.0)
    assert not found.enough
    assert float(found.log_e) == float(found.z) == 0.0


def test_25_events_an_arm_are_enough() -> None:
    assert pair_evidence(25, 1000, 60, 1000, 0.0).enough
    assert not pair_evidence(25, 1000, 24, 1000, 0.0).enough


def test_the_final_look_is_two_sided_at_its_level() -> None:
    assert 2 * stats.norm.sf(Z_FINAL) == pytest.approx(P_FINAL)


def test_a_lift_shrinks_the_more_the_less_is_known() -> None:
    assert shrunken_lift(0.3, 0.0) == pytest.approx(0.3)
    assert shrunken_lift(0.3, 2 * 0.27**2) == pytest.approx(0.15)
    low, high = shrunken_interval(0.3, 2 * 0.27**2)
    assert low == pytest.approx(0.15 - 1.959964 * 0.27, abs=1e-6)
    assert high == pytest.approx(0.15 + 1.959964 * 0.27, abs=1e-6)


def test_false_alarms_under_no_difference_stay_under_five_percent() -> None:
    draw = np.random.RandomState(5)
    pairs, days = 4000, 14
    views = draw.poisson(300, (2, pairs, days)).cumsum(axis=2)
    likes = draw.binomial(np.diff(views, axis=2, prepend=0), 0.05).cumsum(axis=2)
    found = pair_evidence(likes[0], views[0], likes[1], views[1], 0.0)
    by_e = (found.log_e >= math.log(E_WINNER)).any(axis=1)
    by_z = np.abs(found.z[:, -1]) > Z_FINAL
    naive = (np.abs(found.z) > 1.96).any(axis=1)
    assert (by_e | by_z).sum() < 0.05 * pairs
    assert naive.sum() > 0.10 * pairs  # the simulation can raise false alarms
