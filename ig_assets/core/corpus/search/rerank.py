"""Ranks candidates of a search: nearest for people; for drafts weighted and diverse.

For drafts, weight = similarity x (1 + clip(shrunken log lift, -0.3, 0.5)), where the
lift is that of the latest decision that the script's text won, 0 without one.
Candidates less than 0.6 times as similar as the nearest are left out; the others are
taken by maximal marginal relevance (`mmr.py`) of weight and cosine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ig_assets.core.corpus.embedding.vector_store import Vector
from ig_assets.core.corpus.search.mmr import mmr

RELEVANCE_FLOOR = 0.6
LEAST_LIFT, MOST_LIFT = -0.3, 0.5


@dataclass(frozen=True)
class RetrievedScript:
    """One script found; rank 1 is the first taken, 0 before it is ranked.

    `similarity` is the cosine, `experiment` the id of the experiment that the
    script's text won.
    """

    script_id: str
    revision_hash: str
    rank: int
    similarity: float
    weight: float
    origin: str
    topic: str
    hook_style: str
    hook: str
    body: str
    call_to_action: str
    text: str
    language: str
    is_winner: bool
    shrunken_lift: float | None
    experiment: str | None


class Candidate(NamedTuple):
    """A script that the filters admit, with its unit vector of shape (dimensions,)."""

    script: RetrievedScript
    vector: Vector


def by_similarity(candidate: Candidate) -> tuple[float, str]:
    """Sorts the most similar first, equal ones by id."""
    return -candidate.script.similarity, candidate.script.script_id


def nearest_first(candidates: Sequence[Candidate], k: int) -> list[RetrievedScript]:
    """The k most similar candidates, ranked by that alone."""
    nearest = sorted(candidates, key=by_similarity)[:k]
    return [replace(found.script, rank=n) for n, found in enumerate(nearest, start=1)]


def diversify(candidates: Sequence[Candidate], k: int) -> list[RetrievedScript]:
    """Take at most k candidates by maximal marginal relevance, and rank them.

    Far ones are left out even where fewer than k remain: a script about something
    else grounds a draft worse than none.
    """
    floor = RELEVANCE_FLOOR * max((c.script.similarity for c in candidates), default=0)
    near = [c for c in candidates if c.script.similarity >= floor]
    if not near:
        return []
    vectors = np.stack([candidate.vector for candidate in near])
    weights = np.array([candidate.script.weight for candidate in near])

    def cosines(place: int) -> npt.NDArray[np.float64]:
        return np.asarray(vectors @ vectors[place], np.float64)

    return [
        replace(near[place].script, rank=rank)
        for rank, place in enumerate(mmr(weights, cosines, k), start=1)
    ]


def weight_of(similarity: float, shrunken_lift: float | None) -> float:
    """Similarity, adjusted by the shrunken log lift of the script's text."""
    lift = min(max(shrunken_lift or 0.0, LEAST_LIFT), MOST_LIFT)
    return similarity * (1.0 + lift)
