"""Which candidates a retrieval takes: weighted by evidence, diverse, never far.

weight = similarity x (1 + clip(shrunken log lift, -0.3, 0.5)), where the lift is that
of the latest decision that the script's words won, 0 without one. Diversity is
maximal marginal relevance (Carbonell and Goldstein 1998): of the candidates the next
is the one with the greatest 0.7 weight - 0.3 (greatest cosine to those taken), among
those at least 0.6 times as similar as the nearest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MMR_LAMBDA = 0.7
RELEVANCE_FLOOR = 0.6
LEAST_LIFT, MOST_LIFT = -0.3, 0.5


@dataclass(frozen=True)
class RetrievedScript:
    """One script found; rank 1 is the first taken, similarity is the cosine.

    `experiment` is the id of the experiment that the script's words won.
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


def diversify(candidates: Sequence[Mapping[str, Any]], k: int) -> list[RetrievedScript]:
    """Take at most k candidates one by one by maximal marginal relevance.

    A candidate has the fields of RetrievedScript but rank and weight, and `vector`.
    Far ones are left out even where fewer than k remain: a script about something
    else grounds a draft worse than none.
    """
    nearest_of_all = max((c["similarity"] for c in candidates), default=0.0)
    floor = RELEVANCE_FLOOR * nearest_of_all
    candidates = [c for c in candidates if c["similarity"] >= floor]
    if not candidates:
        return []
    vectors = np.stack([np.asarray(c["vector"], np.float32) for c in candidates])
    weights = np.array(
        [weight_of(c["similarity"], c["shrunken_lift"]) for c in candidates]
    )
    nearest = np.zeros(len(candidates))
    open_ = np.ones(len(candidates), dtype=bool)
    taken: list[RetrievedScript] = []
    while len(taken) < min(k, len(candidates)):
        score = MMR_LAMBDA * weights - (1.0 - MMR_LAMBDA) * nearest
        best = int(np.argmax(np.where(open_, score, -np.inf)))
        open_[best] = False
        fields = {n: v for n, v in candidates[best].items() if n != "vector"}
        rank, weight = len(taken) + 1, float(weights[best])
        taken.append(RetrievedScript(**fields, rank=rank, weight=weight))
        cosine = (vectors @ vectors[best]).astype(np.float64)
        nearest = cosine if rank == 1 else np.maximum(nearest, cosine)
    return taken


def weight_of(similarity: float, shrunken_lift: float | None) -> float:
    """Similarity, moved by what is known about the script's performance."""
    lift = min(max(shrunken_lift or 0.0, LEAST_LIFT), MOST_LIFT)
    return similarity * (1.0 + lift)
