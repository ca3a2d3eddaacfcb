"""Ranks candidates of a search: nearest for people; for drafts weighted and diverse.

What is too far is left out first. For drafts, weight = relevance x
(1 + clip(shrunken log lift, -0.3, 0.5)), where the lift is that of the latest decision
that the script's text won, 0 without one; so evidence re-orders what is near and brings
nothing near. A lift that a simulated audience gave moves no script past one of the
library. Scripts are then taken by maximal marginal relevance (`mmr.py`) of weight, as a
share of the greatest, and cosine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ig_assets.core.corpus.search.found import Candidate, Found, RetrievedScript
from ig_assets.core.corpus.search.limits import NEAR_SHARE
from ig_assets.core.corpus.search.mmr import mmr

LEAST_LIFT, MOST_LIFT = -0.3, 0.5


def by_relevance(candidate: Candidate) -> tuple[float, str]:
    """Sorts the most relevant first, equal ones by id."""
    return -candidate.script.relevance, candidate.script.script_id


def nearest_first(candidates: Sequence[Candidate], k: int, floor: float) -> Found:
    """The k most relevant candidates from a relevance of `floor` on, by that alone."""
    near, far = _split(candidates, floor)
    ranked = [replace(found.script, rank=n) for n, found in enumerate(near[:k], 1)]
    return Found(ranked, [found.script for found in far])


def diversify(candidates: Sequence[Candidate], k: int, floor: float) -> Found:
    """Take at most k candidates by maximal marginal relevance, and rank them.

    Far ones are left out even where fewer than k remain: a script about something
    else grounds a draft worse than none. Far is below `floor`, or below 0.6 of the
    greatest relevance.
    """
    best = max((c.script.relevance for c in candidates), default=0.0)
    near, far = _split(candidates, max(floor, NEAR_SHARE * best))
    too_far = [found.script for found in far]
    if not near:
        return Found([], too_far)
    weighted = _weighted([found.script for found in near])
    vectors = np.stack([found.vector for found in near])
    weights = np.array([script.weight for script in weighted])

    def cosines(place: int) -> npt.NDArray[np.float64]:
        return np.asarray(vectors @ vectors[place], np.float64)

    greatest = float(weights.max())
    shares = weights / greatest if greatest > 0 else weights
    taken = enumerate(mmr(shares, cosines, k), start=1)
    return Found([replace(weighted[n], rank=rank) for rank, n in taken], too_far)


def weight_of(relevance: float, shrunken_lift: float | None) -> float:
    """Relevance, adjusted by the shrunken log lift of the script's text."""
    lift = min(max(shrunken_lift or 0.0, LEAST_LIFT), MOST_LIFT)
    return relevance * (1.0 + lift)


def _split(
    candidates: Sequence[Candidate], floor: float
) -> tuple[list[Candidate], list[Candidate]]:
    """Those at or above the floor, and those below it, each most relevant first."""
    ordered = sorted(candidates, key=by_relevance)
    near = [found for found in ordered if found.script.relevance >= floor]
    return near, ordered[len(near) :]


def _weighted(scripts: Sequence[RetrievedScript]) -> list[RetrievedScript]:
    """The scripts, most relevant first, with their weights.

    A script that won before a simulated audience weighs no more than the library's
    scripts that are more relevant than it.
    """
    ceiling = np.inf
    weighted = []
    for script in scripts:
        weight = weight_of(script.relevance, script.shrunken_lift)
        if script.is_simulated:
            weight = min(weight, max(ceiling, script.relevance))
        if script.origin == "library":
            ceiling = min(ceiling, weight)
        weighted.append(replace(script, weight=weight))
    return weighted
