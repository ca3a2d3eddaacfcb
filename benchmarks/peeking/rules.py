"""Three ways to call a winner from daily looks: ours, naive z, chance to win.

All see the same counts on the same days and judge a day only when every arm has 25
events. A winner is called on the first day on which the leader beats every other arm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from peeking.audience import Draw
from scipy.special import ndtr

from ig_assets.core.experiments.stats.decision_rule import (
    FINAL_DAY,
    PROVISIONAL,
    WINNER,
    SequentialResult,
    decide_sequentially,
)
from ig_assets.core.experiments.stats.e_values import LOG_E_WINNER, MIN_EVENTS, Z_FINAL

Z_NAIVE = 1.959963984540054
CHANCE = 0.95
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)


@dataclass(frozen=True)
class Calls:
    """`winner` is an arm or -1, `any_pair` whether any two arms were called different
    on any day, `on` the day of the call (0: none)."""

    winner: np.ndarray
    any_pair: np.ndarray
    on: np.ndarray
    provisional: np.ndarray


def applied_rule(drawn: Draw, final_day: int = FINAL_DAY) -> SequentialResult:
    """The product's decision rule on a draw, whose experiments have equal arms."""
    n, arms, days = drawn.events.shape
    return decide_sequentially(
        np.arange(n + 1) * arms,
        drawn.events.reshape(-1, days),
        drawn.trials.reshape(-1, days),
        drawn.sigma,
        final_day=final_day,
    )


def ours(drawn: Draw, final_day: int = FINAL_DAY) -> Calls:
    """The rule of `core/experiments`, by the function the results stage calls."""
    found = applied_rule(drawn, final_day)
    n, arms, _ = drawn.events.shape
    leader = found.leader - np.arange(n) * arms
    last = np.abs(found.z[:, final_day - 1]) > Z_FINAL
    different = ((found.max_log_e[:, -1] >= LOG_E_WINNER) | last).reshape(n, -1)
    return Calls(
        winner=np.where(found.decision == WINNER, leader, -1),
        any_pair=different.any(axis=1),
        on=np.where(found.decision == WINNER, found.decided_on, 0),
        provisional=np.where(found.decision == PROVISIONAL, leader, -1),
    )


def naive_z(drawn: Draw) -> Calls:
    """The pooled two-proportion z-test at 5 %, looked at every day."""
    e, n = drawn.events, drawn.trials
    arms = e.shape[1]
    leader = (e / n).argmax(axis=1)
    beaten = np.zeros(leader.shape, dtype=np.int64)
    any_pair = np.zeros(len(e), dtype=bool)
    enough = (e >= MIN_EVENTS).all(axis=1)
    for a, b in zip(*np.triu_indices(arms, k=1), strict=True):
        pooled = (e[:, a] + e[:, b]) / (n[:, a] + n[:, b])
        spread = np.sqrt(pooled * (1 - pooled) * (1 / n[:, a] + 1 / n[:, b]))
        with np.errstate(all="ignore"):
            z = (e[:, a] / n[:, a] - e[:, b] / n[:, b]) / spread
        different = enough & (np.abs(z) > Z_NAIVE)
        any_pair |= different.any(axis=1)
        beaten += different & ((leader == a) | (leader == b))
    return _first(beaten == arms - 1, leader, any_pair)


def chance_to_win(drawn: Draw) -> Calls:
    """The chance to be best (flat prior, normal posterior) above 95 % on any day."""
    e, n = drawn.events + 1, drawn.trials + 2
    mean = e / n
    sd = np.sqrt(mean * (1 - mean) / (n + 1))
    leader = mean.argmax(axis=1)
    enough = (drawn.events >= MIN_EVENTS).all(axis=1)
    best = np.zeros(leader.shape)
    for a in range(e.shape[1]):
        chance = np.zeros(leader.shape)
        for node, weight in zip(NODES, WEIGHTS, strict=True):
            at = mean[:, a] + sd[:, a] * node
            others = [b for b in range(e.shape[1]) if b != a]
            chance += weight * np.prod(
                [ndtr((at - mean[:, b]) / sd[:, b]) for b in others], axis=0
            )
        best = np.where(leader == a, chance / WEIGHTS.sum(), best)
    won = enough & (best > CHANCE)
    return _first(won, leader, won.any(axis=1))


def _first(won: np.ndarray, leader: np.ndarray, any_pair: np.ndarray) -> Calls:
    on = np.where(won.any(axis=1), won.argmax(axis=1) + 1, 0)
    winner = leader[np.arange(len(on)), np.maximum(on, 1) - 1]
    none = np.full(len(on), -1)
    return Calls(np.where(on > 0, winner, -1), any_pair, on, none)
