"""Finds scripts for a topic by meaning and words, filters and ranks them (`rerank.py`).

The store filters first; every hit is checked against the warehouse. A query is embedded
by the model of the embedding space that is active now. Topics are embedded only if that
is free.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ig_assets.core.corpus.embedding.query_cache import embed_queries
from ig_assets.core.corpus.embedding.spaces import Space, active_space
from ig_assets.core.corpus.embedding.vector_store import Vector
from ig_assets.core.corpus.index import generations
from ig_assets.core.corpus.search.candidates import Hit, Scope, usable_hits
from ig_assets.core.corpus.search.found import Candidate, Found
from ig_assets.core.corpus.search.found import RetrievedScript as RetrievedScript
from ig_assets.core.corpus.search.lexical import lexical_shares
from ig_assets.core.corpus.search.limits import LEAST_RELEVANCE
from ig_assets.core.corpus.search.relevance import (
    cosine,
    joined,
    relevance_of,
    views_of,
)
from ig_assets.core.corpus.search.rerank import diversify, nearest_first
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.costs.prices import LOCAL_PROVIDERS
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
LEAST_LOOKED_UP = 1_000  # scripts with most of the words, before the filters

EmbedderOf = Callable[[str, int], Embedder]  # of (model, dimensions)

_log = logging.getLogger("ig_script_writer.search")

# Errors which mean that an old space, or its model, is out of reach for good. After a
# transient error the search fails: with a fallback its results would change from hour
# to hour without notice.
_CANNOT_ANSWER: tuple[type[IgAssetsError], ...] = (
    SettingsError,
    InputError,
    ModelFileError,
    AccessError,
    RefusedError,
)


@dataclass(frozen=True)
class _Search:
    """The scope of one search, its number of results, and how they are ranked.

    With `is_nearest` the results are ranked by relevance alone, otherwise as for a
    draft.
    """

    scope: Scope
    k: int
    is_nearest: bool


@dataclass(frozen=True)
class _Query:
    """One query: its wordings, and one unit vector of shape (dimensions,) for all."""

    views: list[str]
    vector: Vector


@dataclass(frozen=True)
class Retriever:
    """Finds scripts in a vector index for queries that it embeds.

    While a new embedding space is being filled, queries use the old space, and
    `embedder_of` makes its embedder. If this fails, queries use the new space as far as
    it is filled. A script below `least_relevance` is too far.
    """

    warehouse: Warehouse
    index: VectorIndex
    embedder: Embedder
    ledger: Ledger
    embedder_of: EmbedderOf | None = None
    least_relevance: float = LEAST_RELEVANCE

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
        """Return at most k scripts for a query, most useful to a writer first.

        `nearest` orders them by relevance alone, for a person who looks for a script.
        `include_winners=False` leaves out every script whose text won, provisionally or
        not, and every promoted one. A query is embedded once and then cached.

        Raises InputError for an empty query, IndexLostError if the store has lost all
        entries, BudgetError and VendorError.
        """
        [found] = self.search(
            run,
            [query],
            k,
            include_winners=include_winners,
            filters=filters,
            exclude_script_ids=exclude_script_ids,
            nearest=nearest,
        )
        return found.scripts

    def search(
        self,
        run: RunRef,
        queries: Sequence[str],
        k: int,
        *,
        include_winners: bool = True,
        filters: Filters = EVERYTHING,
        exclude_script_ids: Collection[str] = (),
        nearest: bool = False,
    ) -> list[Found]:
        """Run `retrieve` for several queries, which are embedded together.

        Returns one result per query, in their order, with the scripts that were too
        far.
        """
        if k < 1 or not queries:
            return [Found() for _ in queries]
        if not all(normalise_text(query) for query in queries):
            raise InputError("A search needs some words; the query is empty.")
        scope = Scope(
            index_name=self.index.name,
            space=Space.of(self.embedder),
            filters=replace(filters, status="active"),
            excluded=list(exclude_script_ids),
            include_winners=include_winners,
        )
        search = _Search(scope, k, nearest)
        with self.warehouse.transaction() as con:
            active = active_space(con, self.index.name)
        if active not in (None, scope.space):
            assert active is not None
            try:
                embedder = self._embedder_of(active)
                old = replace(search, scope=replace(scope, space=active))
                return self._found(old, embedder, run, queries)
            except _CANNOT_ANSWER as error:
                _log.warning(
                    "The complete index of %s cannot answer, so the incomplete one of "
                    "%s does: %s",
                    active.namespace,
                    scope.space.namespace,
                    error,
                )
        return self._found(search, self.embedder, run, queries)

    def _embedder_of(self, space: Space) -> Embedder:
        if self.embedder_of is None:
            raise SettingsError(f"there is no embedder for {space.model} here.")
        return self.embedder_of(space.model, space.dimensions)

    def _found(
        self, search: _Search, embedder: Embedder, run: RunRef, queries: Sequence[str]
    ) -> list[Found]:
        self._warn_of_another_time(search.scope.space.namespace)
        asked = self._asked(embedder, run, queries)
        hits = [self._hits(search, query) for query in asked]
        topics = self._topic_vectors(embedder, run, hits)
        order = nearest_first if search.is_nearest else diversify
        return [
            order(
                [_candidate(hit, query.vector, topics) for hit in found],
                search.k,
                self.least_relevance,
            )
            for query, found in zip(asked, hits, strict=True)
        ]

    def _asked(
        self, embedder: Embedder, run: RunRef, queries: Sequence[str]
    ) -> list[_Query]:
        """Return the queries with their vectors.

        All wordings that have no vector yet are embedded in one request.
        """
        views = [views_of(query) for query in queries]
        flat = [view for wordings in views for view in wordings]
        vectors = iter(embed_queries(self.warehouse, self.ledger, embedder, run, flat))
        return [
            _Query(wordings, joined([next(vectors) for _ in wordings]))
            for wordings in views
        ]

    def _topic_vectors(
        self, embedder: Embedder, run: RunRef, hits: Sequence[Sequence[Hit]]
    ) -> dict[str, Vector]:
        """Return {topic: vector} of the hits' topics, or {} if embedding costs money.

        Embedding topics is never paid for; without it the vector of the text is used.
        """
        topics = {hit.columns["topic"] for found in hits for hit in found}
        named = sorted(topic for topic in topics if topic and normalise_text(topic))
        if not named or embedder.provider not in LOCAL_PROVIDERS:
            return {}
        vectors = embed_queries(self.warehouse, self.ledger, embedder, run, named)
        return dict(zip(named, vectors, strict=True))

    def _hits(self, search: _Search, query: _Query) -> list[Hit]:
        """Return the hits that pass the filters.

        They come from the 8 × k scripts nearest to the query and from the 8 × k that
        share the most words with it. If the filters leave fewer than k of the nearest,
        the index is asked for more.
        """
        namespace = search.scope.space.namespace
        most = CANDIDATES_PER_RESULT * search.k
        wanted = min(most, MOST_CANDIDATES)
        shares: dict[str, float] | None = None
        while True:
            matches = self.index.query(
                namespace, query.vector.tolist(), wanted, search.scope.filters
            )
            if not matches:
                self._raise_if_lost(namespace, query.vector)
            if shares is None:
                with self.warehouse.transaction() as con:
                    shares = lexical_shares(
                        con, self.index.name, namespace, query.views
                    )
            known = _greatest(shares, max(most, LEAST_LOOKED_UP), matches)
            hits = usable_hits(
                self.warehouse, search.scope, query.vector, matches, known, most
            )
            near = sum(hit.is_near for hit in hits)
            exhausted = len(matches) < wanted or wanted == MOST_CANDIDATES
            if near >= search.k or exhausted:
                return hits
            wanted = min(wanted * 8, MOST_CANDIDATES)

    def _warn_of_another_time(self, namespace: str) -> None:
        """Log a warning if the store is not in the state that the last sync left.

        A restored older copy may lack entries, and the hits do not show this.
        """
        if not generations.compare(self.warehouse, self.index, namespace).is_trusted:
            _log.warning(
                "The vector index %r is not as the last sync left it, as an older copy "
                "is, so scripts may be missing; run `ig-assets sync`, which repairs it "
                "for nothing.",
                self.index.name,
            )

    def _raise_if_lost(self, namespace: str, vector: Vector) -> None:
        """Raise IndexLostError if the store has lost every entry."""
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


def _greatest(
    shares: Mapping[str, float], most: int, matches: Sequence[Match]
) -> dict[str, float]:
    """Return {script id: share} of the `most` greatest shares and of all matches."""
    if len(shares) <= most:
        return dict(shares)
    best = heapq.nlargest(most, shares, key=lambda name: (shares[name], name))
    names = [*best, *(match.entry_id for match in matches)]
    return {name: shares[name] for name in names if name in shares}


def _candidate(hit: Hit, query: Vector, topics: dict[str, Vector]) -> Candidate:
    """Return a hit with its relevance, which is also its weight before evidence."""
    topic = topics.get(hit.columns["topic"])
    topic_similarity = None if topic is None else cosine(topic, query)
    relevance = relevance_of(hit.similarity, topic_similarity, hit.word_share)
    script = RetrievedScript(
        **hit.columns,
        rank=0,
        similarity=hit.similarity,
        topic_similarity=topic_similarity,
        word_share=hit.word_share,
        relevance=relevance,
        weight=relevance,
    )
    return Candidate(script, hit.vector)
