"""Builds the few-shot model: winning examples in the prompt, stored as ids.

The texts are read from the warehouse when they are used, so that a forgotten script
disappears from the model at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ig_assets.core.corpus.queries import forgotten_scripts, forgotten_variants
from ig_assets.core.corpus.search.mmr import Floats, mmr
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection, Warehouse

NEAR_DUPLICATE_COSINE = 0.92


@dataclass(frozen=True)
class ExampleCandidate:
    """A supervised example of the train split.

    `weight` is its shrunken lift, `vector` its stored embedding or None.
    """

    example_id: str
    revision_hash: str
    weight: float
    vector: Sequence[float] | None


def choose_examples(candidates: Sequence[ExampleCandidate], n: int) -> list[str]:
    """Select at most n examples by maximal marginal relevance; return ids, best first.

    Relevance is the weight divided by the largest weight; among equals the first
    example id is taken. An example is skipped if it has the same words as a selected
    one, or a cosine of at least 0.92 to it. An example without a vector is similar only
    to examples with the same words.
    """
    ordered = sorted(candidates, key=lambda c: (-c.weight, c.example_id))
    weights = np.array([c.weight for c in ordered])
    relevance = weights / (weights.max(initial=0.0) or 1.0)
    similarity = partial(_similarity, _unit_vectors(ordered), ordered)
    chosen = mmr(relevance, similarity, n, most_similar=NEAR_DUPLICATE_COSINE)
    return [ordered[i].example_id for i in chosen]


def choose_for_month(
    warehouse: Warehouse, month: str, n: int, model: str, dimensions: int
) -> dict[str, object]:
    """Select at most n examples of a month; return the few-shot model's artifact.

    `model` and `dimensions` name the stored embeddings by which examples are compared.
    """
    with warehouse.transaction() as con:
        candidates = _candidates(con, month, model, dimensions)
    chosen = choose_examples(candidates, n)
    hashes = {c.example_id: c.revision_hash for c in candidates}
    return {
        "kind": "few_shot",
        "month": month,
        "example_ids": chosen,
        "revision_hashes": [hashes[i] for i in chosen],
    }


def few_shot_messages(
    con: Connection, artifact: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Return the (prompt, completion) pairs of a few-shot model, in order.

    Examples of forgotten scripts are left out.
    """
    rows = _usable(con, artifact)
    ids = _ids(artifact)
    return [(rows[i]["prompt"], rows[i]["completion"]) for i in ids if i in rows]


def _ids(artifact: Mapping[str, Any]) -> list[str]:
    return [str(i) for i in artifact.get("example_ids", [])]


def _usable(con: Connection, artifact: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    rows = fetch_dicts(
        con,
        """
        SELECT example_id, prompt, completion, script_id, variant_id
        FROM training_examples
        WHERE month = ? AND example_id IN (SELECT unnest(?::TEXT[]))
        ORDER BY example_id
        """,
        [artifact.get("month"), _ids(artifact)],
    )
    scripts, variants = forgotten_scripts(con), forgotten_variants(con)
    return {
        row["example_id"]: row
        for row in rows
        if row["script_id"] not in scripts and row["variant_id"] not in variants
    }


def _candidates(
    con: Connection, month: str, model: str, dimensions: int
) -> list[ExampleCandidate]:
    rows = con.execute(
        """
        SELECT t.example_id, t.revision_hash, t.weight, e.vector
        FROM training_examples t
        LEFT JOIN embeddings e
            ON e.content_hash = t.revision_hash AND e.model = ? AND e.dimensions = ?
        WHERE t.month = ? AND t.kind = 'sft' AND t.split = 'train'
        ORDER BY t.example_id
        """,
        [model, dimensions, month],
    ).fetchall()
    return [ExampleCandidate(*row) for row in rows]


def _unit_vectors(candidates: Sequence[ExampleCandidate]) -> Floats:
    """Return the vectors scaled to length 1, shape (n, dimensions).

    The row of a candidate without a vector is zero.
    """
    width = max((len(c.vector) for c in candidates if c.vector is not None), default=0)
    vectors = np.zeros((len(candidates), width))
    for row, candidate in zip(vectors, candidates, strict=True):
        if candidate.vector is not None:
            row[:] = candidate.vector
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms == 0.0, 1.0, norms)


def _similarity(
    vectors: Floats, candidates: Sequence[ExampleCandidate], number: int
) -> Floats:
    """Return the cosines of example `number` to all examples, at least 0, shape (n).

    Examples with the same words have similarity 1.
    """
    words = candidates[number].revision_hash
    same = np.array([c.revision_hash == words for c in candidates])
    return np.where(same, 1.0, np.maximum(vectors @ vectors[number], 0.0))
