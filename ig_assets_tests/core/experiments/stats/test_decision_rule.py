from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ig_assets.core.experiments.stats.decision_rule import (
    CELLS,
    INCONCLUSIVE,
    PROVISIONAL,
    RUNNING,
    WINNER,
    PreviousState,
    SequentialResult,
    decide_sequentially,
)
from ig_assets.core.experiments.stats.e_values import (
    LOG_E_WINNER,
    Floats,
    pair_evidence,
)

DAYS = 14


def flat(rates: list[float], reach: float = 4000.0, days: int = DAYS) -> Floats:
    """Events (1, A, days) of posts that reach everybody on the first day."""
    return np.repeat(np.array(rates)[None, :, None] * reach, days, axis=2)


def apply_rule(
    events: Floats, trials: Floats, sigma: Floats, **options: Any
) -> SequentialResult:
    """The rule on counts (E, A, D) of experiments that have equally many arms."""
    n, arms, days = events.shape
    starts = np.arange(n + 1) * arms
    flat = (counts.reshape(-1, days) for counts in (events, trials))
    return decide_sequentially(starts, *flat, sigma, **options)


def decide(
    events: Floats, sigma: float = 0.0, reach: float = 4000.0
) -> SequentialResult:
    trials = np.where(np.isnan(events), np.nan, reach)
    return apply_rule(events, trials, np.full(len(events), sigma))


def cumulative(seed: int, n: int, arms: int, days: int = 30) -> tuple[Floats, Floats]:
    draw = np.random.RandomState(seed)
    views = draw.poisson(200, (n, arms, days))
    likes = draw.binomial(views, 0.05)
    return (
        likes.cumsum(axis=2).astype(np.float64),
        views.cumsum(axis=2).astype(np.float64),
    )


def test_an_experiment_ends_at_its_first_win() -> None:
    events = flat([0.05, 0.05])
    events[0, 1, 4:] = 400.0
    found = decide(events)
    assert (found.decision[0], found.decided_on[0]) == (WINNER, 5)
    assert found.leader[0] == 1 and found.by_e[0]
    assert found.evaluated[0].tolist() == [True] * 5 + [False] * 9


