"""Embeds texts without a vector: one vector per (content hash, model, dimensions)."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from ig_assets.core.corpus.embedding.batch_store import (
    BATCH_PRICE_SHARE,
    in_flight_inputs,
)
from ig_assets.core.corpus.embedding.pending import (
    Inputs,
    missing_revisions,
    pool_all,
    text_pages,
)
from ig_assets.core.corpus.embedding.requests import Input, batches
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.embedding.vector_store import check_answer, write_vectors
from ig_assets.core.costs.concurrency import run_bounded
from ig_assets.core.costs.ledger.ledger import CALL_ATTEMPTS, Call, Ledger, RunRef
from ig_assets.core.costs.ledger.retry_exhausted import add_attempt_count
from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.identity import fields_hash
from ig_assets.core.operations.progress import Progress
from ig_assets.core.ports import Clock, Embedder, EmbeddingAnswer, TokenUsage
from ig_assets.warehouse.warehouse import Connection, Warehouse


@dataclass(frozen=True)
class EmbeddingRun:
    """The results of one run, in numbers of texts.

    `embedded` texts got a vector, `chunked` of them in chunks. `reused` is the number
    of active scripts whose text had a vector already. `under_way` texts are in a batch
    that an earlier run sent. `cost_usd` is None if no price is known.
    """

    embedded: int
    reused: int
    chunked: int
    batches: int
    tokens: int
    cost_usd: float | None
    under_way: int = 0


@dataclass(frozen=True)
class EmbeddingPlan:
    """The texts that a run would embed, and the cost.

    `cost_usd` is None if no price is known. With `by_batch` the run goes through the
    Batch API at its price. `held` is the number of texts that the run would skip, since
    a batch contains them or the Batch API gave them up.
    """

    texts: int
    chunked: int
    batches: int
    tokens: int
    cost_usd: float | None
    by_batch: bool = False
    held: int = 0


def embed_missing(
    warehouse: Warehouse,
    ledger: Ledger,
    embedder: Embedder,
    clock: Clock,
    run: RunRef,
    batch_size: int = 100,
    max_in_flight: int = 1,
) -> EmbeddingRun:
    """Embed the texts of active scripts that have no vector of this model.

    Equal texts are embedded once. Every batch is committed together with its ledger
    row, and at most `max_in_flight` batches are sent and not committed. A text longer
    than the model's limit is embedded in chunks, which keep their own vectors, and its
    vector is pooled from theirs (`chunking.pool`). Texts in a batch of the Batch API
    are skipped.

    Raises BudgetError before a batch that would exceed the budget, and the VendorError
    that ended a batch: no batch is sent after it, and the answers received so far are
    kept.
    """
    space = Space.of(embedder)
    ledger.mark_unknown(run)
    with warehouse.transaction() as con:
        missing, active = missing_revisions(con, space)
        in_flight = in_flight_inputs(con, space).under_way
    pages = text_pages(warehouse.transaction, missing)
    inputs = Inputs(warehouse.transaction, embedder, pages, missing, in_flight)
    paid = _Payment(ledger, embedder, clock, run, "ingest")
    whole = set(missing).difference(in_flight)
    progress = Progress("texts", len(whole))

    def embed(batch: Sequence[Input], halt: threading.Event) -> TokenUsage:
        usage = paid.embed(batch, halt)
        progress.add(len(whole.intersection(item.content_hash for item in batch)))
        return usage

    with ledger.interruptible(run):
        usages = run_bounded(
            (partial(embed, b) for b in batches(inputs, embedder, batch_size)),
            max_in_flight,
        )
    pool_all(warehouse, space, clock, inputs.chunks)
    progress.add(len(inputs.chunks))
    costs = [call_cost_usd(embedder.provider, embedder.model, u) for u in usages]
    known = [cost for cost in costs if cost is not None]
    return EmbeddingRun(
        embedded=len(missing) - len(inputs.waiting),
        reused=active - len(missing),
        chunked=len(inputs.chunks),
        batches=len(usages),
        tokens=sum(usage.input_tokens for usage in usages),
        cost_usd=sum(known) if len(known) == len(costs) else None,
        under_way=len(inputs.waiting),
    )


def plan_embedding(
    con: Connection,
    embedder: Embedder,
    batch_size: int = 100,
    by_batch: bool = False,
) -> EmbeddingPlan:
    """Return what `embed_missing` would send and what it would cost; send nothing.

    With `by_batch`, return what `embed_by_batches` would send, at the Batch API's
    price. The plan includes uncommitted changes of the open transaction.
    """
    space = Space.of(embedder)
    missing, _ = missing_revisions(con, space)
    known = in_flight_inputs(con, space)
    held = known.under_way.union(known.given_up if by_batch else ())

    def opened() -> AbstractContextManager[Connection]:
        return nullcontext(con)

    inputs = Inputs(opened, embedder, text_pages(opened, missing), missing, held)
    planned = [
        sum(item.tokens for item in batch)
        for batch in batches(inputs, embedder, batch_size)
    ]
    tokens = sum(planned)
    cost = call_cost_usd(embedder.provider, embedder.model, TokenUsage(tokens))
    if by_batch and cost is not None:
        cost *= BATCH_PRICE_SHARE
    return EmbeddingPlan(
        texts=len(missing) - len(inputs.waiting),
        chunked=len(inputs.chunks),
        batches=len(planned),
        tokens=tokens,
        cost_usd=cost,
        by_batch=by_batch,
        held=len(inputs.waiting),
    )


def embed_texts(
    ledger: Ledger,
    embedder: Embedder,
    clock: Clock,
    run: RunRef,
    operation: str,
    texts: Mapping[str, str],
) -> TokenUsage:
    """Embed {content_hash: text}, commit the vectors, and return the tokens used.

    All texts go in one paid call if the model's limits allow it, otherwise in several
    calls, one after another. Texts over the model's limit are sent in chunks. Raises
    MalformedAnswerError if an answer is not one finite unit vector per text, and what
    `Ledger.pay` raises.
    """
    inputs = Inputs(ledger.warehouse.transaction, embedder, [texts], texts)
    payment = _Payment(ledger, embedder, clock, run, operation)
    usages = [payment.embed(b) for b in batches(inputs, embedder, embedder.max_batch)]
    pool_all(ledger.warehouse, Space.of(embedder), clock, inputs.chunks)
    return TokenUsage(sum(usage.input_tokens for usage in usages))


def embedding_call(
    embedder: Embedder, operation: str, hashes: Sequence[str], tokens: int
) -> Call:
    """Return the ledger's description of a request to embed these contents."""
    return Call(
        operation=operation,
        provider=embedder.provider,
        model=embedder.model,
        request_hash=fields_hash(
            {
                "operation": operation,
                "model": embedder.model,
                "dimensions": embedder.dimensions,
                "content_hashes": list(hashes),
            }
        ),
        input_tokens=tokens,
    )


@dataclass(frozen=True)
class _Payment:
    """Pays for embedding requests that share a ledger, a run and an operation."""

    ledger: Ledger
    embedder: Embedder
    clock: Clock
    run: RunRef
    operation: str

    def embed(
        self, batch: Sequence[Input], halt: threading.Event | None = None
    ) -> TokenUsage:
        """Embed a batch in one paid call; commit its vectors with its ledger row."""
        embedder = self.embedder
        hashes = [item.content_hash for item in batch]

        def send() -> tuple[EmbeddingAnswer, TokenUsage]:
            answer = embedder.embed([item.text for item in batch])
            check_answer(answer, len(batch), embedder.dimensions)
            return answer, answer.usage

        def record(con: Connection, answer: EmbeddingAnswer) -> None:
            vectors = dict(zip(hashes, answer.vectors, strict=True))
            write_vectors(con, Space.of(embedder), vectors, self.clock.now())

        tokens = sum(item.tokens for item in batch)
        call = embedding_call(embedder, self.operation, hashes, tokens)
        with add_attempt_count(CALL_ATTEMPTS):
            return self.ledger.pay(call, self.run, send, record, halt).usage
