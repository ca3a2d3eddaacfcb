"""Finds scripts for a topic: near in meaning, filtered, then ranked (`ranking.py`).

The store filters first; the warehouse has the last word on every hit, since a store
may lag behind. A query is embedded by the model of the space that answers now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ig_assets.core.corpus.embedding.query_cache import embed_queries
from ig_assets.core.corpus.embedding.spaces import Space, active_space
from ig_assets.core.corpus.index.plan import LATEST_RATES
from ig_assets.core.corpus.queries import CURRENT_SCRIPTS, REVISION_EVIDENCE
from ig_assets.core.corpus.search.rerank import RetrievedScript as RetrievedScript
from ig_assets.core.corpus.search.rerank import diversify
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.identity import normalise_text
from ig_assets.core.ports import EVERYTHING, Embedder, Filters, Match, VectorIndex
from ig_assets.errors import (
    AccessError,
    IgAssetsError,
    IndexLostError,
    InputError,
    ModelFileError,
    RefusedError,
    SettingsError,
)
from ig_assets.warehouse.warehouse import Warehouse

CANDIDATES_PER_RESULT = 8
MOST_CANDIDATES = 10_000  # Pinecone's greatest top_k

EmbedderOf = Callable[[str, int], Embedder]

_log = logging.getLogger(__name__)

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
    LEFT JOIN ({LATEST_RATES}) AS p
        ON p.script_id = s.script_id
        AND p.revision_hash = s.revision_hash
    LEFT JOIN ({REVISION_EVIDENCE}) AS w
        ON w.revision_hash = s.revision_hash
    WHERE s.script_id NOT IN (SELECT unnest($excluded::TEXT[]))
        AND ($language::TEXT IS NULL OR s.language = $language::TEXT)
        AND ($origin::TEXT IS NULL OR s.origin = $origin::TEXT)
        AND ($min_rate::DOUBLE IS NULL OR p.rate >= $min_rate::DOUBLE)
        AND (
            $month::TEXT IS NULL
            OR strftime(s.first_seen_at, '%Y-%m') = $month::TEXT
        )
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
class _Search:
    """What one retrieval asks of which space."""

    warehouse: Warehouse
    index: VectorIndex
    space: Space
    k: int
    include_winners: bool
    filters: Filters
    excluded: tuple[str, ...]


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
    filters: Filters = EVERYTHING,
    exclude_script_ids: Collection[str] = (),
    embedder_of: EmbedderOf | None = None,
) -> list[RetrievedScript]:
    """At most k scripts for a query, most useful first.

    `include_winners=False` leaves out every script whose words won, provisionally
    or not, and every promoted one. `language` is short for that filter. While a new
    embedding space is filled the old one answers, and `embedder_of(model, dimensions)`
    makes its embedder; where that cannot be had the new one answers as far as it is
    filled. A query is embedded once and then cached.
    Raises InputError for an empty query, IndexLostError where the store has lost
    everything, BudgetError and VendorError.
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
        filters=filters,
        exclude_script_ids=exclude_script_ids,
        embedder_of=embedder_of,
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
    filters: Filters = EVERYTHING,
    exclude_script_ids: Collection[str] = (),
    embedder_of: EmbedderOf | None = None,
) -> list[list[RetrievedScript]]:
    """`retrieve` for several queries, in their order, embedded together."""
    if k < 1 or not queries:
        return [[] for _ in queries]
    if not all(normalise_text(query) for query in queries):
        raise InputError("A search needs some words; the query is empty.")
    wanted = Space(embedder.model, embedder.dimensions)
    search = _Search(
        warehouse=warehouse,
        index=index,
        space=wanted,
        k=k,
        include_winners=include_winners,
        filters=replace(
            filters, status="active", language=language or filters.language
        ),
        excluded=tuple(exclude_script_ids),
    )
    with warehouse.transaction() as con:
        active = active_space(con, index.name)
    if active is not None and active != wanted:
        try:
            old = _embedder_of(active, embedder_of)
            return _found(replace(search, space=active), ledger, old, run, queries)
        except _CANNOT_ANSWER as error:
            _log.warning(
                "The complete index of %s cannot answer, so the incomplete one of %s "
                "does: %s",
                active.namespace,
                wanted.namespace,
                error,
            )
    return _found(search, ledger, embedder, run, queries)


# What says that an old space, or its model, is out of reach for good. What may pass
# is left to fail: a search that falls back silently would differ from hour to hour.
_CANNOT_ANSWER: tuple[type[IgAssetsError], ...] = (
    SettingsError,
    InputError,
    ModelFileError,
    AccessError,
    RefusedError,
)


def _embedder_of(space: Space, embedder_of: EmbedderOf | None) -> Embedder:
    if embedder_of is None:
        raise SettingsError(f"nobody can embed a query with {space.model} here.")
    return embedder_of(space.model, space.dimensions)


def _found(
    search: _Search,
    ledger: Ledger,
    embedder: Embedder,
    run: RunRef,
    queries: Sequence[str],
) -> list[list[RetrievedScript]]:
    vectors = embed_queries(search.warehouse, ledger, embedder, run, queries)
    return [diversify(_candidates(search, vector), search.k) for vector in vectors]


def _candidates(
    search: _Search, vector: npt.NDArray[np.float32]
) -> list[dict[str, Any]]:
    """The usable of the nearest 8k; further ones when filters leave fewer than k."""
    wanted = min(CANDIDATES_PER_RESULT * search.k, MOST_CANDIDATES)
    while True:
        matches = search.index.query(
            search.space.namespace, vector.tolist(), wanted, search.filters
        )
        if not matches:
            _refuse_lost_index(search, vector)
        usable = _usable(search, matches)
        exhausted = len(matches) < wanted or wanted == MOST_CANDIDATES
        if len(usable) >= search.k or exhausted:
            return usable[: CANDIDATES_PER_RESULT * search.k]
        wanted = min(wanted * 8, MOST_CANDIDATES)


def _refuse_lost_index(search: _Search, vector: npt.NDArray[np.float32]) -> None:
    """Nothing may have passed the filters, or the store may hold nothing any more."""
    name, namespace = search.index.name, search.space.namespace
    with search.warehouse.transaction() as con:
        [(entries,)] = con.execute(
            "SELECT count(*) FROM index_entries WHERE index_name = ? AND namespace = ?",
            [name, namespace],
        ).fetchall()
    if entries and not search.index.query(namespace, vector.tolist(), 1):
        raise IndexLostError(
            f"The vector index {name!r} has none of its {entries:,} vectors; run "
            "`ig-assets sync`, which writes them again from the cache for nothing."
        )


def _usable(search: _Search, matches: Sequence[Match]) -> list[dict[str, Any]]:
    parameters = {
        "name": search.index.name,
        "namespace": search.space.namespace,
        "model": search.space.model,
        "dimensions": search.space.dimensions,
        "excluded": list(search.excluded),
        "language": search.filters.language,
        "origin": search.filters.origin,
        "min_rate": search.filters.min_rate,
        "month": search.filters.month,
        "include_winners": search.include_winners,
    }
    with search.warehouse.transaction() as con:
        con.execute(
            "CREATE TEMP TABLE matched AS SELECT unnest(?::TEXT[]) AS script_id, "
            "unnest(?::DOUBLE[]) AS similarity",
            [[m.entry_id for m in matches], [m.similarity for m in matches]],
        )
        cursor = con.execute(_CANDIDATES, parameters)
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
