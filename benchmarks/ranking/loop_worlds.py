"""Months of a loop whose audience reads the words: writer, audience, learner.

The writer fills templates, six hooks per topic, one of each style. The audience is
the product's simulated one (`Taste`, with the rest that no one can learn, luck and
binomial counts). The learner is the product's: outcomes, ridge, bets that are placed
once, the choice of two hooks beside one at random, and the evidence over months. It
sees the named counts of a hook alone, since an encoder would take most of the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise, product

import numpy as np

from ig_assets.adapters.simulated.audience import (
    BASE_RATES,
    POST_SD,
    REACH_RANGE,
    REST_SD,
)
from ig_assets.adapters.simulated.taste import STYLES, Taste, classified
from ig_assets.core.experiments.stats.anytime_t_test import SequentialMean
from ig_assets.core.experiments.stats.month_means import (
    PairDifference,
    mean_over_months,
)
from ig_assets.core.fine_tuning.ranker.hook_choice import BEST, RANDOM, roles_of
from ig_assets.core.models.ranker.blocks import HAND
from ig_assets.core.models.ranker.hand_features import hand_features
from ig_assets.core.models.ranker.outcomes import Floats, Ints, Outcomes, outcomes_of
from ig_assets.core.models.ranker.proof import PairBet, Proof, bets_on, sound_bets
from ig_assets.core.models.ranker.ranker import Features, Ranker, train
from ig_assets.core.models.ranker.states import E_PROVEN, MIN_GROUPS

HOOKS, POSTED = 6, 3
VARIANCES_EVERY = 6
"""Months between estimates of the variances, which take most of a fit."""
SUBJECTS = (
    "basil,bread,bikes,boots,candles,carrots,cheese,coffee,curtains,desks,eggs,ferns,"
    "garlic,glasses,gloves,herbs,jeans,knives,lamps,lemons,maps,mirrors,mugs,noodles,"
    "onions,pans,pillows,potatoes,radios,rice,roses,rugs,shelves,shoes,soup,tents,"
    "tiles,tomatoes,towels,windows"
).split(",")
TEMPLATES = {
    "question": (
        "Do your {} look tired every single week?",
        "What happens to {} after a night outside?",
        "Is there a better place for {} at home?",
    ),
    "number": (
        "3 minutes are enough to save {} for good",
        "Two spoons of salt bring your {} back",
        "Five quiet steps and {} last a whole year",
    ),
    "mistake": (
        "Never leave {} in the sun for a day",
        "The mistake that ruins {} in most kitchens",
        "Cold water is wrong for all of your {}",
    ),
    "how_to": (
        "How to keep {} fresh until the next weekend",
        "How to sort {} without a single special tool",
        "How to make your {} look new again",
    ),
    "story": (
        "My neighbour threw away {} and called me later",
        "I ignored {} until a guest began to laugh",
        "We packed {} in a hurry and learned this",
    ),
    "bold_claim": (
        "Good {} are decided long before the first use",
        "Cheap {} beat the expensive ones in every test",
        "Your {} need less care and more air",
    ),
}


@dataclass(frozen=True)
class Pool:
    """Every hook that the writer can write; all arrays have one row per hook."""

    hooks: tuple[str, ...]
    style: Ints
    template: Ints
    features: Floats
    classified_as: Ints

    @classmethod
    def written(cls) -> Pool:
        """All subjects in all templates."""
        rows = [
            (template.format(subject), STYLES.index(style), n)
            for subject, (style, templates) in product(SUBJECTS, TEMPLATES.items())
            for n, template in enumerate(templates)
        ]
        hooks = tuple(hook for hook, _, _ in rows)
        return cls(
            hooks,
            np.array([style for _, style, _ in rows]),
            np.array([n for _, _, n in rows]),
            hand_features(hooks),
            np.array([STYLES.index(classified(hook)) for hook in hooks]),
        )

    def worth(self, taste: Taste, months: int) -> Floats:
        """What the audience's taste says of each hook, by month (months, hooks)."""
        first = np.array([*taste.of_styles().values()])
        rest = np.array([taste.of_hook(hook) for hook in self.hooks])
        rest = rest - first[self.classified_as]
        styles = np.array([[*taste.of_styles(m).values()] for m in range(months)])
        return np.asarray(rest + styles[:, self.classified_as])


@dataclass(frozen=True)
class World:
    """What is simulated.

    `shuffled`: the figures of each topic are dealt anew among its posts, so that words
    say nothing, to the learner and to the lift alike. (Were they dealt to the learner
    alone, its chance preferences could truly do well or badly.) With `waits` only a
    proven ranker chooses, as in the product; without, one chooses as soon as there are
    25 comparisons, so that also what knows nothing has a lift.
    """

    seed: int
    months: int = 24
    topics: int = 12
    drift_months: float | None = None
    shuffled: bool = False
    waits: bool = True


