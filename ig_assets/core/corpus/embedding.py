"""Embeds what has no vector yet: one vector a (content hash, model, dimensions)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ig_assets.core.corpus.batching import Input, batches
from ig_assets.core.corpus.chunking import pool, split_text
from ig_assets.core.corpus.current import CURRENT_SCRIPTS
from ig_assets.core.corpus.vectors import (
    check_answer,
    read_vectors,
    stored_hashes,
    write_vectors,
)
from ig_assets.core.costs.in_flight import run_in_flight
from ig_assets.core.costs.ledger import Call, Ledger, RunRef
from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.identity import fields_hash, text_hash
from ig_assets.core.ports import Clock, Embedder, EmbeddingAnswer, Usage
from ig_assets.warehouse.connection import Connection, Warehouse

PAGE = 20_000  # texts in memory at a time
POOLED_TOGETHER = 200

_MISSING = f"""
    SELECT DISTINCT s.revision_hash
    FROM ({CURRENT_SCRIPTS}) AS s
    LEFT JOIN embeddings AS e
        ON e.content_hash = s.revision_hash
        AND e.model = ?
        AND e.dimensions = ?
    WHERE e.content_hash IS NULL
    ORDER BY s.revision_hash
"""

_TEXTS = """
    SELECT revision_hash, min(text) AS text
    FROM scripts
    WHERE revision_hash IN (SELECT unnest(?::TEXT[]))
    GROUP BY revision_hash
    ORDER BY revision_hash
