"""The vectors of queries: from the cache, else paid for once and kept there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ig_assets.core.corpus.embedding.embed import embed_batch
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
