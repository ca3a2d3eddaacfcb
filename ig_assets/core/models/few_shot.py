"""The few-shot model: which winners are shown in context, chosen by id, never copied.

A model that is few-shot holds ids only. The texts are read from the warehouse when
they are used, so that a forgotten script is gone from the model at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ig_assets.core.corpus.queries import forgotten_scripts, forgotten_variants
from ig_assets.core.ports import Vectors
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection, Warehouse

MMR_LAMBDA = 0.7
NEAR_DUPLICATE_COSINE = 0.92


@dataclass(frozen=True)
class ShowCandidate:
    """A supervised example of the train split; `vector` has unit length or is None."""

    example_id: str
    revision_hash: str
    weight: float
    vector: Sequence[float] | None


def choose_examples(candidates: Sequence[ShowCandidate], n: int) -> list[str]:
    """Ids of at most n examples by maximal marginal relevance, best first.

    Relevance is the weight (shrunken lift) over the largest, lambda 0.7; what has a
    cosine of at least 0.92 to, or the very words of, a chosen one is skipped.
    Source: Carbonell and Goldstein, SIGIR 1998.
    """
    top = max((c.weight for c in candidates), default=0.0) or 1.0
    open_ones = sorted(candidates, key=lambda c: (-c.weight, c.example_id))
    vectors = [_unit(c.vector) for c in open_ones]
    nearest = [0.0] * len(open_ones)
    left = list(range(len(open_ones)))
    chosen: list[str] = []
    while left and len(chosen) < n:
        best = max(
            left,
            key=lambda i: (
                MMR_LAMBDA * open_ones[i].weight / top
                - (1.0 - MMR_LAMBDA) * nearest[i],
                -i,
            ),
        )
        chosen.append(open_ones[best].example_id)
        for i in left:
            same = open_ones[i].revision_hash == open_ones[best].revision_hash
            similarity = 1.0 if same else _cosine(vectors[i], vectors[best])
            nearest[i] = max(nearest[i], similarity)
        left = [i for i in left if i != best and nearest[i] < NEAR_DUPLICATE_COSINE]
    return chosen


def choose_for_month(
    warehouse: Warehouse, month: str, n: int, model: str, dimensions: int
) -> dict[str, object]:
    """The artifact of a few-shot model: ids of at most n examples of the month.

    `model` and `dimensions` name the stored embeddings that diversity is measured by.
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
    """The (prompt, completion) pairs to show, in order, without what is gone."""
    rows = _shown(con, artifact)
    ids = _ids(artifact)
    return [(rows[i]["prompt"], rows[i]["completion"]) for i in ids if i in rows]


def gone_examples(con: Connection, artifact: Mapping[str, Any]) -> list[str]:
    """Ids that the model should show but whose words were forgotten."""
    rows = _shown(con, artifact)
    return [i for i in _ids(artifact) if i not in rows]


def _ids(artifact: Mapping[str, Any]) -> list[str]:
    return [str(i) for i in artifact.get("example_ids", [])]


def _shown(con: Connection, artifact: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
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
) -> list[ShowCandidate]:
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
    return [ShowCandidate(*row) for row in rows]


def _unit(vector: Sequence[float] | None) -> Vectors | None:
    if vector is None:
        return None
    array: Vectors = np.asarray(vector, dtype=np.float32)
    norm = float(np.linalg.norm(array))
    return array if norm == 0.0 else array / np.float32(norm)


def _cosine(a: Vectors | None, b: Vectors | None) -> float:
    return 0.0 if a is None or b is None else float(a @ b)