@dataclass
class Turned:
    """What came of it: evidence of the bets, and of the choice over random hooks."""

    log_e: list[float] = field(default_factory=list)
    proven_in: list[bool] = field(default_factory=list)
    bets: list[PairBet] = field(default_factory=list)
    bet_months: list[int] = field(default_factory=list)
    lifts: list[PairDifference] = field(default_factory=list)

    @property
    def proven_after(self) -> int | None:
        """The month, from 1, after which e had reached 20."""
        total = np.array(self.log_e)
        reached = np.flatnonzero(total >= math.log(E_PROVEN))
        return int(reached[0]) + 1 if reached.size else None

    @property
    def lost_after(self) -> int | None:
        """The month, from 1, after which a proof was taken back, if any was."""
        lost = [
            month
            for month, (was, is_now) in enumerate(pairwise(self.proven_in), start=2)
            if was and not is_now
        ]
        return lost[0] if lost else None

    @property
    def lift(self) -> SequentialMean:
        """The choice over one at random, a month being one observation."""
        return mean_over_months(self.lifts)

    def slope(self, last: int | None = None) -> float:
        """Outcome on forecast, over all bets or those of the last months."""
        first = 0 if last is None else max(self.bet_months, default=0) - last + 1
        kept = [
            b for b, m in zip(self.bets, self.bet_months, strict=True) if m >= first
        ]
        weight = sum(b.expected**2 / b.variance for b in kept)
        moment = sum(b.expected * b.difference / b.variance for b in kept)
        return moment / weight if weight else math.nan


def turn(world: World, pool: Pool) -> Turned:
    """Turn the months of one world."""
    rng = np.random.default_rng((world.seed, 17))
    worth = pool.worth(Taste(world.seed, world.drift_months), world.months)
    turned, known = Turned(), _Known()
    ranker: Ranker | None = None
    expected: Floats | None = None
    by_group: list[float] = []
    for month in range(world.months):
        _month(world, pool, worth[month], month, rng, expected, known, turned)
        features, outcomes = {HAND: pool.features[known.hooks]}, known.outcomes()
        if ranker is not None:
            groups = _bets(ranker, features, outcomes, known, world.topics)
            by_group += [sum(pair.log_e for pair in pairs) for pairs in groups]
            pairs = [pair for of_group in groups for pair in of_group]
            turned.bets += pairs
            turned.bet_months += [month] * len(pairs)
        turned.log_e.append(sum(by_group))
        is_proven = Proof(np.cumsum(by_group)).proven_after is not None
        turned.proven_in.append(is_proven)
        again = ranker is None or month % VARIANCES_EVERY == 0
        variances = None if again or ranker is None else ranker.fit.variances
        ranker = train(features, outcomes, variances)
        may, expected = is_proven or not world.waits, None
        if may and known.groups >= MIN_GROUPS:
            expected = ranker.against_average({HAND: pool.features}).mean
    return turned


def _bets(
    ranker: Ranker,
    features: Features,
    outcomes: Outcomes,
    known: _Known,
    topics: int,
) -> list[tuple[PairBet, ...]]:
    """The bets on each of the newest topics, by a ranker that has not seen them."""
    sound = sound_bets(outcomes.group, known.events, known.trials)
    found = []
    for group in range(known.groups - topics, known.groups):
        if sound[group]:
            arms = np.flatnonzero(outcomes.group == group)
            found.append(bets_on(ranker, features, outcomes, arms))
    return found


@dataclass
class _Known:
    """The posts so far, as the learner sees them; lists have one entry per post."""

    hooks: list[int] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    events: list[float] = field(default_factory=list)
    trials: list[float] = field(default_factory=list)
    groups: int = 0

    def outcomes(self) -> Outcomes:
        return outcomes_of(self.group, self.events, self.trials, POST_SD)


def _month(
    world: World,
    pool: Pool,
    worth: Floats,
    month: int,
    rng: np.random.Generator,
    expected: Floats | None,
    known: _Known,
    turned: Turned,
) -> None:
    """Write, choose, post and read the topics of one month."""
    low, high = REACH_RANGE
    for _ in range(world.topics):
        hooks = _written(pool, rng)
        values = None if expected is None else expected[hooks].tolist()
        roles = np.array(roles_of(rng.random(HOOKS).tolist(), values, POSTED))
        posted = hooks[(roles == BEST) | (roles == RANDOM)]
        role = roles[(roles == BEST) | (roles == RANDOM)]
        effect = worth[posted] + rng.normal(0, REST_SD, POSTED)
        effect = effect + rng.normal(0, POST_SD, POSTED)
        reach = (low * (high / low) ** rng.random(POSTED)).astype(np.int64)
        likes = rng.binomial(
            reach, np.minimum(0.5, BASE_RATES["likes"] * np.exp(effect))
        )
        if world.shuffled:
            dealt = rng.permutation(POSTED)
            likes, reach = likes[dealt], reach[dealt]
        if values is not None:
            y = np.log((likes + 0.5) / (reach + 1))
            d = float(y[role == BEST].mean() - y[role == RANDOM].mean())
            turned.lifts.append(PairDifference(d, f"{month:04d}"))
        known.hooks += posted.tolist()
        known.group += [known.groups] * POSTED
        known.events += likes.tolist()
        known.trials += reach.tolist()
        known.groups += 1


def _written(pool: Pool, rng: np.random.Generator) -> Ints:
    """Row numbers of one topic's hooks: a subject, and a template of each style."""
    per_style = len(next(iter(TEMPLATES.values())))
    subject = int(rng.integers(len(SUBJECTS)))
    start = subject * len(STYLES) * per_style
    drawn = rng.integers(per_style, size=len(STYLES))
    return np.asarray(start + np.arange(len(STYLES)) * per_style + drawn)
