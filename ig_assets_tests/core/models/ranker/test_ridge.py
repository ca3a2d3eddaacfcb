"""The ranker's closed form beside brute force: dense matrices, nothing swept out."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ig_assets.core.models.ranker.outcomes import (
    Floats,
    Outcomes,
    centred,
    outcomes_of,
)
from ig_assets.core.models.ranker.ridge import (
    PRIOR_MEDIAN,
    PRIOR_SD,
    Variances,
    fit,
    restricted_likelihood,
)

SIZES = (3, 2)
KNOWN = Variances((0.3, 0.05), 0.04)


def small(seed: int, arms: int = 14) -> tuple[list[Floats], Outcomes]:
    """Arms in five groups, in any order, with effects of known size."""
    rng = np.random.default_rng(seed)
    group = np.concatenate([np.arange(5), np.arange(5), rng.integers(0, 5, arms - 10)])
    blocks = [rng.normal(size=(arms, size)) for size in SIZES]
    y = rng.normal(size=5)[group] + blocks[0] @ rng.normal(size=3) * 0.5
    variance = rng.uniform(0.01, 0.3, arms)
    y = y + rng.normal(size=arms) * np.sqrt(variance + 0.04)
    return blocks, Outcomes(group, y, variance)


def dense(
    blocks: list[Floats], outcomes: Outcomes, variances: Variances
) -> tuple[Floats, Floats, float]:
    """BLUP, its error covariance and -2 REML from V, with group dummies."""
    x = np.concatenate(blocks, axis=1)
    d = np.diag(np.repeat(variances.theta, [b.shape[1] for b in blocks]))
    v = x @ d @ x.T + np.diag(outcomes.variance + variances.s2)
    z = np.eye(outcomes.group.max() + 1)[outcomes.group]
    vi = np.linalg.inv(v)
    p = vi - vi @ z @ np.linalg.inv(z.T @ vi @ z) @ z.T @ vi
    reml = np.linalg.slogdet(v)[1] + np.linalg.slogdet(z.T @ vi @ z)[1]
    beta = d @ x.T @ p @ outcomes.y
    return beta, d - d @ x.T @ p @ x @ d, float(reml + outcomes.y @ p @ outcomes.y)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_effects_and_their_covariance_are_those_of_dense_least_squares(
    seed: int,
) -> None:
    blocks, outcomes = small(seed)
    beta, covariance, _ = dense(blocks, outcomes, KNOWN)
    found = fit(blocks, outcomes, KNOWN)
    np.testing.assert_allclose(found.beta, beta, atol=1e-9)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-9)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000))
def test_the_variances_maximise_the_dense_restricted_likelihood(seed: int) -> None:
    blocks, outcomes = small(seed, arms=30)
    grid = (0.01, 0.04, 0.15)
    best, reached = restricted_likelihood(blocks, outcomes, grid)

    def penalised(variances: Variances) -> float:
        off = (np.log(variances.theta) - np.log(PRIOR_MEDIAN)) / PRIOR_SD
        return dense(blocks, outcomes, variances)[2] + float(off @ off)

    assert penalised(best) == pytest.approx(reached, abs=1e-6)
    others = [Variances(best.theta, s2) for s2 in grid]
    for factor in (0.5, 2.0):
        others += [
            Variances((best.theta[0] * factor, best.theta[1]), best.s2),
            Variances((best.theta[0], best.theta[1] * factor), best.s2),
        ]
    assert all(penalised(other) >= reached - 1e-4 for other in others)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_a_score_is_the_sum_over_past_arms_that_the_kernel_form_gives(
    seed: int,
) -> None:
    blocks, outcomes = small(seed)
    found = fit(blocks, outcomes, KNOWN)
    dx = np.random.default_rng(seed).normal(size=sum(SIZES))
    assert found.contributions(dx).sum() == pytest.approx(dx @ found.beta)
    # The dual: kernel ridge over arms, whose y and features are centred the same way.
    prior = np.repeat(KNOWN.theta, SIZES)
    kernel = (found.x * prior) @ found.x.T + np.diag(1 / found.weight)
    dual = np.linalg.solve(kernel, found.y)
    assert (dx * prior) @ found.x.T @ dual == pytest.approx(dx @ found.beta)


def test_more_columns_than_arms_have_the_likelihood_that_dense_matrices_give() -> None:
    blocks, outcomes = small(5)
    wide = [np.random.default_rng(5).normal(size=(14, 40)), blocks[1]]
    best, reached = restricted_likelihood(wide, outcomes, (0.04,))
    off = (np.log(best.theta) - np.log(PRIOR_MEDIAN)) / PRIOR_SD
    exact = dense(wide, outcomes, best)[2] + float(off @ off)
    assert reached == pytest.approx(exact, abs=1e-6)


def test_an_arm_without_a_rival_changes_nothing() -> None:
    blocks, outcomes = small(3)
    alone = Outcomes(
        np.append(outcomes.group, 5),
        np.append(outcomes.y, 9.0),
        np.append(outcomes.variance, 0.02),
    )
    wider = [np.vstack([b, np.full((1, b.shape[1]), 7.0)]) for b in blocks]
    with_it, without = fit(wider, alone), fit(blocks, outcomes)
    assert with_it.variances.theta == pytest.approx(without.variances.theta, rel=1e-6)
    np.testing.assert_allclose(with_it.beta, without.beta, atol=1e-9)


def test_a_whole_groups_level_changes_nothing() -> None:
    blocks, outcomes = small(4)
    season = np.array([0.0, 3.0, -1.0, 0.5, 8.0])[outcomes.group]
    moved = Outcomes(outcomes.group, outcomes.y + season, outcomes.variance)
    a, b = fit(blocks, outcomes, KNOWN), fit(blocks, moved, KNOWN)
    np.testing.assert_allclose(a.beta, b.beta, atol=1e-9)


def test_more_traffic_gives_an_arm_more_weight() -> None:
    few = outcomes_of([0, 0], [10, 20], [1000, 1000])
    many = outcomes_of([0, 0], [100, 200], [10_000, 10_000])
    column = [np.array([[0.5], [-0.5]])]
    thin, firm = (fit(column, o, Variances((0.5,), 0.01)).beta[0] for o in (few, many))
    assert firm < thin < 0.0


@pytest.mark.parametrize(
    ("events", "trials"), [(-1, 10), (1, 0), (float("nan"), 10), (1, float("inf"))]
)
def test_counts_that_are_no_counts_are_refused(events: float, trials: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        outcomes_of([0, 0], [events, 1], [trials, 10])


def test_no_arm_at_all_is_refused() -> None:
    nothing = outcomes_of([], [], [])
    with pytest.raises(ValueError, match="0 rows"):
        fit([np.empty((0, 2))], nothing)


def test_centring_takes_the_weighted_mean_of_each_group() -> None:
    group = np.array([2, 0, 2, 0])
    values = np.array([1.0, 5.0, 4.0, 7.0])
    found = centred(values, group, np.array([2.0, 1.0, 1.0, 1.0]))
    np.testing.assert_allclose(found, [-1.0, -1.0, 2.0, 1.0])


@pytest.mark.parametrize("sd", [0.2, 0.6, 1.2])
def test_what_words_do_not_explain_is_found_beyond_the_grid_too(sd: float) -> None:
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(150), 2)
    x = rng.normal(size=(300, 6))
    y = x @ rng.normal(size=6) * 0.1 + rng.normal(size=300) * sd
    fitted = fit([x], Outcomes(group, y, np.full(300, 0.005)))
    assert fitted.variances.s2**0.5 == pytest.approx(sd, rel=0.2)


def test_matrices_are_worked_on_by_one_thread_unless_a_person_says_otherwise() -> None:
    show = "import ig_assets, os; print(os.environ['OPENBLAS_NUM_THREADS'])"
    env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    for asked, seen in (({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")):
        said = subprocess.check_output([sys.executable, "-c", show], env=env | asked)
        assert said.decode().strip() == seen
