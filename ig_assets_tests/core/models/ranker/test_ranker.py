"""Lifts, their intervals and what speaks for them."""

from __future__ import annotations

import numpy as np
import pytest

from ig_assets.core.models.ranker.blocks import HAND, scales
from ig_assets.core.models.ranker.hand_features import NAMES, hand_features
from ig_assets.core.models.ranker.outcomes import Floats, Outcomes, centred
from ig_assets.core.models.ranker.ranker import Z_90, train
from ig_assets.core.models.ranker.ridge import Variances

GROUPS, ARMS = 300, 3


def world(seed: int, effect: float = 0.3) -> tuple[dict[str, Floats], Outcomes, Floats]:
    """Experiments in which the first column of `enc` matters; and the true rates."""
    rng = np.random.default_rng(seed)
    n = GROUPS * ARMS
    enc: Floats = rng.normal(size=(n, 6))
    hand: Floats = rng.poisson(2.0, (n, 3)).astype(np.float64)
    features = {"enc": enc, HAND: hand}
    group = np.repeat(np.arange(GROUPS), ARMS)
    truth = effect * enc[:, 0] + rng.normal(size=n) * 0.2
    y = rng.normal(size=GROUPS)[group] + truth + rng.normal(size=n) * 0.3
    return features, Outcomes(group, y, np.full(n, 0.09)), truth


def test_ninety_of_a_hundred_true_differences_lie_in_the_interval() -> None:
    features, outcomes, _ = world(1)
    ranker = train(features, outcomes)
    new, _, truth = world(2)
    first, second = np.arange(0, 900, 2), np.arange(1, 900, 2)
    lifts = ranker.between(new, first, second)
    inside = np.abs(truth[first] - truth[second] - lifts.mean) <= Z_90 * lifts.sd
    assert 0.86 < inside.mean() < 0.94


def test_a_probability_of_being_better_is_right_as_often_as_it_says() -> None:
    features, outcomes, _ = world(3)
    ranker = train(features, outcomes)
    new, _, truth = world(4)
    first, second = np.arange(0, 900, 2), np.arange(1, 900, 2)
    p = ranker.between(new, first, second).p_better
    better = truth[first] > truth[second]
    sure = (p > 0.8) | (p < 0.2)
    assert sure.sum() > 100
    right = np.where(p > 0.5, better, ~better)[sure].mean()
    assert right == pytest.approx(np.maximum(p, 1 - p)[sure].mean(), abs=0.06)


def test_texts_among_themselves_have_lifts_that_sum_to_zero() -> None:
    features, outcomes, _ = world(5)
    ranker = train(features, outcomes)
    new = {name: block[:4] for name, block in world(6)[0].items()}
    among, alone = ranker.among(new), ranker.against_average(new)
    assert among.mean.sum() == pytest.approx(0.0)
    np.testing.assert_allclose(np.diff(among.mean), np.diff(alone.mean), atol=1e-12)


def test_equal_texts_are_neither_better_nor_worse() -> None:
    features, outcomes, _ = world(7)
    ranker = train(features, outcomes)
    same = {name: np.repeat(block[:1], 3, axis=0) for name, block in features.items()}
    np.testing.assert_allclose(ranker.among(same).p_better, 0.5)
    np.testing.assert_allclose(ranker.among(same).lift, 0.0, atol=1e-12)


def test_past_arms_account_for_the_whole_score() -> None:
    features, outcomes, _ = world(8)
    ranker = train(features, outcomes)
    new = {name: block[:5] for name, block in world(9)[0].items()}
    shares = ranker.contributions(new)
    assert shares.shape == (5, GROUPS * ARMS)
    np.testing.assert_allclose(
        shares.sum(axis=1), ranker.against_average(new).mean, atol=1e-9
    )


def test_units_of_a_block_do_not_matter() -> None:
    features, outcomes, _ = world(10)
    other = {"enc": features["enc"] * 50.0 + 3.0, HAND: features[HAND] * [1, 9, 100.0]}
    known = Variances((0.1, 0.01), 0.05)
    a, b = train(features, outcomes, known), train(other, outcomes, known)
    np.testing.assert_allclose(a.fit.beta, b.fit.beta, atol=1e-9)


def test_a_block_is_scaled_to_a_mean_squared_distance_of_one() -> None:
    features, outcomes, _ = world(11)
    found = scales(features, outcomes.group)
    assert set(found) == {"enc", HAND}
    for name, scale in found.items():
        within = centred(scale.apply(features[name]), outcomes.group)
        assert (within**2).sum(axis=1).mean() == pytest.approx(1.0)


def test_a_column_that_never_varies_in_a_group_counts_for_nothing() -> None:
    features, outcomes, _ = world(12)
    features[HAND][:, 1] = outcomes.group * 0.1
    scaled = scales(features, outcomes.group)[HAND].apply(features[HAND])
    assert np.isfinite(scaled).all() and not scaled[:, 1].any()


def test_another_width_is_refused() -> None:
    features, outcomes, _ = world(13)
    ranker = train(features, outcomes)
    narrow = {name: block[:, :2] for name, block in features.items()}
    with pytest.raises(ValueError, match="2 columns instead of 6"):
        ranker.against_average(narrow)


HOOK = "3 things you NEVER knew about salt... and why it matters (really)!"


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("opens_with_number", 1),
        ("numbers", 1),
        ("words_you", 1),
        ("words_negation", 1),
        ("capital_words", 1),
        ("ellipses", 1),
        ("brackets", 1),
        ("exclamations", 1),
        ("questions", 0),
        ("words_why", 1),
        ("words_surprise", 1),
        ("words_small_talk", 1),
    ],
)
def test_a_hooks_counts_are_what_a_person_counts(name: str, count: int) -> None:
    assert hand_features([HOOK])[0, NAMES.index(name)] == count


@pytest.mark.parametrize(
    "hook", ["", "…", "🔥🔥", "123", "Übermäßig süß — oder?", "日本"]
)
def test_any_text_has_all_counts_and_no_other(hook: str) -> None:
    found = hand_features([hook])
    assert found.shape == (1, len(NAMES)) and np.isfinite(found).all()
    assert 45 <= len(NAMES) <= 70


def test_no_hook_gives_no_row() -> None:
    assert hand_features([]).shape == (0, len(NAMES))
