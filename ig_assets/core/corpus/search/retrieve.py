"""Finds scripts for a topic: near in meaning, filtered, then ranked (`rerank.py`).

The store filters first; every hit is checked against the warehouse, since a store
may lag behind. A query is embedded by the model of the space that answers now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ig_assets.core.corpus.embedding.query_cache import embed_queries
from ig_assets.core.corpus.embedding.spaces import Space, active_space
from ig_assets.core.corpus.embedding.vector_store import Vector
from ig_assets.core.corpus.index import generations
from ig_assets.core.corpus.search.rerank import RetrievedScript as RetrievedScript
from ig_assets.core.corpus.search.rerank import (
    Candidate,
    by_similarity,
    diversify,
    nearest_first,
    weight_of,
)
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
MOST_DEVIATION = 0.02  # of a store's similarity from that of the stored vector

EmbedderOf = Callable[[str, int], Embedder]  # of (model, dimensions)

_log = logging.getLogger("ig_script_writer.search")

# The hits that may be used: scripts that are still active, with the text that was
# indexed and its vector, one per revision.
_CANDIDATES = """
    SELECT s.script_id, s.revision_hash, m.similarity, s.origin, s.topic,
        s.hook_style, s.hook, s.body, s.call_to_action, s.text, s.language,
        s.origin = 'winner' OR w.revision_hash IS NOT NULL AS is_winner,
        w.shrunken_lift, w.experiment_id AS experiment, e.vector
    FROM matched AS m
    JOIN current_scripts AS c
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
    LEFT JOIN latest_rates AS p
        ON p.script_id = s.script_id
        AND p.revision_hash = s.revision_hash
    LEFT JOIN won_revisions AS w
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


# Errors which mean that an old space, or its model, cannot be reached for good. After
# an error that may pass, the search fails: with a fallback its results would differ
# from hour to hour without a word.
_CANNOT_ANSWER: tuple[type[IgAssetsError], ...] = (
    SettingsError,
    InputError,
    ModelFileError,
    AccessError,
    RefusedError,
)


@dataclass(frozen=True)
class _Search:
    """What one search asks of which space."""

    space: Space
    k: int
    include_winners: bool
    filters: Filters
    excluded: Sequence[str]
    is_nearest: bool


