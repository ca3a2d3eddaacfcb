"""Embeds what has no vector yet: one vector a (content hash, model, dimensions)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ig_assets.core.corpus.current import CURRENT_SCRIPTS
from ig_assets.core.costs.ledger import Call, Ledger, RunRef
from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.identity import fields_hash
from ig_assets.core.ports import Clock, Embedder, EmbeddingAnswer, Usage, Vectors
from ig_assets.errors import MalformedAnswerError
from ig_assets.warehouse.connection import Connection, Warehouse
from ig_assets.warehouse.rows import merge_rows

NORM_TOLERANCE = 0.01

_MISSING = f"""
    SELECT s.revision_hash, min(s.text) AS text
    FROM ({CURRENT_SCRIPTS}) AS s
    LEFT JOIN embeddings AS e
        ON e.content_hash = s.revision_hash
        AND e.model = ?
        AND e.dimensions = ?
    WHERE e.content_hash IS NULL
    GROUP BY s.revision_hash
    ORDER BY s.revision_hash
"""


@dataclass(frozen=True)
class EmbeddingRun:
    """What a run embedded; `reused` are active scripts that needed no new vector."""

    embedded: int
    reused: int
    batches: int
    tokens: int
    cost_usd: float | None


@dataclass(frozen=True)
class EmbeddingPlan:
    """What a run would embed; `cost_usd` is None where nobody knows the price."""

    texts: int
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
) -> EmbeddingRun:
    """Embed the words of active scripts that have no vector of this model.

    Equal words are embedded once. Every batch is committed with its ledger row
    before the next is sent. Raises BudgetError before a batch that is too much,
    and the VendorError that ended a batch; what was embedded before stays.
    """
    ledger.mark_unknown(run)
    with warehouse.transaction() as con:
        missing, active = _missing(con, embedder)
    tokens, cost = 0, 0.0
    unpriced = False
    batches = _batches(missing, embedder, batch_size)
    for batch in batches:
        usage = embed_batch(ledger, embedder, clock, run, "ingest", dict(batch))
        price = call_cost_usd(embedder.provider, embedder.model, usage)
        tokens += usage.input_tokens
        cost += price or 0.0
        unpriced = unpriced or price is None
    return EmbeddingRun(
        embedded=len(missing),
        reused=active - len(missing),
        batches=len(batches),
        tokens=tokens,
        cost_usd=None if unpriced else cost,
    )


def plan_embedding(
    warehouse: Warehouse, embedder: Embedder, batch_size: int = 100
) -> EmbeddingPlan:
    """What `embed_missing` would send and what it would cost; sends nothing."""
    with warehouse.transaction() as con:
        missing, _ = _missing(con, embedder)
    tokens = sum(embedder.count_tokens(text) for _, text in missing)
    return EmbeddingPlan(
        texts=len(missing),
        batches=len(_batches(missing, embedder, batch_size)),
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
    """Embed {content_hash: text} in one paid call and commit the vectors with it.

    Raises MalformedAnswerError when the answer is not one finite unit vector a
    text, and what `Ledger.pay` raises.
    """
    hashes = list(texts)
    call = Call(
        operation=operation,
        provider=embedder.provider,
        model=embedder.model,
        request_hash=fields_hash(
            {
                "operation": operation,
                "model": embedder.model,
                "dimensions": embedder.dimensions,
                "content_hashes": hashes,
            }
        ),
        input_tokens=sum(embedder.count_tokens(text) for text in texts.values()),
    )

    def send() -> tuple[EmbeddingAnswer, Usage]:
        answer = embedder.embed(list(texts.values()))
        _check(answer, len(texts), embedder.dimensions)
        return answer, answer.usage

    def record(con: Connection, answer: EmbeddingAnswer) -> None:
        _write_vectors(con, embedder, hashes, answer.vectors, clock.now())

    return ledger.pay(call, run, send, record).usage


def _missing(con: Connection, embedder: Embedder) -> tuple[list[tuple[str, str]], int]:
    """(revision_hash, text) without a vector, and the number of active scripts."""
    missing = con.execute(_MISSING, [embedder.model, embedder.dimensions]).fetchall()
    counted = con.execute(f"SELECT count(*) FROM ({CURRENT_SCRIPTS}) AS s").fetchall()
    return missing, int(counted[0][0])


def _batches(
    missing: Sequence[tuple[str, str]], embedder: Embedder, batch_size: int
) -> list[Sequence[tuple[str, str]]]:
    size = max(1, min(batch_size, embedder.max_batch))
    return [missing[start : start + size] for start in range(0, len(missing), size)]


def _check(answer: EmbeddingAnswer, texts: int, dimensions: int) -> None:
    problem = None
    if answer.vectors.shape != (texts, dimensions):
        problem = f"{answer.vectors.shape} numbers instead of {(texts, dimensions)}"
    elif not np.isfinite(answer.vectors).all():
        problem = "numbers that are not finite"
    else:
        norms = np.linalg.norm(answer.vectors.astype(np.float64), axis=1)
        if np.abs(norms - 1.0).max(initial=0.0) > NORM_TOLERANCE:
            problem = "vectors that are not of length 1"
    if problem is not None:
        raise MalformedAnswerError(
            f"The embedding model answered {problem}; nothing of the batch was kept.",
            answer.usage.input_tokens,
            answer.usage.output_tokens,
        )


def _write_vectors(
    con: Connection,
    embedder: Embedder,
    hashes: Sequence[str],
    vectors: Vectors,
    now: datetime,
) -> None:
    merge_rows(
        con,
        "embeddings",
        [
            {
                "content_hash": content_hash,
                "model": embedder.model,
                "dimensions": embedder.dimensions,
                "vector": vector.tolist(),
                "created_at": now,
            }
            for content_hash, vector in zip(hashes, vectors, strict=True)
        ],
        replace=False,
    )