def test_an_experiment_is_decided_the_same_alone_and_among_many() -> None:
    n = CELLS // (3 * 30) + 7  # more than one chunk
    events, trials = cumulative(3, n, 3)
    together = apply_rule(events, trials, np.zeros(n))
    for i in (0, n // 2, n - 1):
        alone = apply_rule(events[[i]], trials[[i]], np.zeros(1))
        assert alone.decision[0] == together.decision[i]
        assert np.array_equal(alone.max_log_e, together.max_log_e[3 * i : 3 * i + 3])
        assert np.array_equal(alone.evaluated[0], together.evaluated[i])


def test_looking_every_day_or_at_once_decides_the_same() -> None:
    events, trials = cumulative(5, 300, 3, DAYS)
    sigma = np.zeros(300)
    at_once = apply_rule(events, trials, sigma)
    decided = np.zeros(300, dtype=np.int64)
    before = None
    for day in range(1, DAYS + 1):
        seen_events, seen_trials = events.copy(), trials.copy()
        seen_events[:, :, day:] = np.nan
        found = apply_rule(seen_events, seen_trials, sigma, before=before)
        decided = np.where(decided == RUNNING, found.decision, decided)
        d = found.log_rate_ratio
        past = before or PreviousState.none(300, 900)
        before = PreviousState(
            until=np.full(300, float(day)),
            z_taken=np.zeros(300, dtype=np.bool_),
            ahead_a=_maximum(past.ahead_a, found.log_e, d > 0),
            ahead_b=_maximum(past.ahead_b, found.log_e, d < 0),
            z=np.zeros(900),
        )
    assert np.array_equal(decided, at_once.decision)


def _maximum(before: Floats, log_e: Floats, ahead: np.ndarray) -> Floats:
    return np.maximum(before, np.where(ahead, log_e, 0.0).max(axis=1))


def test_evidence_of_a_day_when_the_other_arm_led_makes_no_winner() -> None:
    events = flat([0.05, 0.10], days=DAYS)
    events[0, 0, 1:] = 401.0
    found = apply_rule(
        events[:, :, 1:],
        np.full((1, 2, DAYS - 1), 4000.0),
        np.zeros(1),
        before=PreviousState(
            until=np.zeros(1),
            z_taken=np.zeros(1, dtype=np.bool_),
            ahead_a=np.zeros(1),
            ahead_b=np.full(1, 9.0),
            z=np.zeros(1),
        ),
    )
    assert found.leader[0] == 0
    assert found.max_log_e[0, -1] >= LOG_E_WINNER
    assert found.decision[0] == INCONCLUSIVE


def test_the_single_look_counts_on_its_day_alone() -> None:
    events = flat([0.05, 0.0625])  # z = 2.4, ln e < ln 40
    trials = np.full_like(events, 4000.0)
    assert 2.24 < -pair_evidence(200, 4000, 250, 4000, 0).z < 2.5
    assert apply_rule(events, trials, np.zeros(1)).decided_on[0] == 14
    early = apply_rule(events, trials, np.zeros(1), final_day=3)
    assert (early.decision[0], early.decided_on[0]) == (WINNER, 3)
    never = apply_rule(events, trials, np.zeros(1), final_day=99)
    assert never.decision[0] == INCONCLUSIVE


def test_provisional_needs_a_lead_over_every_arm_and_a_post_to_post_part() -> None:
    assert decide(flat([0.05, 0.06, 0.05]), sigma=0.2).decision[0] == PROVISIONAL
    assert decide(flat([0.05, 0.06, 0.0595]), sigma=0.2).decision[0] == INCONCLUSIVE
    assert decide(flat([0.050, 0.053]), sigma=0.0).decision[0] == INCONCLUSIVE
    few = flat([0.05, 0.08]) / 20
    assert decide(few, sigma=0.2, reach=200.0).decision[0] == INCONCLUSIVE
    assert not decide(few, sigma=0.2, reach=200.0).decidable[0]


def test_an_experiment_without_its_last_day_keeps_running() -> None:
    events = flat([0.05, 0.05])
    events[0, 1, -1] = np.nan
    found = decide(events)
    assert (found.decision[0], found.decided_on[0]) == (RUNNING, 0)
    assert found.evaluated[0].sum() == DAYS - 1


@pytest.mark.parametrize("arms", [2, 3])
def test_false_winners_under_30_daily_looks_stay_under_five_percent(arms: int) -> None:
    n = 3000
    draw = np.random.RandomState(8)
    effects = np.array([1.0, 1.0, 0.6])[:arms]  # the top two are tied
    views = draw.poisson(200, (n, arms, 30))
    likes = draw.binomial(views, 0.05 * effects[:, None]).cumsum(axis=2)
    found = apply_rule(
        likes.astype(np.float64),
        views.cumsum(axis=2).astype(np.float64),
        np.zeros(n),
    )
    assert (found.decision == WINNER).mean() < 0.05
    peeked = (np.abs(found.z[:: arms * (arms - 1) // 2]) > 1.96).any(axis=1)
    assert peeked.mean() > 0.2  # the simulation can raise false alarms


def test_no_experiment_is_no_error() -> None:
    found = apply_rule(np.zeros((0, 2, 14)), np.zeros((0, 2, 14)), np.zeros(0))
    assert found.decision.shape == (0,)


def test_experiments_of_unequal_size_are_decided_as_they_are_alone() -> None:
    sizes = [3, 0, 2, 1, 5, 2]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    draw = np.random.RandomState(9)
    trials = draw.poisson(900, (starts[-1], DAYS)).cumsum(axis=1).astype(np.float64)
    rates = draw.uniform(0.03, 0.09, (starts[-1], 1))
    events = (trials * rates).round()
    together = decide_sequentially(starts, events, trials, np.zeros(6))
    assert {WINNER, RUNNING} <= set(together.decision.tolist())
    for i, size in enumerate(sizes):
        arms = slice(starts[i], starts[i + 1])
        alone = decide_sequentially(
            np.array([0, size]), events[arms], trials[arms], np.zeros(1)
        )
        assert alone.decision[0] == together.decision[i]
        assert alone.decided_on[0] == together.decided_on[i]
        assert np.array_equal(alone.evaluated[0], together.evaluated[i])
        of = together.pair_experiment == i
        assert np.allclose(alone.max_log_e, together.max_log_e[of])
        if alone.decided_on[0]:
            assert alone.leader[0] + starts[i] == together.leader[i]
            assert np.allclose(alone.leads(0), together.leads(i))
