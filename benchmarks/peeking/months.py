"""Claims across topics where the pairs of a month move together.

A pair's difference is the lift, plus what its month does to that model or style (of
which a share carries over into the next month), plus its own luck of sd 0.48: two posts
(0.2 each), two texts (0.27 each) and sampling. The first month of a trial is left out,
as the product leaves out a model's first 28 days. Looks come after each month; `before`
takes every pair for an observation, and looks after each pair.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ig_assets.core.experiments.stats.anytime_t_test import t_log_e
from ig_assets.core.experiments.stats.month_means import (
    CARRY_OVER,
    MONTH_EFFECT_SD,
    PairDifference,
    mean_over_months,
    month_means,
)
from ig_assets.core.fine_tuning.evaluation.canary import E_PROMOTE, NOVELTY
from peeking.other_build import exact
from peeking.tables import percent, table

LOG_E = math.log(E_PROMOTE)
PAIR_SD = 0.48
MONTH_DAYS = 30.0
AUDIENCES = 3


@dataclass(frozen=True)
class Months:
    """What is simulated; `novelty` is (size, half-life in days) of a new model."""

    months: int = 12
    pairs: int = 12
    sd: float = 0.0
    carry_over: float = 0.0
    lift: float = 0.0
    uneven: bool = False
    novelty: tuple[float, float] | None = None


@dataclass(frozen=True)
class Drawn:
    """Differences (simulations, months, pairs) and which of them exist."""

    d: np.ndarray
    there: np.ndarray

    def means(self) -> np.ndarray:
        """The month means (simulations, months), as `month_means` has them."""
        return (self.d * self.there).sum(axis=2) / self.there.sum(axis=2)


def draw(case: Months, n: int, rng: np.random.Generator) -> Drawn:
    """Draw trials; the novelty of the first 28 days is gone with its month."""
    effects = np.empty((n, case.months + 1))
    effects[:, 0] = rng.normal(0, case.sd, n)
    fresh = case.sd * math.sqrt(1 - case.carry_over**2)
    for month in range(1, case.months + 1):
        effects[:, month] = case.carry_over * effects[:, month - 1]
        effects[:, month] += rng.normal(0, fresh, n)
    shape = (n, case.months + 1, case.pairs)
    d = case.lift + effects[:, :, None] + rng.normal(0, PAIR_SD, shape)
    days = (np.arange(case.pairs) + 0.5) * MONTH_DAYS / case.pairs
    age = days + MONTH_DAYS * np.arange(case.months + 1)[:, None]
    if case.novelty is not None:
        size, half_life = case.novelty
        d += size * 0.5 ** (age / half_life)
    there = np.ones(shape, dtype=bool)
    if case.uneven:
        there = rng.random(shape) < rng.uniform(0.05, 1, (n, case.months + 1, 1))
        there[:, :, -1] = True
    return Drawn(d, there)


def promoted(log_e: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Whether e reached the limit while the mean was above zero: (simulations)."""
    return ((log_e >= LOG_E) & (x.cumsum(axis=1) > 0)).any(axis=1)


