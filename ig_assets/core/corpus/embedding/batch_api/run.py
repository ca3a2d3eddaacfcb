"""Embeds what has no vector by the vendor's batches: for half the price, in a day.

Each run takes what has come and sends what is missing; texts that are under way wait
without a vector, as every new text does, and nothing of the index changes for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ig_assets.core.corpus.embedding.batch_api.collect import (
    Collection,
    collect_ended,
    poll_batches,
)
from ig_assets.core.corpus.embedding.batch_api.report import (
    batch_report,
    lift_stop,
    standing_stop,
)
from ig_assets.core.corpus.embedding.batch_api.submit import (
    Submission,
    Submitter,
    resolve_intents,
)
from ig_assets.core.corpus.embedding.batch_store import OPEN, batches_in, held_inputs
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef, Sleep
from ig_assets.core.ports import BatchEmbedder, Clock, Embedder
from ig_assets.errors import AccessError
from ig_assets.warehouse.warehouse import Warehouse

SAMPLE_ROWS = 20


@dataclass(frozen=True)
class BatchRun:
    """What a run did, in inputs (a text, or a chunk of one); it ends while some wait.

    `submitted` were sent by this run in `batches`, `retried` of them not for the
    first time; `under_way` have no answer yet, after it; `collected` got their vector
    in this run, for `tokens` and `cost_usd` (None where nobody knows the price);
    `rejected` are given up until a person asks for them again. `problems` has a
    sentence for each batch that this run found ended otherwise than well.
    """

    submitted: int
    batches: int
    retried: int
    under_way: int
    collected: int
    rejected: int
    tokens: int
    cost_usd: float | None
    rejects: tuple[dict[str, Any], ...] = ()
    problems: tuple[str, ...] = ()


def embed_by_batches(
    warehouse: Warehouse,
    ledger: Ledger,
    embedder: Embedder,
    batcher: BatchEmbedder,
    clock: Clock,
    run: RunRef,
    batch_size: int = 100,
    sleep: Sleep = time.sleep,
    by_person: bool = True,
) -> BatchRun:
    """Take what ended batches brought, and send what is missing; wait for nothing.

    Every input is sent once, in requests of up to `batch_size`; what the vendor did
    not get to goes into a later batch, at most three times in all, and what it
    refuses is rejected with the reason. A crash at any moment sends nothing twice.
    Where the vendor refuses the account, what came is kept, AccessError says so, and
    nothing is sent until a run that is `by_person`. Raises BudgetError before a batch
    that is too much, and the VendorErrors of the batcher.
    """
    ledger.mark_unknown(run)
    came = collect_batches(warehouse, clock, lambda: batcher)
    if by_person and not came.denied:
        lift_stop(warehouse)
    with warehouse.transaction() as con:
        stopped = standing_stop(con)
    if stopped is not None:
        raise AccessError(stopped)
    sent = Submission()
    submitter = Submitter(warehouse, ledger, embedder, batcher, clock, run, sleep)
    if not came.queue_is_full or not _open_batches(warehouse):
        sent = submitter.submit_missing(batch_size)
    with warehouse.transaction() as con:
        known = held_inputs(con, embedder)
        rejects = batch_report(con, embedder).given_up
    return BatchRun(
        submitted=sent.inputs,
        batches=sent.batches,
        retried=sent.retried,
        under_way=len(known.under_way),
        collected=came.vectors,
        rejected=len(rejects),
        tokens=came.tokens,
        cost_usd=came.cost_usd,
        rejects=rejects[:SAMPLE_ROWS],
        problems=came.problems,
    )


def collect_batches(
    warehouse: Warehouse, clock: Clock, batcher: Callable[[], BatchEmbedder]
) -> Collection:
    """Take what ended batches brought; without open batches nobody is asked.

    Only for a step that holds the asset's pool.
    """
    if not _open_batches(warehouse):
        return Collection()
    vendor = batcher()
    resolve_intents(warehouse, clock, vendor)
    poll_batches(warehouse, clock, vendor)
    return collect_ended(warehouse, clock, vendor)


def poll_open_batches(
    warehouse: Warehouse, clock: Clock, batcher: Callable[[], BatchEmbedder]
) -> tuple[int, int]:
    """How many batches are under way, and how many have ended and can be collected.

    Without open batches nobody is asked.
    """
    if not _open_batches(warehouse):
        return 0, 0
    return poll_batches(warehouse, clock, batcher())


def _open_batches(warehouse: Warehouse) -> int:
    with warehouse.transaction() as con:
        return len(batches_in(con, *OPEN))