@dataclass(frozen=True)
class Retriever:
    """Finds scripts in a vector index for queries that it embeds.

    While a new embedding space is filled the old one answers, and `embedder_of` makes
    the embedder of that space; where it cannot be had the new one answers, as far as
    it is filled.
    """

    warehouse: Warehouse
    index: VectorIndex
    embedder: Embedder
    ledger: Ledger
    embedder_of: EmbedderOf | None = None

    def retrieve(
        self,
        run: RunRef,
        query: str,
        k: int,
        *,
        include_winners: bool = True,
        filters: Filters = EVERYTHING,
        exclude_script_ids: Collection[str] = (),
        nearest: bool = False,
    ) -> list[RetrievedScript]:
        """At most k scripts for a query, most useful to a writer first.

        With `nearest` by similarity alone: for a person who looks for a script.
        `include_winners=False` leaves out every script whose text won, provisionally
        or not, and every promoted one. A query is embedded once and then cached.
        Raises InputError for an empty query, IndexLostError where the store has lost
        everything, BudgetError and VendorError.
        """
        [found] = self.retrieve_many(
            run,
            [query],
            k,
            include_winners=include_winners,
            filters=filters,
            exclude_script_ids=exclude_script_ids,
            nearest=nearest,
        )
        return found

    def retrieve_many(
        self,
        run: RunRef,
        queries: Sequence[str],
        k: int,
        *,
        include_winners: bool = True,
        filters: Filters = EVERYTHING,
        exclude_script_ids: Collection[str] = (),
        nearest: bool = False,
    ) -> list[list[RetrievedScript]]:
        """`retrieve` for several queries, in their order, embedded together."""
        if k < 1 or not queries:
            return [[] for _ in queries]
        if not all(normalise_text(query) for query in queries):
            raise InputError("A search needs some words; the query is empty.")
        search = _Search(
            space=Space.of(self.embedder),
            k=k,
            include_winners=include_winners,
            filters=replace(filters, status="active"),
            excluded=list(exclude_script_ids),
            is_nearest=nearest,
        )
        with self.warehouse.transaction() as con:
            active = active_space(con, self.index.name)
        if active not in (None, search.space):
            assert active is not None
            try:
                embedder = self._embedder_of(active)
                old = replace(search, space=active)
                return self._found(old, embedder, run, queries)
            except _CANNOT_ANSWER as error:
                _log.warning(
                    "The complete index of %s cannot answer, so the incomplete one of "
                    "%s does: %s",
                    active.namespace,
                    search.space.namespace,
                    error,
                )
        return self._found(search, self.embedder, run, queries)

    def _embedder_of(self, space: Space) -> Embedder:
        if self.embedder_of is None:
            raise SettingsError(f"there is no embedder for {space.model} here.")
        return self.embedder_of(space.model, space.dimensions)

    def _found(
        self, search: _Search, embedder: Embedder, run: RunRef, queries: Sequence[str]
    ) -> list[list[RetrievedScript]]:
        self._warn_of_another_time(search.space.namespace)
        vectors = embed_queries(self.warehouse, self.ledger, embedder, run, queries)
        order = nearest_first if search.is_nearest else diversify
        return [order(self._candidates(search, vector), search.k) for vector in vectors]

    def _candidates(self, search: _Search, vector: Vector) -> list[Candidate]:
        """The usable of the nearest 8k; more where filters leave fewer than k."""
        wanted = min(CANDIDATES_PER_RESULT * search.k, MOST_CANDIDATES)
        while True:
            matches = self.index.query(
                search.space.namespace, vector.tolist(), wanted, search.filters
            )
            if not matches:
                self._raise_if_lost(search.space.namespace, vector)
            usable = self._usable(search, matches, vector)
            exhausted = len(matches) < wanted or wanted == MOST_CANDIDATES
            if len(usable) >= search.k or exhausted:
                return usable[: CANDIDATES_PER_RESULT * search.k]
            wanted = min(wanted * 8, MOST_CANDIDATES)

    def _warn_of_another_time(self, namespace: str) -> None:
        """An older copy may only lack entries, which no hit can show."""
        if not generations.compare(self.warehouse, self.index, namespace).is_trusted:
            _log.warning(
                "The vector index %r is not as the last sync left it, as an older copy "
                "is, so scripts may be missing; run `ig-assets sync`, which repairs it "
                "for nothing.",
                self.index.name,
            )

    def _raise_if_lost(self, namespace: str, vector: Vector) -> None:
        """Raise IndexLostError where the store has lost every entry."""
        name = self.index.name
        with self.warehouse.transaction() as con:
            [(entries,)] = con.execute(
                "SELECT count(*) FROM index_entries "
                "WHERE index_name = ? AND namespace = ?",
                [name, namespace],
            ).fetchall()
        if entries and not self.index.query(namespace, vector.tolist(), 1):
            raise IndexLostError(
                f"The vector index {name!r} has none of its {entries:,} vectors; run "
                "`ig-assets sync`, which writes them again from the cache for nothing."
            )

    def _usable(
        self, search: _Search, matches: Sequence[Match], query: Vector
    ) -> list[Candidate]:
        """The hits that may be used, by the similarity of their stored vectors.

        A store that was restored from an older copy has other vectors.
        """
        parameters = {
            "name": self.index.name,
            "namespace": search.space.namespace,
            "model": search.space.model,
            "dimensions": search.space.dimensions,
            "excluded": search.excluded,
            "language": search.filters.language,
            "origin": search.filters.origin,
            "min_rate": search.filters.min_rate,
            "month": search.filters.month,
            "include_winners": search.include_winners,
        }
        with self.warehouse.transaction() as con:
            con.execute(
                "CREATE TEMP TABLE matched AS SELECT unnest(?::TEXT[]) AS script_id, "
                "unnest(?::DOUBLE[]) AS similarity",
                [[m.entry_id for m in matches], [m.similarity for m in matches]],
            )
            cursor = con.execute(_CANDIDATES, parameters)
            names = [column[0] for column in cursor.description or []]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        vectors = [np.asarray(row.pop("vector"), np.float32) for row in rows]
        others = 0
        for row, vector in zip(rows, vectors, strict=True):
            similarity = _cosine(vector, query)
            others += abs(similarity - row["similarity"]) > MOST_DEVIATION
            row["similarity"] = similarity
        if others:
            _log.warning(
                "The vector index %r has other vectors than the warehouse for %d "
                "scripts, as an older copy has; run `ig-assets sync`, which repairs "
                "them for nothing.",
                self.index.name,
                others,
            )
        found = [
            Candidate(
                vector=vector,
                script=RetrievedScript(
                    **row,
                    rank=0,
                    weight=weight_of(row["similarity"], row["shrunken_lift"]),
                ),
            )
            for row, vector in zip(rows, vectors, strict=True)
        ]
        return sorted(found, key=by_similarity)


def _cosine(one: Vector, other: Vector) -> float:
    lengths = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0
