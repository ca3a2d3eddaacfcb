"""Ours: library → `sync_corpus` → `embed_missing` → `sync_index`, FAISS and DuckDB.

Batches of 100, four requests in flight, each committed with its ledger row.
"""

from __future__ import annotations

import sys

from contest.entrant import BATCH, COLLECTION, IN_FLIGHT, MODEL, Place

from ig_assets.adapters.faiss.index import FaissIndex
from ig_assets.adapters.openai.embedder import OpenAIEmbedder
from ig_assets.adapters.script_library.folder import FolderLibrary
from ig_assets.adapters.simulated.clocks import SystemClock
from ig_assets.core.corpus.embedding.embed import embed_missing
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.index.sync import sync_index
from ig_assets.core.corpus.library.sync import sync_corpus
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.warehouse.warehouse import Warehouse

RUN = RunRef("benchmark", "script_embeddings")


class Ours:
    """The three assets of the corpus stage, in a row."""

    def __init__(self, place: Place) -> None:
        import faiss  # noqa: F401  (what a run imports is not part of its seconds)
        import openai  # noqa: F401

        # As `ig-assets sync`: else DuckDB imports it at the first parameter.
        sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
        self._place = place

    def sync(self) -> None:
        """Read the folder, embed what is new, apply the difference to FAISS."""
        place, clock = self._place, SystemClock()
        home = f"duckdb:///{place.state / 'warehouse.duckdb'}"
        warehouse = Warehouse(home, clock.now)
        ledger = Ledger(warehouse, clock)
        embedder = OpenAIEmbedder(
            "not-a-key",
            model=MODEL,
            dimensions=place.dimensions,
            base_url=place.base_url,
        )
        index = FaissIndex(place.state / "faiss", COLLECTION)
        sync_corpus(warehouse, FolderLibrary(str(place.library)), clock)
        embed_missing(warehouse, ledger, embedder, clock, RUN, BATCH, IN_FLIGHT)
        sync_index(warehouse, index, clock, Space(MODEL, place.dimensions))
