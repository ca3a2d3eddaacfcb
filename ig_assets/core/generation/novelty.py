"""How new a text is: the share of its word runs that no other text has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

RUN_WORDS = 5
_WORD = re.compile(r"\w+", re.UNICODE)


def word_runs(text: str, length: int = RUN_WORDS) -> set[tuple[str, ...]]:
    """Every run of `length` words, lower case; of a shorter text all its words."""
    words = _WORD.findall(text.casefold())
    if len(words) < length:
        return {tuple(words)} if words else set()
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def overlap(text: str, other: str) -> float:
    """The share of `text`'s five-word runs that `other` also has, 0 to 1."""
    runs = word_runs(text)
    return len(runs & word_runs(other)) / len(runs) if runs else 0.0


def novelty(text: str, corpus: Iterable[set[tuple[str, ...]]]) -> float:
    """One minus the largest overlap with any one text of the corpus, 0 to 1.

    `corpus` holds the `word_runs` of its texts, so that they are computed once.
    """
    runs = word_runs(text)
    if not runs:
        return 0.0
    return 1.0 - max((len(runs & other) / len(runs) for other in corpus), default=0.0)


def sibling_similarity(text: str, siblings: Sequence[str]) -> float:
    """The largest Jaccard similarity of word pairs with any sibling, 0 to 1."""
    pairs = word_runs(text, 2)
    best = 0.0
    for sibling in siblings:
        other = word_runs(sibling, 2)
        union = pairs | other
        best = max(best, len(pairs & other) / len(union) if union else 0.0)
    return best
