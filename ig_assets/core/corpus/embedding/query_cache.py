"""Returns the vectors of queries from the warehouse, and pays for missing ones once."""

from __future__ import annotations

from collections.abc import Sequence

from ig_assets.core.corpus.embedding.embed import embed_texts
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.embedding.vector_store import Vector, read_vectors
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.identity import normalise_text, text_hash
from ig_assets.core.ports import Embedder
from ig_assets.errors import InputError
from ig_assets.warehouse.warehouse import Warehouse


def embed_queries(
    warehouse: Warehouse,
    ledger: Ledger,
    embedder: Embedder,
    run: RunRef,
    queries: Sequence[str],
) -> list[Vector]:
    """Return the vectors of the queries in their order; pay only for unknown queries.

    Each vector has shape (dimensions,). Raises InputError for an empty query,
    BudgetError and VendorError.
    """
    texts = {text_hash(query): normalise_text(query) for query in queries}
    if not all(texts.values()):
        raise InputError("A search needs some words; the query is empty.")
    space = Space.of(embedder)
    with warehouse.transaction() as con:
        known = read_vectors(con, space, texts)
    unknown = {name: text for name, text in texts.items() if name not in known}
    if unknown:
        embed_texts(ledger, embedder, ledger.clock, run, "query", unknown)
        with warehouse.transaction() as con:
            known |= read_vectors(con, space, unknown)
    return [known[text_hash(query)] for query in queries]