def judged(drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """Promotions, and claims of either side, by the product's months."""
    kept = Drawn(drawn.d[:, 1:], drawn.there[:, 1:])  # the first 28 days are left out
    assert NOVELTY.days <= MONTH_DAYS
    means = kept.means()
    one = [
        PairDifference(float(d), f"{month:02}")
        for month in range(means.shape[1])
        for d in kept.d[0, month][kept.there[0, month]]
    ]
    assert np.allclose(month_means(one), means[0])
    log_e = t_log_e(means, MONTH_EFFECT_SD, CARRY_OVER)
    return promoted(log_e, means), (log_e >= LOG_E).any(axis=1)


def report(experiments: int, seed: int) -> None:
    """Print false claims, and how often a true lift is found."""
    rng = np.random.default_rng(seed)
    n = experiments
    cases = [
        Months(sd=0.0),
        Months(sd=0.1),
        Months(sd=0.2),
        Months(sd=0.2, carry_over=0.3),
        Months(sd=0.2, carry_over=0.3, pairs=4),
        Months(sd=0.2, carry_over=0.3, uneven=True),
        Months(sd=0.2, carry_over=0.3, months=36),
        Months(sd=0.4, carry_over=0.3, months=36),
        Months(sd=0.2, carry_over=0.5, months=36),
        Months(sd=0.1, novelty=(0.3, 14.0)),
        Months(sd=0.1, novelty=(0.4, 28.0)),
        Months(sd=0.0, novelty=(0.4, 60.0)),
        Months(sd=0.0, novelty=(0.4, 90.0)),
    ]
    rows = []
    for case in cases:
        drawn = draw(case, n, rng)
        ours, both = judged(drawn)
        flat = drawn.d.reshape(n, -1)
        rows.append(
            [
                _told(case),
                exact(ours.sum(), n),
                exact(both.sum(), n),
                percent(promoted(t_log_e(flat), flat).sum(), n),
            ]
        )
    columns = ["no lift", "promoted (false)", "either side claimed", "before"]
    table(f"False claims, {n:,} trials a row, 12 pairs a month", columns, rows)
    _audiences(max(50, n // 10), rng)
    rows = []
    for lift in (0.2, 0.3, 0.5):
        for sd, carry in ((0.0, 0.0), (0.1, 0.3), (0.2, 0.3)):
            case = Months(lift=math.log1p(lift), sd=sd, carry_over=carry)
            drawn = draw(case, n, rng)
            found = []
            for months in (5, 8, 11):
                part = Drawn(drawn.d[:, : months + 1], drawn.there[:, : months + 1])
                found.append(percent(judged(part)[0].sum(), n))
            rows.append([f"{100 * lift:.0f} %, month sd {sd}, AR {carry}", *found])
    columns = ["true lift", "within 6 months", "within 9", "within 12"]
    table("Promotions, the left-out first month included, 12 pairs", columns, rows)


def _told(case: Months) -> str:
    told = f"month sd {case.sd}, AR {case.carry_over}, {case.months} months"
    if case.pairs != 12:
        told += f", {case.pairs} pairs"
    if case.uneven:
        told += ", 1 to 12 pairs"
    if case.novelty is not None:
        told += f", novelty {case.novelty[0]}, half-life {case.novelty[1]:.0f} d"
    return told


def _audiences(n: int, rng: np.random.Generator) -> None:
    """Audiences of sd 0.2 in a mix that changes by month, looked at every month."""
    rows = []
    for removed in (True, False):
        for lift in (0.0, math.log(1.5)):
            hits = 0
            for _ in range(n):
                hits += _audience_trial(rng, lift, removed)
            told = "removed" if removed else "left in"
            name = "no lift" if not lift else "lift 50 %"
            rows.append([f"audience effect {told}, {name}", exact(hits, n)])
    title = "Audiences differ by sd 0.2, in a mix that changes; month sd 0.1, AR 0.3"
    table(title, ["trials of 11 months", "promoted"], rows)


def _audience_trial(rng: np.random.Generator, lift: float, removed: bool) -> bool:
    drawn = draw(Months(sd=0.1, carry_over=0.3, lift=lift, months=10), 1, rng)
    effects = rng.normal(0, 0.2, AUDIENCES)
    effects -= effects.mean()
    pairs: list[PairDifference] = []
    for month, differences in enumerate(drawn.d[0]):
        mix = rng.dirichlet(np.full(AUDIENCES, 0.5))
        for d in differences:
            kind = int(rng.choice(AUDIENCES, p=mix))
            audience = str(kind) if removed else None
            pairs.append(PairDifference(d + effects[kind], f"{month:02}", audience))
        if mean_over_months(pairs).decides(E_PROMOTE) == 1:
            return True
    return False
