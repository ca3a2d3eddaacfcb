"""Ranks the candidates of a search: by relevance for people, by weight for drafts.

Candidates that are too far are left out first. For drafts,

    weight = relevance x (1 + clip(shrunken log lift, -0.3, 0.5))

where the lift is that of the latest decision that the script's text won, 0 without one.
Evidence thus changes the order of relevant scripts and adds no irrelevant one. A lift
from a simulated audience does not rank a script above a more relevant library script.
Scripts are then selected by maximal marginal relevance (`mmr.py`) of cosine and weight,
as a share of the greatest weight.
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
    """Return a sort key: the most relevant first, equally relevant ones by id."""
    return -candidate.script.relevance, candidate.script.script_id


def nearest_first(candidates: Sequence[Candidate], k: int, floor: float) -> Found:
    """Rank the k most relevant candidates whose relevance is at least `floor`."""
    near, far = _split(candidates, floor)
    ranked = [replace(found.script, rank=n) for n, found in enumerate(near[:k], 1)]
    return Found(ranked, [found.script for found in far])


def diversify(candidates: Sequence[Candidate], k: int, floor: float) -> Found:
    """Take at most k candidates by maximal marginal relevance, and rank them.

    Candidates are too far if their relevance is below `floor`, or below 0.6 of the
    greatest. They are left out even if fewer than k remain: a script about something
    else grounds a draft worse than none.
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
    """Return the relevance, adjusted by the shrunken log lift of the script's text."""
    lift = min(max(shrunken_lift or 0.0, LEAST_LIFT), MOST_LIFT)
    return relevance * (1.0 + lift)


def _split(
    candidates: Sequence[Candidate], floor: float
) -> tuple[list[Candidate], list[Candidate]]:
    """Return (candidates at or above the floor, others), each most relevant first."""
    ordered = sorted(candidates, key=by_relevance)
    near = [found for found in ordered if found.script.relevance >= floor]
    return near, ordered[len(near) :]


def _weighted(scripts: Sequence[RetrievedScript]) -> list[RetrievedScript]:
    """Return the scripts with their weights; `scripts` are sorted by relevance.

    A script that won before a simulated audience weighs no more than any library script
    that is more relevant.
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
