"""Measures how similar a text's embedding is to that of the nearest script."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ig_assets.core.corpus.embedding.query_cache import embed_queries
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.ports import Embedder, VectorIndex


@dataclass(frozen=True)
class NearestScript:
    """Measures cosines with the index; each text is embedded once. Thread-safe.

    The vector is stored under the text's hash, so that a variant that wins and becomes
    a script is not embedded again.
    """

    ledger: Ledger
    embedder: Embedder
    index: VectorIndex
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def cosine(self, text: str, run: RunRef) -> float | None:
        """Return the cosine (-1 to 1) of a text to the nearest script.

        None if the index has no vector in the embedding space. Raises BudgetError and
        VendorError, since embedding is a paid call.
        """
        space = Space(self.embedder.model, self.embedder.dimensions)
        with self._one_at_a_time:
            [vector] = embed_queries(
                self.ledger.warehouse, self.ledger, self.embedder, run, [text]
            )
            matches = self.index.query(space.namespace, vector.tolist(), 1)
        return matches[0].similarity if matches else None
