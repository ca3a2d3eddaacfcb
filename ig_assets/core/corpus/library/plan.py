"""Plans a sync: its effect on the corpus, what it would send and what it would cost."""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.core.corpus.embedding.embed import EmbeddingPlan, plan_embedding
from ig_assets.core.corpus.library.sync import CorpusChange, plan_corpus
from ig_assets.core.costs.pinecone_estimate import (
    StoreCost,
    first_fill_usd,
    pinecone_monthly_cost,
)
from ig_assets.core.ports import Clock, Embedder, LibraryStore
from ig_assets.warehouse.warehouse import Connection, Warehouse


@dataclass(frozen=True)
class SyncPlan:
    """What a sync would change, send and cost, and what Pinecone would cost per month.

    `first_fill_usd` is the cost in USD of filling a Pinecone index with the corpus
    once. `store_now` is the monthly cost for the corpus after the sync,
    `store_ten_times` for ten times as many scripts.
    """

    scripts: CorpusChange
    embedding: EmbeddingPlan
    first_fill_usd: float
    store_now: StoreCost
    store_ten_times: StoreCost


def plan_sync(
    warehouse: Warehouse,
    library: LibraryStore,
    clock: Clock,
    embedder: Embedder,
    batch_size: int,
    by_batch: bool,
    machine_clock: Clock | None = None,
) -> SyncPlan:
    """Plan a sync by running it in a transaction that is rolled back; send nothing.

    `batch_size` is the number of texts per request; `by_batch` plans the Batch API.
    Raises what `sync_corpus` raises.
    """

    def inspect(con: Connection) -> tuple[EmbeddingPlan, int]:
        [(active,)] = con.execute("SELECT count(*) FROM current_scripts").fetchall()
        return plan_embedding(con, embedder, batch_size, by_batch), int(active)

    change, (embedding, active) = plan_corpus(
        warehouse, library, clock, inspect, machine_clock
    )
    return SyncPlan(
        scripts=change,
        embedding=embedding,
        first_fill_usd=first_fill_usd(active, embedder.dimensions),
        store_now=pinecone_monthly_cost(active, embedder.dimensions),
        store_ten_times=pinecone_monthly_cost(10 * active, embedder.dimensions),
    )
