"""Maximal marginal relevance: selects relevant items that are unlike each other.

Source: Carbonell and Goldstein, SIGIR 1998.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

MMR_LAMBDA = 0.7

Floats = npt.NDArray[np.float64]


def mmr(
    relevance: Floats,
    similarity: Callable[[int], Floats],
    k: int,
    *,
    most_similar: float = np.inf,
) -> list[int]:
    """Return the positions of at most k items, best first.

    The next item is the one with the greatest `0.7 relevance - 0.3 (greatest similarity
    to an item taken before)`; the first position wins a tie. `relevance` has shape
    (n,). `similarity(i)` returns the similarities of item i to all items, shape (n,),
    and is called only for items that are taken. An item whose similarity to a taken one
    reaches `most_similar` is left out.
    """
    open_ = np.ones(len(relevance), dtype=bool)
    nearest = np.zeros(len(relevance))
    taken: list[int] = []
    while len(taken) < k and open_.any():
        score = MMR_LAMBDA * relevance - (1.0 - MMR_LAMBDA) * nearest
        best = int(np.argmax(np.where(open_, score, -np.inf)))
        taken.append(best)
        row = similarity(best)
        nearest = row.copy() if len(taken) == 1 else np.maximum(nearest, row)
        open_[best] = False
        open_ &= nearest < most_similar
    return taken
