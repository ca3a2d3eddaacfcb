"""The evidence that a ranker knows anything, and when there must be none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ig_assets.core.models.ranker.outcomes import Floats, Outcomes
from ig_assets.core.models.ranker.proof import (
    GroupBets,
    Proof,
    bets_on,
    prove,
    sound_bets,
)
from ig_assets.core.models.ranker.ranker import train

GROUPS, ARMS = 60, 3
ALONE = np.arange(GROUPS)


def world(
    seed: int, effect: float, groups: int = GROUPS
) -> tuple[dict[str, Floats], Outcomes]:
    rng = np.random.default_rng(seed)
    n = groups * ARMS
    enc = rng.normal(size=(n, 3))
    group = np.repeat(np.arange(groups), ARMS)
    y = rng.normal(size=groups)[group] + effect * enc[:, 0] + rng.normal(size=n) * 0.3
    return {"enc": enc}, Outcomes(group, y, np.full(n, 0.09))


def test_a_world_in_which_words_matter_is_proven() -> None:
    proof = prove(*world(1, 0.4), ALONE)
    assert proof.state == "proven"
    assert proof.proven_after is not None and 10 < proof.proven_after < 60


@pytest.mark.further
def test_words_that_say_nothing_are_proven_in_at_most_one_of_twenty_worlds() -> None:
    found = [prove(*world(seed, 0.0), ALONE).state for seed in range(40)]
    assert found.count("proven") <= 2 and found.count("unproven") >= 38


def test_a_bet_on_even_signs_gains_one_on_average() -> None:
    features, outcomes = world(2, 0.4)
    ranker = train(features, outcomes)
    arms = np.flatnonzero(outcomes.group == 7)
    flipped = Outcomes(outcomes.group, -outcomes.y, outcomes.variance)
    gains = [
        math.exp(GroupBets(7, bets_on(ranker, features, o, arms)).log_e)
        for o in (outcomes, flipped)
    ]
    assert np.mean(gains) == pytest.approx(1.0) and gains[0] != pytest.approx(1.0)


def test_what_comes_later_changes_no_earlier_evidence() -> None:
    features, outcomes = world(3, 0.4)
    whole = prove(features, outcomes, ALONE).log_e
    y = np.where(outcomes.group >= 40, -outcomes.y, outcomes.y)
    other = prove(features, Outcomes(outcomes.group, y, outcomes.variance), ALONE).log_e
    assert np.array_equal(whole[:40], other[:40])
    assert not np.allclose(whole[40:], other[40:])


def test_repeated_hooks_are_not_bet_on_twice() -> None:
    features, outcomes = world(4, 0.4)
    once = prove(features, outcomes, np.minimum(ALONE, 30)).log_e
    assert np.ptp(once[30:]) == 0.0 and np.ptp(once[:31]) > 0.0
    assert prove(features, outcomes, np.zeros(GROUPS, np.int64)).best_log_e == 0.0


@pytest.mark.parametrize("groups", [0, 1, 5, 24])
def test_under_twenty_five_groups_are_insufficient_however_they_went(
    groups: int,
) -> None:
    features, outcomes = world(5, 2.0, groups)
    assert prove(features, outcomes, np.arange(groups)).state == "insufficient"


def test_evidence_once_reached_counts_when_later_groups_take_some_back() -> None:
    assert Proof(np.r_[np.zeros(30), 3.1, 1.0]).state == "proven"
    assert Proof(np.r_[np.zeros(30), 2.9, 1.0]).state == "unproven"


def test_a_replay_that_stops_when_proven_says_the_same_of_when() -> None:
    features, outcomes = world(6, 0.4)
    short = prove(features, outcomes, ALONE, stop_when_proven=True)
    assert short.proven_after == prove(features, outcomes, ALONE).proven_after


def test_small_counts_of_unequal_traffic_are_not_bet_on() -> None:
    features, outcomes = world(1, 0.4)
    group, arms = outcomes.group, len(outcomes.group)
    trials = np.where(np.arange(arms) % ARMS == 0, 2000.0, 100.0)
    few, many = trials * 0.01, trials * 0.06
    assert not sound_bets(group, few, trials).any()
    assert sound_bets(group, many, trials).all()
    assert sound_bets(group, few, np.full(arms, 100.0)).all()
    sound = sound_bets(group, np.where(group < 30, few, many), trials)
    log_e = prove(features, outcomes, ALONE, sound=sound).log_e
    assert not log_e[:30].any() and log_e[30:].all()


def proof_of(*steps: tuple[int, float]) -> Proof:
    """So many groups of the same gain each, one after another."""
    return Proof(np.cumsum([gain for count, gain in steps for _ in range(count)]))


def test_a_proof_is_taken_back_when_as_much_speaks_against_the_forecasts() -> None:
    lasting = proof_of((20, 0.5), (13, -0.5))
    assert lasting.proven_after == 6 and lasting.state == "proven"
    lost = proof_of((20, 0.5), (14, -0.5))
    assert (lost.state, lost.proven_after, lost.lost_after) == ("unproven", None, 34)
    assert lost.best_log_e == 0.0


def test_what_was_lost_is_proven_again_by_new_evidence_alone() -> None:
    lost = ((40, 0.5), (14, -0.5))
    nearly, again = proof_of(*lost, (5, 0.5)), proof_of(*lost, (6, 0.5))
    assert nearly.log_e[-1] > 15, "the old evidence is still high"
    assert nearly.state == "unproven" and nearly.best_log_e == pytest.approx(2.5)
    assert (again.state, again.proven_after, again.lost_after) == ("proven", 60, 54)


def test_chance_before_a_proof_takes_nothing_back() -> None:
    assert proof_of((4, 0.5), (40, -0.5), (6, 0.5)).lost_after is None


def test_an_audience_that_turns_round_takes_the_proof_back_another_does_not() -> None:
    features, outcomes = world(4, 0.4, groups=2 * GROUPS)
    groups = np.arange(2 * GROUPS)
    assert prove(features, outcomes, groups).lost_after is None
    turned = outcomes.y - 0.8 * features["enc"][:, 0]
    later = outcomes.group >= GROUPS
    y = np.where(later, turned, outcomes.y)
    drifting = prove(features, Outcomes(outcomes.group, y, outcomes.variance), groups)
    assert drifting.lost_after is not None and drifting.lost_after > GROUPS
