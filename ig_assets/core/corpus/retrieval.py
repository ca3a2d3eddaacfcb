"""Finds scripts for a topic: near in meaning, weighted by evidence, diverse.

weight = similarity x (1 + clip(shrunken log lift, -0.3, 0.5)), where the lift is that
of the latest decision that the script's words won, 0 without one. Diversity is
maximal marginal relevance (Carbonell and Goldstein 1998): of 8k candidates the next
is the one with the greatest 0.7 weight - 0.3 (greatest cosine to those taken), among
those at least 0.6 times as similar as the nearest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ig_assets.core.corpus.current import CURRENT_SCRIPTS, REVISION_EVIDENCE
from ig_assets.core.corpus.embedding import embed_batch
from ig_assets.core.corpus.index_sync import namespace_of
from ig_assets.core.costs.ledger import Ledger, RunRef
from ig_assets.core.identity import normalise_text, text_hash
from ig_assets.core.ports import Embedder, Match, VectorIndex
from ig_assets.errors import InputError
from ig_assets.warehouse.connection import Warehouse

CANDIDATES_PER_RESULT = 8
MOST_CANDIDATES = 10_000
MMR_LAMBDA = 0.7
RELEVANCE_FLOOR = 0.6
LEAST_LIFT, MOST_LIFT = -0.3, 0.5

# The candidates that may be used: still active, in the words that were indexed, one
# script a revision. `vector` is the cached one of those words.
_CANDIDATES = f"""
    SELECT s.script_id, s.revision_hash, m.similarity, s.origin, s.topic,
        s.hook_style, s.hook, s.body, s.call_to_action, s.text, s.language,
        s.origin = 'winner' OR w.revision_hash IS NOT NULL AS is_winner,
        w.shrunken_lift, w.experiment_id AS experiment, e.vector
    FROM matched AS m
    JOIN ({CURRENT_SCRIPTS}) AS c
        ON c.script_id = m.script_id
    JOIN index_entries AS i
        ON i.script_id = m.script_id
        AND i.index_name = $name
        AND i.namespace = $namespace
    JOIN scripts AS s
        ON s.script_id = i.script_id
        AND s.revision_hash = i.revision_hash
    JOIN embeddings AS e
        ON e.content_hash = i.revision_hash
        AND e.model = $model
        AND e.dimensions = $dimensions
    LEFT JOIN ({REVISION_EVIDENCE}) AS w
        ON w.revision_hash = s.revision_hash
    WHERE s.script_id NOT IN (SELECT unnest($excluded::TEXT[]))
        AND ($language::TEXT IS NULL OR s.language = $language::TEXT)
        AND (
            $include_winners
            OR (s.origin <> 'winner' AND w.revision_hash IS NULL)
        )
    QUALIFY row_number() OVER (
        PARTITION BY s.revision_hash
        ORDER BY m.similarity DESC, s.script_id
    ) = 1
    ORDER BY m.similarity DESC, s.script_id
"""


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


def retrieve(
    warehouse: Warehouse,
    index: VectorIndex,
    embedder: Embedder,
    ledger: Ledger,
    run: RunRef,
    query: str,
    k: int,
    *,
    include_winners: bool = True,
    language: str | None = None,
    exclude_script_ids: Collection[str] = (),
) -> list[RetrievedScript]:
    """At most k scripts for a query, most useful first.

    `include_winners=False` leaves out every script whose words won, provisionally
    or not, and every promoted one. A query is embedded once and then cached.
    Raises InputError for an empty query, BudgetError and VendorError.
    """
    [found] = retrieve_many(
        warehouse,
        index,
        embedder,
        ledger,
        run,
        [query],
        k,
        include_winners=include_winners,
        language=language,
        exclude_script_ids=exclude_script_ids,
    )
    return found


def retrieve_many(
    warehouse: Warehouse,
    index: VectorIndex,
    embedder: Embedder,
    ledger: Ledger,
    run: RunRef,
    queries: Sequence[str],
    k: int,
    *,
    include_winners: bool = True,
    language: str | None = None,
    exclude_script_ids: Collection[str] = (),
) -> list[list[RetrievedScript]]:
    """`retrieve` for several queries, in their order, embedded together."""
    if k < 1 or not queries:
        return [[] for _ in queries]
    vectors = embed_queries(warehouse, ledger, embedder, run, queries)
    parameters = {
        "name": index.name,
        "namespace": namespace_of(embedder.model, embedder.dimensions),
        "model": embedder.model,
        "dimensions": embedder.dimensions,
        "excluded": list(exclude_script_ids),
        "language": language,
        "include_winners": include_winners,
    }
    return [
        diversify(_candidates(warehouse, index, vector, k, parameters), k)
        for vector in vectors
    ]


def embed_queries(
    warehouse: Warehouse,
    ledger: Ledger,
    embedder: Embedder,
    run: RunRef,
    queries: Sequence[str],
) -> list[npt.NDArray[np.float32]]:
    """Vectors of the queries, in their order; only unknown ones are paid for."""
    texts = {text_hash(query): normalise_text(query) for query in queries}
    if not all(texts.values()):
        raise InputError("A search needs some words; the query is empty.")
    known = _cached(warehouse, embedder, texts)
    unknown = [item for item in texts.items() if item[0] not in known]
    for start in range(0, len(unknown), embedder.max_batch):
        batch = dict(unknown[start : start + embedder.max_batch])
        embed_batch(ledger, embedder, ledger.clock, run, "query", batch)
    if unknown:
        known = _cached(warehouse, embedder, texts)
    return [known[text_hash(query)] for query in queries]


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


def _cached(
    warehouse: Warehouse, embedder: Embedder, texts: Mapping[str, str]
) -> dict[str, npt.NDArray[np.float32]]:
    with warehouse.transaction() as con:
        rows = con.execute(
            "SELECT content_hash, vector FROM embeddings WHERE model = ? "
            "AND dimensions = ? AND content_hash IN (SELECT unnest(?::TEXT[]))",
            [embedder.model, embedder.dimensions, list(texts)],
        ).fetchall()
    return {
        content_hash: np.asarray(vector, np.float32) for content_hash, vector in rows
    }


def _candidates(
    warehouse: Warehouse,
    index: VectorIndex,
    vector: npt.NDArray[np.float32],
    k: int,
    parameters: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """The usable of the nearest 8k; further ones when filters leave fewer than k."""
    wanted = min(CANDIDATES_PER_RESULT * k, MOST_CANDIDATES)
    while True:
        matches = index.query(parameters["namespace"], vector.tolist(), wanted)
        usable = _usable(warehouse, matches, parameters)
        exhausted = len(matches) < wanted or wanted == MOST_CANDIDATES
        if len(usable) >= k or exhausted:
            return usable[: CANDIDATES_PER_RESULT * k]
        wanted = min(wanted * 8, MOST_CANDIDATES)


def _usable(
    warehouse: Warehouse, matches: Sequence[Match], parameters: Mapping[str, Any]
) -> list[dict[str, Any]]:
    with warehouse.transaction() as con:
        con.execute(
            "CREATE TEMP TABLE matched AS SELECT unnest(?::TEXT[]) AS script_id, "
            "unnest(?::DOUBLE[]) AS similarity",
            [[m.entry_id for m in matches], [m.similarity for m in matches]],
        )
        cursor = con.execute(_CANDIDATES, dict(parameters))
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
