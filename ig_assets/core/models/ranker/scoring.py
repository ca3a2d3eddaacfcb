"""Scores the hooks of drafts with a registered ranker, and explains the scores.

A ranker is stored as its arms and variances, not as weights. It is solved again for
each use, without the arms of scripts that have been forgotten since it was fitted. If
there are any, the variances are estimated again too. The ranker is thus the same as if
the forgotten script had never been there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ig_assets.core.models.ranker.arms import (
    PastHook,
    PastHooks,
    arms_of_ranker,
    past_hooks,
    remembered,
)
from ig_assets.core.models.ranker.outcomes import Floats
from ig_assets.core.models.ranker.states import MIN_GROUPS, counted
from ig_assets.core.models.ranker.ranker import Ranker, train
from ig_assets.core.models.ranker.ridge import Variances
from ig_assets.core.models.ranker.vectors import features_of
from ig_assets.core.models.registry import ModelRow, current_ranker
from ig_assets.core.ports import Clock, HookEncoder
from ig_assets.errors import InputError
from ig_assets.warehouse.warehouse import Warehouse

VOICES = 5


@dataclass(frozen=True)
class LoadedRanker:
    """A registered ranker, solved from the arms that are not forgotten.

    `forgotten` is the number of arms that were left out because they are forgotten.
    """

    model: ModelRow
    ranker: Ranker
    past: PastHooks
    forgotten: int


@dataclass(frozen=True)
class Voice:
    """A past hook that raises or lowers a text's score.

    `lift` is the lead of its rate over its rivals' (0.2 is 20 %); `adds` is its
    contribution to the text's log lift.
    """

    hook: PastHook
    lift: float
    adds: float

    @property
    def is_like(self) -> bool:
        """Whether the text resembles the past hook in the ranker's features.

        A hook that did well raises the score of similar texts; one that did badly
        raises the score of dissimilar texts.
        """
        return (self.adds > 0) == (self.lift > 0)


@dataclass(frozen=True)
class HookScore:
    """A hook's expected lift (0.2 is 20 %) with its 90 % interval, `low` to `high`.

    Several hooks are compared with their mean, a single hook with an average past hook.
    `p_better` is the probability that the true difference is above zero. `voices_for`
    and `voices_against` are the past hooks that raise and lower the score most: at most
    five each, the strongest first.
    """

    hook: str
    lift: float
    low: float
    high: float
    p_better: float
    voices_for: tuple[Voice, ...]
    voices_against: tuple[Voice, ...]


@dataclass(frozen=True)
class OrderedHooks:
    """Scores in descending order of expected lift, and the ranker's state.

    `left_out` is the number of arms that are not used because scripts were forgotten.
    `simulated` is true if the ranker learnt from a simulated audience only.
    """

    state: str
    simulated: bool
    left_out: int
    scores: tuple[HookScore, ...]


def order_hooks(
    warehouse: Warehouse, clock: Clock, encoder: HookEncoder, hooks: Sequence[str]
) -> OrderedHooks:
    """Order hooks by the current ranker.

    Raises what `load_ranker` and `score` raise.
    """
    loaded = load_ranker(warehouse, clock, encoder)
    scores = score(loaded, warehouse, clock, encoder, hooks)
    known = loaded.model.artifact or {}
    return OrderedHooks(
        state=str(known["state"]),
        simulated=bool(known.get("simulated")),
        left_out=loaded.forgotten,
        scores=tuple(sorted(scores, key=lambda found: -found.lift)),
    )


def load_ranker(
    warehouse: Warehouse, clock: Clock, encoder: HookEncoder
) -> LoadedRanker:
    """Return the current ranker, solved. Raises InputError if no ranker can be used."""
    with warehouse.transaction() as con:
        model = current_ranker(con)
        if model is None or model.artifact is None:
            raise InputError(
                "There is no ranker yet; `ig-assets ranker fit` makes one of "
                f"{MIN_GROUPS} comparisons or more."
            )
        if model.base_model != encoder.model:
            raise InputError(
                f"The ranker was fitted on {model.base_model}, not {encoder.model}; "
                "run `ig-assets ranker fit`."
            )
        stored = int(model.artifact["arms"])
        arms = remembered(con, arms_of_ranker(con, model.model_id))
    past = past_hooks(arms)
    if len(past.groups) < MIN_GROUPS:
        raise InputError(
            f"The ranker has {counted(len(past.groups), 'comparison')} left, of the "
            f"{MIN_GROUPS} that one needs; run `ig-assets ranker fit`."
        )
    forgotten = stored - len(past.arms)
    variances = None
    if not forgotten:
        theta, s2 = model.artifact["theta"], model.artifact["s2"]
        variances = Variances(tuple(theta), float(s2))
    features = features_of(warehouse, clock, encoder, past.texts)
    return LoadedRanker(
        model, train(features, past.outcomes, variances), past, forgotten
    )


def score(
    loaded: LoadedRanker,
    warehouse: Warehouse,
    clock: Clock,
    encoder: HookEncoder,
    hooks: Sequence[str],
) -> list[HookScore]:
    """Return the score of each hook, in the order given.

    Raises InputError if there is no hook or an empty one.
    """
    hooks = [" ".join(hook.split()) for hook in hooks]
    if not hooks or not all(hooks):
        raise InputError("A hook to score is empty; give its words.")
    features = features_of(warehouse, clock, encoder, hooks)
    ranker = loaded.ranker
    lifts = (
        ranker.among(features) if len(hooks) > 1 else ranker.against_average(features)
    )
    shares = ranker.contributions(features)
    if len(hooks) > 1:
        shares = shares - shares.mean(axis=0)
    return [
        HookScore(
            hook=hook,
            lift=float(lifts.lift[n]),
            low=float(lifts.low[n]),
            high=float(lifts.high[n]),
            p_better=float(lifts.p_better[n]),
            voices_for=_voices(loaded, shares[n], 1),
            voices_against=_voices(loaded, shares[n], -1),
        )
        for n, hook in enumerate(hooks)
    ]


def _voices(loaded: LoadedRanker, shares: Floats, side: int) -> tuple[Voice, ...]:
    """Return the strongest voices of one side: 1 raises, -1 lowers the score.

    `shares` has the contribution of each past hook to a score, shape (hooks).
    """
    order = np.argsort(-side * shares, kind="stable")[:VOICES]
    own = loaded.ranker.fit.y
    return tuple(
        Voice(loaded.past.hooks[i], float(np.expm1(own[i])), float(shares[i]))
        for i in order
        if side * shares[i] > 0
    )
