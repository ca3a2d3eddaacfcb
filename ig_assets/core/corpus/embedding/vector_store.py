"""Writes, reads and finds vectors by content hash and embedding space."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt

from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.ports import EmbeddingAnswer
from ig_assets.errors import MalformedAnswerError
from ig_assets.warehouse.warehouse import Connection

Vector = npt.NDArray[np.float32]
NORM_TOLERANCE = 0.01

_STORED = """
    SELECT content_hash
    FROM embeddings
    WHERE model = ?
        AND dimensions = ?
        AND content_hash IN (SELECT unnest(?::TEXT[]))
"""

_READ = _STORED.replace("SELECT content_hash\n", "SELECT content_hash, vector\n", 1)

# Vectors are a registered table of numpy arrays, which is ten times faster than lists.
_WRITE = """
    MERGE INTO embeddings AS t
    USING (
        SELECT content_hash, ?::TEXT AS model, ?::INTEGER AS dimensions,
            vector::REAL[] AS vector, ?::TIMESTAMP AS created_at
        FROM fresh_vectors
    ) AS s
    ON t.content_hash = s.content_hash
        AND t.model = s.model
        AND t.dimensions = s.dimensions
    WHEN NOT MATCHED THEN INSERT
        (content_hash, model, dimensions, vector, created_at)
        VALUES (s.content_hash, s.model, s.dimensions, s.vector, s.created_at)
"""


def stored_hashes(con: Connection, space: Space, hashes: Iterable[str]) -> set[str]:
    """Return the subset of `hashes` that have a vector in the space."""
    wanted = [space.model, space.dimensions, list(hashes)]
    return {found for (found,) in con.execute(_STORED, wanted).fetchall()}


def read_vectors(
    con: Connection, space: Space, hashes: Iterable[str]
) -> dict[str, Vector]:
    """Return {content_hash: vector of shape (dimensions,)} of the stored vectors.

    Hashes without a vector are left out.
    """
    wanted = [space.model, space.dimensions, list(hashes)]
    found = con.execute(_READ, wanted).fetchnumpy()
    return {
        content_hash: np.asarray(vector, np.float32)
        for content_hash, vector in zip(
            found["content_hash"], found["vector"], strict=True
        )
    }


def write_vectors(
    con: Connection, space: Space, vectors: Mapping[str, Vector], now: datetime
) -> None:
    """Write {content_hash: vector}; an existing vector is not replaced."""
    column = np.empty(len(vectors), dtype=object)
    for place, vector in enumerate(vectors.values()):
        column[place] = np.asarray(vector, np.float32)
    hashes = np.array(list(vectors), dtype=object)
    con.register("fresh_vectors", {"content_hash": hashes, "vector": column})
    try:
        con.execute(_WRITE, [space.model, space.dimensions, now])
    finally:
        con.unregister("fresh_vectors")


def check_answer(answer: EmbeddingAnswer, texts: int, dimensions: int) -> None:
    """Raise MalformedAnswerError unless the answer has one finite unit vector per text.

    `answer.vectors` must have the shape (texts, dimensions).
    """
    problem = None
    if answer.vectors.shape != (texts, dimensions):
        problem = f"{answer.vectors.shape} numbers instead of {(texts, dimensions)}"
    elif not np.isfinite(answer.vectors).all():
        problem = "numbers that are not finite"
    else:
        norms = np.linalg.norm(answer.vectors.astype(np.float64), axis=1)
        if np.abs(norms - 1.0).max(initial=0.0) > NORM_TOLERANCE:
            problem = "vectors that are not of length 1"
    if problem is not None:
        raise MalformedAnswerError(
            f"The embedding model answered {problem}; nothing of the batch was kept.",
            answer.usage.input_tokens,
            answer.usage.output_tokens,
        )
