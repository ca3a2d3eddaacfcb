"""How near a text is in meaning to the nearest script of the corpus."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ig_assets.core.corpus.embedding.query_cache import embed_queries
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.ports import Embedder, VectorIndex


@dataclass(frozen=True)
class NearestScript:
    """Measures cosines by the index; a text is embedded once and its vector kept.

    The vector is kept under the text's hash, so that a variant that wins and becomes
    a script is not embedded again. Threads may share one.
    """

    ledger: Ledger
    embedder: Embedder
    index: VectorIndex
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def cosine(self, text: str, run: RunRef) -> float | None:
        """The cosine, -1 to 1; None where the index has nothing in this space.

        Raises BudgetError and VendorError, as an embedding is a paid call.
        """
        space = Space(self.embedder.model, self.embedder.dimensions)
        with self._one_at_a_time:
            [vector] = embed_queries(
                self.ledger.warehouse, self.ledger, self.embedder, run, [text]
            )
            matches = self.index.query(space.namespace, vector.tolist(), 1)
        return matches[0].similarity if matches else None
