"""Simulated experiments: cumulative counts by day, and which arm is truly best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DAYS = 30
RATE = 0.05
REACH = (2_000, 10_000)
EFFECT_SD = 0.27


@dataclass(frozen=True)
class Scenario:
    """`effects` are the arms' true log rates over the base, None for drawn (sd 0.27).

    With `sigma` each arm is one organic post with its own luck and reach; without it
    one audience is split at random. Views come evenly, or with a half-life in days.
    """

    name: str
    arms: int
    effects: tuple[float, ...] | None
    sigma: float = 0.0
    half_life: float | None = None

    @property
    def told(self) -> str:
        """How the views come, in words."""
        return "even" if self.half_life is None else f"half-life {self.half_life:.0f} d"


@dataclass(frozen=True)
class Draw:
    """Counts of shape (experiments, arms, days), and each arm's true effect."""

    events: np.ndarray
    trials: np.ndarray
    sigma: np.ndarray
    effects: np.ndarray

    def best(self) -> np.ndarray:
        """The arm that is truly better than all others, -1 where none is."""
        ranked = np.sort(self.effects, axis=1)
        tied = ranked[:, -1] - ranked[:, -2] < 1e-12
        return np.where(tied, -1, self.effects.argmax(axis=1))


def draw(scenario: Scenario, experiments: int, seed: int, days: int = DAYS) -> Draw:
    """Draw experiments; the same seed gives the same counts."""
    rng = np.random.default_rng(seed)
    shape = (experiments, scenario.arms)
    if scenario.effects is None:
        effects = rng.normal(0, EFFECT_SD, shape)
    else:
        effects = np.tile(np.array(scenario.effects), (experiments, 1))
    posts = shape if scenario.sigma else (experiments, 1)
    reach = np.broadcast_to(rng.uniform(*REACH, posts), shape)
    luck = rng.normal(0, scenario.sigma, shape) if scenario.sigma else 0.0
    rate = np.clip(RATE * np.exp(effects + luck), 0, 0.9)
    views = rng.poisson(reach[:, :, None] * _arrivals(scenario.half_life, days))
    likes = rng.binomial(views, rate[:, :, None])
    return Draw(
        events=likes.cumsum(axis=2).astype(np.float64),
        trials=views.cumsum(axis=2).astype(np.float64),
        sigma=np.full(experiments, scenario.sigma),
        effects=effects,
    )


def _arrivals(half_life: float | None, days: int) -> np.ndarray:
    if half_life is None:
        return np.full(days, 1 / days)
    left = 0.5 ** (np.arange(days + 1) / half_life)
    return (left[:-1] - left[1:]) / (1 - left[-1])
