"""How relevant a script is for a query: meaning of text and topic, and shared words.

relevance = (text cosine + topic cosine) / 2 + word share / 2

The topic says what a script is about where its text is a story around it; the words
find names and other languages that an embedding model does not know. Where topics are
not embedded the text's cosine stands for both. `benchmarks/relevance.py` compares this
with either part alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ig_assets.core.corpus.embedding.vector_store import Vector
from ig_assets.core.identity import normalise_text

_WORDS_WEIGHT = 0.5


def views_of(query: str) -> list[str]:
    """The wordings of a query that are asked: its first line, and all of it.

    A draft asks with topic and brief; the topic alone says what it is about, and the
    brief's many words must not outvote it.
    """
    text = normalise_text(query)
    first, _, rest = text.partition("\n")
    return [first, text] if rest.strip() else [text]


def joined(vectors: Sequence[Vector]) -> Vector:
    """One unit vector for the views of a query: the direction of their sum."""
    total = np.sum(np.stack(vectors), axis=0, dtype=np.float64)
    length = float(np.linalg.norm(total))
    return np.asarray(total / length if length else total, np.float32)


def cosine(one: Vector, other: Vector) -> float:
    """The cosine of two vectors of shape (dimensions,); 0 where one is zero."""
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0


def relevance_of(
    similarity: float, topic_similarity: float | None, word_share: float
) -> float:
    """Relevance from two cosines and a share; -1 to 1.5."""
    topic = similarity if topic_similarity is None else topic_similarity
    return (similarity + topic) / 2.0 + _WORDS_WEIGHT * word_share
