"""Vectors in the warehouse: written, read and missed by content hash and space."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt

from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.ports import Embedder, EmbeddingAnswer
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

# Vectors come as a registered frame of numpy arrays: ten times faster than lists.
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


def stored_hashes(
    con: Connection, embedder: Embedder, hashes: Iterable[str]
) -> set[str]:
    """Which of these contents have a vector in the embedder's space."""
    wanted = [embedder.model, embedder.dimensions, list(hashes)]
    return {found for (found,) in con.execute(_STORED, wanted).fetchall()}


def read_vectors(
    con: Connection, embedder: Embedder, hashes: Iterable[str]
) -> dict[str, Vector]:
    """The vectors of those contents that have one in the embedder's space."""
    wanted = [embedder.model, embedder.dimensions, list(hashes)]
    rows = con.execute(_READ, wanted).fetchall()
    return {found: np.asarray(vector, np.float32) for found, vector in rows}


def write_vectors(
    con: Connection,
    embedder: Embedder | Space,
    vectors: Mapping[str, Vector],
    now: datetime,
) -> None:
    """Write {content_hash: vector}; one that is there already stays as it is."""
    column = np.empty(len(vectors), dtype=object)
    for place, vector in enumerate(vectors.values()):
        column[place] = np.asarray(vector, np.float32)
    hashes = np.array(list(vectors), dtype=object)
    con.register("fresh_vectors", {"content_hash": hashes, "vector": column})
    try:
        con.execute(_WRITE, [embedder.model, embedder.dimensions, now])
    finally:
        con.unregister("fresh_vectors")


def check_answer(answer: EmbeddingAnswer, texts: int, dimensions: int) -> None:
    """Raise MalformedAnswerError unless it is one finite unit vector a text."""
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
