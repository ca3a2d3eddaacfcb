"""Computes how relevant a script is for a query: meaning of text and topic, and words.

relevance = (text cosine + topic cosine) / 2 + word share / 2

The topic says what a script is about if its text is a story around the topic. The words
find names and other languages that an embedding model does not know. If topics are not
embedded, the text's cosine takes the place of the topic's. `benchmarks/relevance.py`
compares this with each part alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ig_assets.core.corpus.embedding.vector_store import Vector
from ig_assets.core.identity import normalise_text

_WORDS_WEIGHT = 0.5


def views_of(query: str) -> list[str]:
    """Return the wordings of a query to search for: its first line, and all of it.

    The query of a draft is topic and brief. The topic alone says what the draft is
    about, and the many words of the brief must not outweigh it.
    """
    text = normalise_text(query)
    first, _, rest = text.partition("\n")
    return [first, text] if rest.strip() else [text]


def joined(vectors: Sequence[Vector]) -> Vector:
    """Return one unit vector for the views of a query: the direction of their sum."""
    total = np.sum(np.stack(vectors), axis=0, dtype=np.float64)
    length = float(np.linalg.norm(total))
    return np.asarray(total / length if length else total, np.float32)


def cosine(one: Vector, other: Vector) -> float:
    """Return the cosine of two vectors of shape (dimensions,); 0 if one is zero."""
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0


def relevance_of(
    similarity: float, topic_similarity: float | None, word_share: float
) -> float:
    """Return the relevance (-1 to 1.5) for two cosines and a share of words."""
    topic = similarity if topic_similarity is None else topic_similarity
    return (similarity + topic) / 2.0 + _WORDS_WEIGHT * word_share