"""


@dataclass(frozen=True)
class EmbeddingRun:
    """What a run embedded.

    `reused` are active scripts that needed no new vector, `chunked` those of the
    embedded that were split; `cost_usd` is None where nobody knows the price.
    """

    embedded: int
    reused: int
    chunked: int
    batches: int
    tokens: int
    cost_usd: float | None


@dataclass(frozen=True)
class EmbeddingPlan:
    """What a run would embed; `cost_usd` is None where nobody knows the price."""

    texts: int
    chunked: int
    batches: int
    tokens: int
    cost_usd: float | None


def embed_missing(
    warehouse: Warehouse,
    ledger: Ledger,
    embedder: Embedder,
    clock: Clock,
    run: RunRef,
    batch_size: int = 100,
    max_in_flight: int = 1,
) -> EmbeddingRun:
    """Embed the words of active scripts that have no vector of this model.

    Equal words are embedded once. Every batch is committed with its ledger row
    before it counts as done, and at most `max_in_flight` are sent but not
    committed. A text longer than the model reads is embedded in chunks, which keep
    their own vectors, and its vector is pooled from theirs (`chunking.pool`).
    Raises BudgetError before a batch that is too much, and the VendorError that
    ended a batch: no other is sent after it, and what was answered stays.
    """
    ledger.mark_unknown(run)
    with warehouse.transaction() as con:
        missing, active = _missing(con, embedder)
    inputs = _Inputs(warehouse, embedder, _pages(warehouse, missing), missing)
    paid = _Payment(ledger, embedder, clock, run, "ingest")
    usages = run_in_flight(
        (partial(paid.embed, b) for b in batches(inputs, embedder, batch_size)),
        max_in_flight,
    )
    _pool_all(warehouse, embedder, clock, inputs.chunks)
    costs = [call_cost_usd(embedder.provider, embedder.model, u) for u in usages]
    known = [cost for cost in costs if cost is not None]
    return EmbeddingRun(
        embedded=len(missing),
        reused=active - len(missing),
        chunked=len(inputs.chunks),
        batches=len(usages),
        tokens=sum(usage.input_tokens for usage in usages),
        cost_usd=sum(known) if len(known) == len(costs) else None,
    )


def plan_embedding(
    place: Warehouse | Connection, embedder: Embedder, batch_size: int = 100
) -> EmbeddingPlan:
    """What `embed_missing` would send and what it would cost; sends nothing.

    `place` may be an open transaction, whose changes then count, though they may be
    rolled back.
    """
    with _opened(place) as con:
        missing, _ = _missing(con, embedder)
    inputs = _Inputs(place, embedder, _pages(place, missing), missing)
    planned = [
        sum(item.tokens for item in batch)
        for batch in batches(inputs, embedder, batch_size)
    ]
    tokens = sum(planned)
    return EmbeddingPlan(
        texts=len(missing),
        chunked=len(inputs.chunks),
        batches=len(planned),
        tokens=tokens,
        cost_usd=call_cost_usd(embedder.provider, embedder.model, Usage(tokens)),
    )


def embed_batch(
    ledger: Ledger,
    embedder: Embedder,
    clock: Clock,
    run: RunRef,
    operation: str,
    texts: Mapping[str, str],
) -> Usage:
    """Embed {content_hash: text}, as a rule in one paid call; commit the vectors.

    More texts or tokens than a request takes go in several calls, one by one, and
    texts longer than the model reads in chunks. Raises MalformedAnswerError when an
    answer is not one finite unit vector a text, and what `Ledger.pay` raises.
    """
    inputs = _Inputs(ledger.warehouse, embedder, [texts], texts)
    payment = _Payment(ledger, embedder, clock, run, operation)
    usages = [payment.embed(b) for b in batches(inputs, embedder, embedder.max_batch)]
    _pool_all(ledger.warehouse, embedder, clock, inputs.chunks)
    return Usage(sum(usage.input_tokens for usage in usages))


@dataclass(frozen=True)
class _Payment:
    """Who pays for batches, in whose name and to what end."""

    ledger: Ledger
    embedder: Embedder
    clock: Clock
    run: RunRef
    operation: str

    def embed(
        self, batch: Sequence[Input], halt: threading.Event | None = None
    ) -> Usage:
        """Embed a batch in one paid call and commit its vectors with it."""
        embedder = self.embedder
        hashes = [item.content_hash for item in batch]

        def send() -> tuple[EmbeddingAnswer, Usage]:
            answer = embedder.embed([item.text for item in batch])
            check_answer(answer, len(batch), embedder.dimensions)
            return answer, answer.usage

        def record(con: Connection, answer: EmbeddingAnswer) -> None:
            vectors = dict(zip(hashes, answer.vectors, strict=True))
            write_vectors(con, embedder, vectors, self.clock.now())

        call = self._call(hashes, sum(item.tokens for item in batch))
        return self.ledger.pay(call, self.run, send, record, halt).usage

    def _call(self, hashes: list[str], tokens: int) -> Call:
        embedder = self.embedder
        return Call(
            operation=self.operation,
            provider=embedder.provider,
            model=embedder.model,
            request_hash=fields_hash(
                {
                    "operation": self.operation,
                    "model": embedder.model,
                    "dimensions": embedder.dimensions,
                    "content_hashes": hashes,
                }
            ),
            input_tokens=tokens,
        )


class _Inputs:
    """What must be embedded for many texts, drawn page by page.

    `chunks` fills while inputs are drawn: of each text that was split, its chunks.
    """

    def __init__(
        self,
        place: Warehouse | Connection,
        embedder: Embedder,
        pages: Iterable[Mapping[str, str]],
        hashes: Iterable[str],
    ) -> None:
        self.chunks: dict[str, list[tuple[str, int]]] = {}
        self._place = place
        self._embedder = embedder
        self._pages = pages
        self._taken = set(hashes)

    def __iter__(self) -> Iterator[Input]:
        for page in self._pages:
            whole, chunks = self._page(page)
            yield from whole
            yield from self._not_stored(chunks)

    def _page(self, page: Mapping[str, str]) -> tuple[list[Input], list[Input]]:
        """Texts that fit, and chunks of those that do not."""
        whole: list[Input] = []
        chunks: list[Input] = []
        count, limit = self._embedder.count_tokens, self._embedder.max_input_tokens
        for content_hash, text in page.items():
            tokens = count(text)
            if tokens <= limit:
                whole.append(Input(content_hash, text, tokens))
                continue
            parts = [
                Input(text_hash(part), part, count(part))
                for part in split_text(text, limit, count)
            ]
            self.chunks[content_hash] = [(p.content_hash, p.tokens) for p in parts]
            chunks += parts
        return whole, chunks

    def _not_stored(self, chunks: list[Input]) -> Iterator[Input]:
        """Chunks without a vector; one that several texts share comes once."""
        if not chunks:
            return
        with _opened(self._place) as con:
            hashes = [chunk.content_hash for chunk in chunks]
            self._taken |= stored_hashes(con, self._embedder, hashes)
        for chunk in chunks:
            if chunk.content_hash not in self._taken:
                self._taken.add(chunk.content_hash)
                yield chunk


def _missing(con: Connection, embedder: Embedder) -> tuple[list[str], int]:
    """Revisions without a vector, and the number of active scripts."""
    rows = con.execute(_MISSING, [embedder.model, embedder.dimensions]).fetchall()
    counted = con.execute(f"SELECT count(*) FROM ({CURRENT_SCRIPTS}) AS s").fetchall()
    return [revision_hash for (revision_hash,) in rows], int(counted[0][0])


def _pages(
    place: Warehouse | Connection, hashes: Sequence[str]
) -> Iterator[dict[str, str]]:
    """{revision_hash: text}, a page at a time and in the order of the hashes."""
    for start in range(0, len(hashes), PAGE):
        with _opened(place) as con:
            wanted = list(hashes[start : start + PAGE])
            page = dict(con.execute(_TEXTS, [wanted]).fetchall())
        yield page


def _pool_all(
    warehouse: Warehouse,
    embedder: Embedder,
    clock: Clock,
    chunks: Mapping[str, list[tuple[str, int]]],
) -> None:
    """Write the vectors of split texts, from those of their chunks."""
    texts = list(chunks)
    for start in range(0, len(texts), POOLED_TOGETHER):
        group = texts[start : start + POOLED_TOGETHER]
        with warehouse.transaction() as con:
            hashes = {part for text in group for part, _ in chunks[text]}
            known = read_vectors(con, embedder, hashes)
            pooled = {
                text: pool(
                    [known[part] for part, _ in chunks[text]],
                    [tokens for _, tokens in chunks[text]],
                )
                for text in group
            }
            write_vectors(con, embedder, pooled, clock.now())


@contextmanager
def _opened(place: Warehouse | Connection) -> Iterator[Connection]:
    if isinstance(place, Warehouse):
        with place.transaction() as con:
            yield con
    else:
        yield place
