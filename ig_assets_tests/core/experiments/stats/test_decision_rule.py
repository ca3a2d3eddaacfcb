from __future__ import annotations

import numpy as np
import pytest

from ig_assets.core.experiments.stats.decision_rule import (
    CELLS,
    INCONCLUSIVE,
    PROVISIONAL,
    RUNNING,
    WINNER,
    Histories,
    PreviousState,
    decide_histories,
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


def decide(events: Floats, sigma: float = 0.0, reach: float = 4000.0) -> Histories:
    trials = np.where(np.isnan(events), np.nan, reach)
    return decide_histories(events, trials, np.full(len(events), sigma))


def grown(seed: int, n: int, arms: int, days: int = 30) -> tuple[Floats, Floats]:
    draw = np.random.RandomState(seed)
    views = draw.poisson(200, (n, arms, days))
    likes = draw.binomial(views, 0.05)
    return (
        likes.cumsum(axis=2).astype(np.float64),
        views.cumsum(axis=2).astype(np.float64),
    )


def test_a_whole_history_ends_at_its_first_win() -> None:
    events = flat([0.05, 0.05])
    events[0, 1, 4:] = 400.0
    found = decide(events)
    assert (found.decision[0], found.decided_on[0]) == (WINNER, 5)
    assert found.leader[0, 4] == 1 and found.by_e[0, 4]
    assert found.looked[0].tolist() == [True] * 5 + [False] * 9


def test_what_is_lost_in_a_crowd_of_experiments_is_found_alone() -> None:
    n = CELLS // (3 * 30) + 7  # more than one chunk
    events, trials = grown(3, n, 3)
    together = decide_histories(events, trials, np.zeros(n))
    for i in (0, n // 2, n - 1):
        alone = decide_histories(events[[i]], trials[[i]], np.zeros(1))
        assert alone.decision[0] == together.decision[i]
        assert np.array_equal(alone.max_log_e[0], together.max_log_e[i])
        assert np.array_equal(alone.looked[0], together.looked[i])


def test_looking_every_day_or_at_once_decides_the_same() -> None:
    events, trials = grown(5, 300, 3, DAYS)
    sigma = np.zeros(300)
    at_once = decide_histories(events, trials, sigma)
    decided = np.zeros(300, dtype=np.int64)
    before = None
    for day in range(1, DAYS + 1):
        seen_events, seen_trials = events.copy(), trials.copy()
        seen_events[:, :, day:] = np.nan
        found = decide_histories(seen_events, seen_trials, sigma, before=before)
        decided = np.where(decided == RUNNING, found.decision, decided)
        d = found.log_rate_ratio
        past = before or PreviousState(*(np.zeros((300, 3)) for _ in range(5)))
        before = PreviousState(
            until=np.full(300, float(day)),
            max_log_e=found.max_log_e[:, :, -1],
            ahead_a=_maximum(past.ahead_a, found.log_e, d > 0),
            ahead_b=_maximum(past.ahead_b, found.log_e, d < 0),
            z=np.full((300, 3), np.nan),
        )
    assert np.array_equal(decided, at_once.decision)


def _maximum(before: Floats, log_e: Floats, ahead: np.ndarray) -> Floats:
    return np.maximum(before, np.where(ahead, log_e, 0.0).max(axis=2))


def test_evidence_of_a_day_when_the_other_arm_led_crowns_nobody() -> None:
    events = flat([0.05, 0.10], days=DAYS)
    events[0, 0, 1:] = 401.0
    found = decide_histories(
        events[:, :, 1:],
        np.full((1, 2, DAYS - 1), 4000.0),
        np.zeros(1),
        before=PreviousState(
            until=np.zeros(1),
            max_log_e=np.full((1, 1), 9.0),
            ahead_a=np.zeros((1, 1)),
            ahead_b=np.full((1, 1), 9.0),
            z=np.full((1, 1), np.nan),
        ),
    )
    assert found.leader[0, -1] == 0
    assert found.max_log_e[0, 0, -1] >= LOG_E_WINNER
    assert found.decision[0] == INCONCLUSIVE


def test_the_single_look_counts_on_its_day_alone() -> None:
    events = flat([0.05, 0.0625])  # z = 2.4, ln e < ln 40
    trials = np.full_like(events, 4000.0)
    assert 2.24 < -pair_evidence(200, 4000, 250, 4000, 0).z < 2.5
    assert decide_histories(events, trials, np.zeros(1)).decided_on[0] == 14
    early = decide_histories(events, trials, np.zeros(1), final_day=3)
    assert (early.decision[0], early.decided_on[0]) == (WINNER, 3)
    never = decide_histories(events, trials, np.zeros(1), final_day=99)
    assert never.decision[0] == INCONCLUSIVE


def test_provisional_needs_a_lead_over_every_arm_and_a_post_to_post_part() -> None:
    assert decide(flat([0.05, 0.06, 0.05]), sigma=0.2).decision[0] == PROVISIONAL
    assert decide(flat([0.05, 0.06, 0.0595]), sigma=0.2).decision[0] == INCONCLUSIVE
    assert decide(flat([0.050, 0.053]), sigma=0.0).decision[0] == INCONCLUSIVE
    few = flat([0.05, 0.08]) / 20
    assert decide(few, sigma=0.2, reach=200.0).decision[0] == INCONCLUSIVE
    assert not decide(few, sigma=0.2, reach=200.0).decidable[0]


def test_a_history_without_its_last_day_runs_on() -> None:
    events = flat([0.05, 0.05])
    events[0, 1, -1] = np.nan
    found = decide(events)
    assert (found.decision[0], found.decided_on[0]) == (RUNNING, 0)
    assert found.looked[0].sum() == DAYS - 1


@pytest.mark.parametrize("arms", [2, 3])
def test_false_winners_under_30_daily_looks_stay_under_five_percent(arms: int) -> None:
    n = 3000
    draw = np.random.RandomState(8)
    effects = np.array([1.0, 1.0, 0.6])[:arms]  # the top two are tied
    views = draw.poisson(200, (n, arms, 30))
    likes = draw.binomial(views, 0.05 * effects[:, None]).cumsum(axis=2)
    found = decide_histories(
        likes.astype(np.float64),
        views.cumsum(axis=2).astype(np.float64),
        np.zeros(n),
    )
    assert (found.decision == WINNER).mean() < 0.05
    peeked = (np.abs(found.z[:, 0]) > 1.96).any(axis=1)
    assert peeked.mean() > 0.2  # the simulation can raise false alarms


def test_no_experiment_is_no_error() -> None:
    found = decide_histories(np.zeros((0, 2, 14)), np.zeros((0, 2, 14)), np.zeros(0))
    assert found.decision.shape == (0,)
