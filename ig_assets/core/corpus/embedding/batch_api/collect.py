"""Collects ended batches: stores their vectors and settles their rows in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ig_assets.core.corpus.embedding.batch_store import (
    BATCH_PRICE_SHARE,
    MOST_TRIES,
    BatchRow,
    OpenLine,
    batches_in,
    note_ended,
    note_settled,
    note_submitted,
    open_lines,
)
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.embedding.vector_store import (
    Vector,
    check_answer,
    write_vectors,
)
from ig_assets.core.costs.ledger.deferred_calls import Settled, settle_submitted
from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.ports import BatchEmbedder, BatchResult, Clock, TokenUsage
from ig_assets.errors import MalformedAnswerError, RefusedError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

PAGE = 2_000  # inputs whose vectors are written in one transaction

_MISSING_RESULT = "the vendor gave no result for this line"
_NOT_STARTED = {
    "expired": "the batch expired before the vendor came to this line",
    "cancelled": "the batch was cancelled before the vendor came to this line",
    "failed": "the vendor did not accept the batch",
    "denied": "the vendor refused the account",
}
_DENIED_LINES = """
    SELECT reason
    FROM embedding_batch_lines
    WHERE intent_key = ?
        AND status = 'unsent'
    ORDER BY custom_id
    LIMIT 1
"""
# The account may not queue more at a time; the vendor did no work.
QUEUE_FULL = "token_limit_exceeded"


@dataclass(frozen=True)
class Collection:
    """The results of one call of `collect_ended`.

    `batches` is the number of ended batches that were collected, `vectors` the number
    of vectors that were stored, and `failed_lines` the number of lines without a
    vector. `cost_usd` is None if no price is known. `queue_is_full` means that the
    vendor accepts no more batches before it has finished earlier ones. `denied` means
    that a batch ended because the vendor refuses the account. `problems` has a sentence
    for each batch that did not complete.
    """

    batches: int = 0
    vectors: int = 0
    failed_lines: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    queue_is_full: bool = False
    denied: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class _LineResult:
    """The result of one line of a batch.

    `vectors` is {content hash: vector}; `reason` says why there are none.
    """

    line: OpenLine
    status: str
    usage: TokenUsage
    vectors: dict[str, Vector]
    reason: str | None = None


def poll_batches(
    warehouse: Warehouse, clock: Clock, batcher: BatchEmbedder
) -> tuple[int, int]:
    """Ask the vendor about open batches; return (number under way, number ended).

    Open batches are `submitted`, or `intended` if a crash left them so. An `intended`
    batch that the vendor does not know stays `intended`, since another step may be
    about to send it.
    """
    with warehouse.transaction() as con:
        rows = batches_in(con, "intended", "submitted")
    for row in rows:
        batch_id = row.batch_id or batcher.find(row.intent_key)
        if batch_id is None:
            continue
        state = batcher.state(batch_id)
        with warehouse.transaction() as con:
            if row.batch_id is None:
                note_submitted(con, row.intent_key, batch_id, clock.now())
            if state.status != "running":
                note_ended(con, row.intent_key, state.status, state.reason)
    with warehouse.transaction() as con:
        return len(batches_in(con, "intended", "submitted")), len(
            batches_in(con, "ended")
        )


def collect_ended(
    warehouse: Warehouse, clock: Clock, batcher: BatchEmbedder
) -> Collection:
    """Fetch the results of all ended batches, store them, and return their numbers.

    Vectors are committed page by page, together with the ledger rows of their lines. If
    the process is killed, the next run continues after the last committed page. A line
    that the vendor returns twice counts once; a line without a vector gets the reason.
    Raises TransientVendorError, after which the batch can be collected again.
    """
    with warehouse.transaction() as con:
        ended = batches_in(con, "ended")
        others = len(batches_in(con, "intended", "submitted"))
    total = Collection(batches=len(ended))
    for batch in ended:
        for page in _pages(warehouse, batcher, batch):
            with warehouse.transaction() as con:
                _write(con, clock, batch, page)
            total = _added(total, batch, page)
        is_full = batch.outcome == "failed" and QUEUE_FULL in (batch.reason or "")
        with warehouse.transaction() as con:
            known = _with_denial(con, batch)
            rest = _without_result(con, known, is_full and others > 0)
            _write(con, clock, batch, rest)
            status = "collected" if known.outcome == "completed" else known.outcome
            reason, now = known.reason, clock.now()
            note_settled(con, batch.intent_key, str(status), reason, now)
        total = _added(total, batch, rest)
        total = replace(
            total,
            queue_is_full=total.queue_is_full or is_full,
            denied=total.denied or known.outcome == "denied",
            problems=(*total.problems, *_problem(known, len(rest))),
        )
    return total


def _with_denial(con: Connection, batch: BatchRow) -> BatchRow:
    """Return the batch; its outcome is `denied` if the vendor denied one of its lines.

    The lines are read from the table, since a killed run may have written some of them.
    """
    if batch.outcome == "denied":
        return batch
    reasons = con.execute(_DENIED_LINES, [batch.intent_key]).fetchall()
    if not reasons:
        return batch
    return replace(batch, outcome="denied", reason=reasons[0][0])


def _problem(batch: BatchRow, lines: int) -> tuple[str, ...]:
    """Return a one-element tuple: a sentence about a batch that did not complete.

    The tuple is empty if the batch completed. `lines` is the number of its requests
    without a result.
    """
    if batch.outcome == "completed":
        return ()
    why = f" ({batch.reason})" if batch.reason else ""
    what = f"{batch.provider} ended batch {batch.batch_id} as {batch.outcome}{why}"
    if batch.outcome == "denied":
        return (f"{what}; what it had done is kept.",)
    return (
        f"{what}; of its requests {lines} brought nothing and are sent again, at most "
        f"{MOST_TRIES} times in total.",
    )


def _pages(
    warehouse: Warehouse, batcher: BatchEmbedder, batch: BatchRow
) -> Iterator[list[_LineResult]]:
    """Yield the results of the batch's open lines, page by page."""
    with warehouse.transaction() as con:
        lines = open_lines(con, batch.intent_key)
    if not lines:
        return
    assert batch.batch_id is not None, "it has ended at the vendor"
    try:
        results = batcher.results(batch.batch_id)
        page: list[_LineResult] = []
        for result in results:
            line = lines.pop(result.custom_id, None)
            if line is None:
                continue
            page.append(_checked(line, result, batch.space))
            if sum(len(done.line.hashes) for done in page) >= PAGE:
                yield page
                page = []
    except RefusedError:
        return  # the files are gone: no line has a result
    if page:
        yield page


