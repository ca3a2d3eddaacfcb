"""Finds texts that have nearly the same words, without false or missed pairs.

Two texts are near-copies if the Jaccard similarity of their three-word runs is at least
0.8. MinHash would only estimate it and miss some. A prefix filter misses none (Bayardo,
Ma and Srikant 2007, "Scaling up all pairs similarity search", WWW): two sets of at
least this similarity share one of their rarest members, so only texts that share one
are compared. It is slow only if many texts share rare runs; these are then near-copies.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

NEAR_COPY = 0.8
RUN_WORDS = 3
_ROUNDING = 1e-9
_WORD = re.compile(r"[^\W_]+")


def near_copies(
    texts: Sequence[str], least: float = NEAR_COPY
) -> list[tuple[int, int, float]]:
    """Return (a, b, similarity) of similar texts, with positions a < b.

    `similarity` is the Jaccard similarity of three-word runs (0 to 1), at least
    `least`. A text of fewer than three words has no runs and matches none.
    """
    runs = [word_runs(text) for text in texts]
    count = Counter(run for of_text in runs for run in of_text)
    number = {
        run: place
        for place, run in enumerate(sorted(count, key=lambda r: (count[r], r)))
    }
    sets = [sorted(number[run] for run in of_text) for of_text in runs]
    by_member: dict[int, list[int]] = {}
    found = []
    for place in sorted(range(len(sets)), key=lambda n: (len(sets[n]), n)):
        mine = sets[place]
        prefix = mine[: len(mine) - math.ceil(least * len(mine) - _ROUNDING) + 1]
        others = {o for member in prefix for o in by_member.get(member, ())}
        for other in others:
            if len(sets[other]) >= least * len(mine):
                similarity = jaccard(mine, sets[other])
                if similarity >= least:
                    found.append((min(place, other), max(place, other), similarity))
        for member in prefix:
            by_member.setdefault(member, []).append(place)
    return sorted(found)


def word_runs(text: str) -> set[str]:
    """Return the runs of three words of a text, case-folded."""
    words = _WORD.findall(text.casefold())
    return {
        " ".join(words[start : start + RUN_WORDS])
        for start in range(len(words) - RUN_WORDS + 1)
    }


def jaccard(one: Iterable[object], other: Iterable[object]) -> float:
    """Return the Jaccard similarity of two sets (0 to 1); 0 if both are empty."""
    mine, theirs = set(one), set(other)
    whole = len(mine | theirs)
    return len(mine & theirs) / whole if whole else 0.0
