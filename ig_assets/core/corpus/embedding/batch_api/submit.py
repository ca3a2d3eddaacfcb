"""Sends texts without a vector in batches; each batch is recorded before it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential

from ig_assets.core.corpus.embedding.batch_store import (
    BATCH_PRICE_SHARE,
    InFlightInputs,
    batches_in,
    in_flight_inputs,
    note_settled,
    note_submitted,
    open_lines,
)
from ig_assets.core.corpus.embedding.embed import embedding_call
from ig_assets.core.corpus.embedding.pending import (
    Inputs,
    missing_revisions,
    pool_all,
    text_pages,
)
from ig_assets.core.corpus.embedding.requests import Input, batches
from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.costs.ledger.deferred_calls import Settled, settle_submitted
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef, Sleep
from ig_assets.core.costs.ledger.retry_exhausted import add_attempt_count
from ig_assets.core.identity import ID_LENGTH, stable_id
from ig_assets.core.ports import BatchEmbedder, BatchLine, Clock, Embedder, TokenUsage
from ig_assets.errors import AccessError, RefusedError, TransientVendorError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

SUBMIT_ATTEMPTS = 3
CUSTOM_ID_LENGTH = ID_LENGTH + 1 + 5  # an intent key, a hyphen, a number
_NEVER_SENT = "the vendor has no such batch, so nothing was sent"


@dataclass(frozen=True)
class Submission:
    """The inputs (texts or chunks) that one run sent.

    `inputs` is their number; `retried` of them had been sent before. `texts` is the
    number of texts that had no vector, without those that wait for an input that is
    under way or given up. `chunked` is the number of texts that were split.
    """

    batches: int = 0
    inputs: int = 0
    retried: int = 0
    chunked: int = 0
    texts: int = 0


@dataclass(frozen=True)
class Submitter:
    """Sends batches for one run with one embedder."""

    warehouse: Warehouse
    ledger: Ledger
    embedder: Embedder
    batcher: BatchEmbedder
    clock: Clock
    run: RunRef
    sleep: Sleep

    def submit_missing(self, batch_size: int) -> Submission:
        """Send each input without a vector once, unless it is under way or given up.

        An input of a line that failed is sent in its own request. A text whose chunks
        all have a vector gets the vector that is pooled from them. Raises BudgetError
        before a batch that would exceed the budget, and what `BatchEmbedder.submit`
        raises; batches that were sent before the error stay under way.
        """
        space, transaction = Space.of(self.embedder), self.warehouse.transaction
        with transaction() as con:
            missing, _ = missing_revisions(con, space)
            known = in_flight_inputs(con, space)
        held = known.under_way.union(known.given_up)
        pages = text_pages(transaction, missing)
        inputs = Inputs(transaction, self.embedder, pages, missing, held)
        sent = Submission(texts=len(missing))
        requests = _requests(inputs, self.embedder, batch_size, known)
        for group in _groups(requests, self.batcher):
            self._submit(group)
            hashes = [item.content_hash for request in group for item in request]
            sent = replace(
                sent,
                batches=sent.batches + 1,
                inputs=sent.inputs + len(hashes),
                retried=sent.retried + sum(name in known.tried for name in hashes),
            )
        pool_all(self.warehouse, space, self.clock, inputs.chunks)
        return replace(
            sent,
            chunked=len(inputs.chunks),
            texts=len(missing) - len(inputs.waiting),
        )

    def _submit(self, group: Sequence[Sequence[Input]]) -> None:
        intent_key, lines = self._intend(group)
        try:
            with add_attempt_count(SUBMIT_ATTEMPTS):
                batch_id = self._send(lines, intent_key)
        except RefusedError as error:
            _give_up(self.warehouse, self.clock, intent_key, str(error), "failed")
            raise
        except AccessError as error:
            _give_up(
                self.warehouse, self.clock, intent_key, str(error), "unsent", "denied"
            )
            raise
        with self.warehouse.transaction() as con:
            note_submitted(con, intent_key, batch_id, self.clock.now())

    def _intend(self, group: Sequence[Sequence[Input]]) -> tuple[str, list[BatchLine]]:
        """Record the batch and its lines, reserve the cost, and return (key, lines)."""
        embedder = self.embedder
        hashes = [[item.content_hash for item in request] for request in group]
        tokens = [sum(item.tokens for item in request) for request in group]
        calls = [
            replace(
                embedding_call(embedder, "ingest", names, count),
                price_share=BATCH_PRICE_SHARE,
            )
            for names, count in zip(hashes, tokens, strict=True)
        ]
        with self.warehouse.transaction() as con:
            intent_key = self._new_key(con, [call.request_hash for call in calls])
            ids = _custom_ids(intent_key, len(group))
            call_ids = self.ledger.reserve_submitted(con, calls, self.run)
            row = {
                "intent_key": intent_key,
                "provider": embedder.provider,
                "model": embedder.model,
                "dimensions": embedder.dimensions,
                "status": "intended",
                "run_id": self.run.run_id,
                "intended_at": self.clock.now(),
            }
            merge_rows(con, "embedding_batches", [row])
            rows = zip(ids, call_ids, hashes, tokens, strict=True)
            _write_lines(con, intent_key, rows)
        lines = [
            BatchLine(custom_id, [item.text for item in request])
            for custom_id, request in zip(ids, group, strict=True)
        ]
        return intent_key, lines

    def _new_key(self, con: Connection, request_hashes: Sequence[str]) -> str:
        """Return a new key: a hash of the requests and the number of batches."""
        [(count,)] = con.execute("SELECT count(*) FROM embedding_batches").fetchall()
        return stable_id("embedding_batch", count, *request_hashes)

    def _send(self, lines: Sequence[BatchLine], intent_key: str) -> str:
        """Submit the batch and return its id at the vendor.

        Before each retry, ask the vendor whether the batch arrived at an earlier
        attempt.
        """
        for attempt in Retrying(
            retry=retry_if_exception_type(TransientVendorError),
            stop=stop_after_attempt(SUBMIT_ATTEMPTS),
            wait=wait_exponential(multiplier=1, min=1, max=10),
            sleep=self.sleep,
            reraise=True,
        ):
            with attempt:
                batch_id = None
                if attempt.retry_state.attempt_number > 1:
                    batch_id = self.batcher.find(intent_key)
                return batch_id or self.batcher.submit(lines, intent_key)
        raise AssertionError("unreachable")  # pragma: no cover


def resolve_intents(warehouse: Warehouse, clock: Clock, batcher: BatchEmbedder) -> None:
    """Ask the vendor about batches that are `intended` and not recorded as sent.

    Call it only in a step that holds the asset's pool, since another step could be
    about to send such a batch. A batch that the vendor does not know was not sent; its
    inputs may be sent in another batch.
    """
    with warehouse.transaction() as con:
        intents = batches_in(con, "intended")
    for intent in intents:
        batch_id = batcher.find(intent.intent_key)
        if batch_id is None:
            _give_up(warehouse, clock, intent.intent_key, _NEVER_SENT, "unsent")
            continue
        with warehouse.transaction() as con:
            note_submitted(con, intent.intent_key, batch_id, clock.now())


def _give_up(
    warehouse: Warehouse,
    clock: Clock,
    intent_key: str,
    reason: str,
    line_status: str,
    batch_status: str = "failed",
) -> None:
    """Record that the vendor did not accept a batch; its lines cost nothing.

    With `line_status` "failed" this counts as one of the tries of its texts; with
    "unsent" it does not.
    """
    with warehouse.transaction() as con:
        lines = open_lines(con, intent_key)
        settled = [
            Settled(line.call_id, "failed", TokenUsage(), 0.0, reason)
            for line in lines.values()
        ]
        settle_submitted(con, settled)
        freed = [
            {"custom_id": name, "status": line_status, "reason": reason}
            for name in lines
        ]
        merge_rows(con, "embedding_batch_lines", freed)
        note_settled(con, intent_key, batch_status, reason, clock.now())


def _requests(
    inputs: Iterable[Input], embedder: Embedder, batch_size: int, known: InFlightInputs
) -> Iterator[list[Input]]:
    """Yield requests as large as the limits allow, then each suspect input by itself.

    An input is suspect (`InFlightInputs.suspect`) if a line that contained it failed.
    """
    suspects: list[Input] = []

    def unsuspected() -> Iterator[Input]:
        for item in inputs:
            if item.content_hash in known.suspect:
                suspects.append(item)
            else:
                yield item

    yield from batches(unsuspected(), embedder, batch_size)
    for item in suspects:
        yield [item]


def _groups(
    requests: Iterable[list[Input]], batcher: BatchEmbedder
) -> Iterator[list[list[Input]]]:
    """Group requests into batches, each as large as the vendor allows."""
    group: list[list[Input]] = []
    inputs = size = 0
    for request in requests:
        texts = [item.text for item in request]
        added = batcher.line_bytes(BatchLine("0" * CUSTOM_ID_LENGTH, texts))
        if group and (
            len(group) == batcher.max_lines
            or inputs + len(request) > batcher.max_inputs
            or size + added > batcher.max_bytes
        ):
            yield group
            group, inputs, size = [], 0, 0
        group.append(request)
        inputs += len(request)
        size += added
    if group:
        yield group


def _custom_ids(intent_key: str, count: int) -> list[str]:
    return [f"{intent_key}-{place:05d}" for place in range(count)]


def _write_lines(
    con: Connection,
    intent_key: str,
    rows: Iterable[tuple[str, str, list[str], int]],
) -> None:
    lines, inputs = [], []
    for custom_id, call_id, hashes, tokens in rows:
        lines.append(
            {
                "custom_id": custom_id,
                "intent_key": intent_key,
                "call_id": call_id,
                "inputs": len(hashes),
                "tokens": tokens,
                "status": "submitted",
            }
        )
        inputs += [
            {"custom_id": custom_id, "place": place, "content_hash": content_hash}
            for place, content_hash in enumerate(hashes)
        ]
    merge_rows(con, "embedding_batch_lines", lines)
    merge_rows(con, "embedding_batch_inputs", inputs)