def _checked(line: OpenLine, result: BatchResult, space: Space) -> _LineResult:
    """Turn a vendor's result into a row to write, checking the answer's vectors.

    If the account was refused, the line becomes `unsent`, as its texts are not at
    fault.
    """
    if result.status == "denied":
        return _LineResult(line, "unsent", TokenUsage(), {}, result.problem)
    if result.answer is None:
        unpaid = result.status != "malformed"
        usage = result.usage or TokenUsage(0 if unpaid else line.tokens)
        return _LineResult(line, result.status, usage, {}, result.problem)
    answer = result.answer
    try:
        check_answer(answer, len(line.hashes), space.dimensions)
    except MalformedAnswerError as error:
        return _LineResult(line, "malformed", answer.usage, {}, str(error))
    vectors = dict(zip(line.hashes, answer.vectors, strict=True))
    return _LineResult(line, "done", answer.usage, vectors)


def _without_result(
    con: Connection, batch: BatchRow, is_held_back: bool
) -> list[_LineResult]:
    """Return results for the lines that are still open after all results are written.

    A completed batch may have billed these lines, so they are booked with their
    estimated tokens; in other batches they cost nothing. With `is_held_back` the lines
    of a batch that did not complete become `unsent`, so that they do not count as a
    try.
    """
    lines = open_lines(con, batch.intent_key).values()
    if batch.outcome == "completed":
        return [
            _LineResult(line, "failed", TokenUsage(line.tokens), {}, _MISSING_RESULT)
            for line in lines
        ]
    outcome = str(batch.outcome)
    status = "failed" if outcome == "failed" else "expired"
    status = "unsent" if is_held_back or outcome == "denied" else status
    reason = _NOT_STARTED[outcome] + (f" ({batch.reason})" if batch.reason else "")
    return [_LineResult(line, status, TokenUsage(), {}, reason) for line in lines]


def _write(
    con: Connection, clock: Clock, batch: BatchRow, page: Sequence[_LineResult]
) -> None:
    """Write vectors, lines and ledger rows in the caller's transaction."""
    vectors = {name: row for done in page for name, row in done.vectors.items()}
    if vectors:
        write_vectors(con, batch.space, vectors, clock.now())
    merge_rows(
        con,
        "embedding_batch_lines",
        [
            {
                "custom_id": done.line.custom_id,
                "status": done.status,
                "reason": done.reason,
            }
            for done in page
        ],
    )
    settle_submitted(
        con,
        [
            Settled(
                done.line.call_id,
                "done" if done.status == "done" else "failed",
                done.usage,
                _cost(batch, done.usage),
                done.reason,
            )
            for done in page
        ],
    )


def _cost(batch: BatchRow, usage: TokenUsage) -> float | None:
    if not usage.input_tokens:
        return 0.0
    cost = call_cost_usd(batch.provider, batch.model, usage)
    return None if cost is None else cost * BATCH_PRICE_SHARE


def _added(
    total: Collection, batch: BatchRow, page: Sequence[_LineResult]
) -> Collection:
    costs = [total.cost_usd, *(_cost(batch, done.usage) for done in page)]
    known = [cost for cost in costs if cost is not None]
    return replace(
        total,
        vectors=total.vectors + sum(len(done.vectors) for done in page),
        failed_lines=total.failed_lines + sum(d.status != "done" for d in page),
        tokens=total.tokens + sum(done.usage.input_tokens for done in page),
        cost_usd=sum(known) if len(known) == len(costs) else None,
    )
