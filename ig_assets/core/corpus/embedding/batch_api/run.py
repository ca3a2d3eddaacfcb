"""Embeds through the vendor's Batch API, at half the price and within a day.

Each run collects the results that have arrived and sends the inputs that are missing. A
text in a batch has no vector until the batch is collected, and until then it does not
change the index.
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
    stop_reason,
)
from ig_assets.core.corpus.embedding.batch_api.submit import (
    Submission,
    Submitter,
    resolve_intents,
)
from ig_assets.core.corpus.embedding.batch_store import (
    OPEN,
    batches_in,
    in_flight_inputs,
)
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef, Sleep
from ig_assets.core.ports import BatchEmbedder, Clock, Embedder
from ig_assets.errors import AccessError
from ig_assets.warehouse.warehouse import Warehouse

SAMPLE_ROWS = 20


@dataclass(frozen=True)
class BatchRun:
    """The results of one run; the numbers count inputs, each a text or a chunk.

    `submitted` is the number of inputs sent in this run, in `batches` batches;
    `retried` is the number of those that had been sent before. `under_way` inputs have
    no answer at the end of the run. `collected` inputs got their vector in this run,
    for `tokens` and `cost_usd` (None if no price is known). `rejected` inputs are given
    up until a person asks for them again. `problems` has a sentence for each batch that
    ended without completing.
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
    """Collect the results of ended batches and send the missing inputs; do not wait.

    Every input is sent once, in requests of up to `batch_size` inputs. An input that
    the vendor did not process (the batch expired, for example) is sent in a later
    batch, at most three times in total. An input that the vendor refuses is rejected
    with the reason. A crash at any moment sends nothing twice. If the vendor refuses
    the account, results are kept, AccessError is raised, and nothing is sent until a
    run with `by_person`.

    Raises BudgetError before a batch that would exceed the budget, and the VendorErrors
    of `batcher`.
    """
    ledger.mark_unknown(run)
    collected = collect_batches(warehouse, clock, lambda: batcher)
    with warehouse.transaction() as con:
        if by_person and not collected.denied:
            lift_stop(con)
        stopped = stop_reason(con)
    if stopped is not None:
        raise AccessError(stopped)
    sent = Submission()
    submitter = Submitter(warehouse, ledger, embedder, batcher, clock, run, sleep)
    if not collected.queue_is_full or not _open_batches(warehouse):
        sent = submitter.submit_missing(batch_size)
    with warehouse.transaction() as con:
        known = in_flight_inputs(con, Space.of(embedder))
        rejects = batch_report(con, Space.of(embedder)).given_up
    return BatchRun(
        submitted=sent.inputs,
        batches=sent.batches,
        retried=sent.retried,
        under_way=len(known.under_way),
        collected=collected.vectors,
        rejected=len(rejects),
        tokens=collected.tokens,
        cost_usd=collected.cost_usd,
        rejects=rejects[:SAMPLE_ROWS],
        problems=collected.problems,
    )


def collect_batches(
    warehouse: Warehouse, clock: Clock, batcher: Callable[[], BatchEmbedder]
) -> Collection:
    """Collect the results of ended batches; ask the vendor only if some are open.

    Call it only in a step that holds the asset's pool.
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
    """Return (number of batches under way, number that ended and can be collected).

    Without open batches the vendor is not asked.
    """
    if not _open_batches(warehouse):
        return 0, 0
    return poll_batches(warehouse, clock, batcher())


def _open_batches(warehouse: Warehouse) -> int:
    with warehouse.transaction() as con:
        return len(batches_in(con, *OPEN))
