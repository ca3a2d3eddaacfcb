"""Our adapters and the ledger against aimock: its answers, its faults, its retries."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from ig_assets.adapters.openai.rate_limit import RateLimiter
from ig_assets.adapters.openai.writer import OpenAIEmbedder, OpenAIWriter
from ig_assets.core.corpus.embedding.embed import embed_texts
from ig_assets.core.costs.ledger.ledger import CALL_ATTEMPTS, Ledger, RunRef
from ig_assets.core.generation.writing.schema import ScriptAnswer
from ig_assets.core.ports import TokenUsage, WriteRequest
from ig_assets.errors import (
    AccessError,
    ContextTooLongError,
    MalformedAnswerError,
    RefusedError,
    TransientVendorError,
    VendorError,
)
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets_tests.factories.warehouses import migrated_warehouse
from ig_assets_tests.stand_ins.node.aimock import Aimock, cut_off, error
from ig_assets_tests.stand_ins.node.openai_contract import Without

KEY = "sk-test-only"
TEXT = "Salt the water late."
SCRIPT = {
    "hook": "Salt late. 🧂",
    "beats": ["It draws water.", "מלח בסוף.", "Taste it."],
    "call_to_action": "Try it.",
}
VECTOR = {"embedding": [3.0, 4.0]}
RUN = RunRef("run-1", "script_embeddings")
Send = Callable[[Aimock], object]


def embedder(vendor: Aimock, dimensions: int = 2, **options: Any) -> OpenAIEmbedder:
    options = {
        "pace": RateLimiter(),
        **options,
    }  # of its own: no test waits for another's
    url = vendor.base_url
    return OpenAIEmbedder(KEY, dimensions=dimensions, base_url=url, **options)


def embed(vendor: Aimock, **options: Any) -> object:
    return embedder(vendor, **options).embed([TEXT])


def write(vendor: Aimock, **options: Any) -> Any:
    request = WriteRequest("Write a script.", TEXT, ScriptAnswer, 400, 0.7, 11)
    options = {"pace": RateLimiter(), **options}
    url = vendor.base_url
    return OpenAIWriter("gpt-4.1-mini", KEY, base_url=url, **options).write(request)


both_ask = pytest.mark.parametrize("ask", [embed, write])


def failure(ask: Send, vendor: Aimock) -> VendorError:
    with pytest.raises(VendorError) as caught:
        ask(vendor)
    return caught.value


def script_both(vendor: Aimock, answer: Mapping[str, Any]) -> None:
    vendor.embeds(TEXT, answer)
    vendor.writes(TEXT, answer)


def test_the_vector_that_was_scripted_comes_back_of_length_one(vendor: Aimock) -> None:
    vendor.embeds(TEXT, VECTOR)
    answer = embedder(vendor).embed([TEXT])
    np.testing.assert_allclose(answer.vectors, [[0.6, 0.8]], rtol=1e-6)
    counted = embedder(vendor).count_tokens(TEXT)
    assert answer.usage == TokenUsage(counted), "aimock tells 0 tokens, so we count"


def test_a_hundred_texts_are_one_request_and_keep_their_order(vendor: Aimock) -> None:
    texts = [f"Script {n}: salt late. 🧂" for n in range(99)] + [
        "Script 7: salt late. 🧂"
    ]
    vectors = embedder(vendor, dimensions=256).embed(texts).vectors
    assert vendor.asked() == [200]
    assert vectors.shape == (100, 256) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-6)
    same = np.argwhere(vectors @ vectors.T > 0.9999)
    assert [(a, b) for a, b in same.tolist() if a < b] == [(7, 99)]
    alone = embedder(vendor, dimensions=256).embed([texts[42]]).vectors
    np.testing.assert_allclose(alone[0], vectors[42], rtol=1e-6)


@pytest.mark.parametrize("lacking", [None, "/v1/responses"])
def test_the_script_that_was_scripted_comes_back_with_what_it_took(
    vendor: Aimock, lacking: str | None
) -> None:
    usage = {"input_tokens": 120, "output_tokens": 30}
    vendor.writes(TEXT, {"content": SCRIPT, "usage": usage, "model": "gpt-4.1-mini"})
    with httpx2.Client(transport=Without(lacking)) as client:
        answer = write(vendor, http_client=client)
    assert answer.parsed == ScriptAnswer.model_validate(SCRIPT)
    assert (answer.usage, answer.model) == (TokenUsage(120, 30), "gpt-4.1-mini")


@both_ask
@pytest.mark.parametrize(
    ("rates", "unknown", "wait"),
    [
        ({"rateLimitRate": 1}, False, 1.0),
        ({"dropRate": 1}, True, None),
        ({"disconnectRate": 1}, True, None),
    ],
)
def test_faults_that_may_pass_are_transient_and_say_what_may_have_been_billed(
    vendor: Aimock, ask: Send, rates: dict[str, float], unknown: bool, wait: float
) -> None:
    vendor.breaks(**rates)
    fault = failure(ask, vendor)
    assert isinstance(fault, TransientVendorError)
    assert (fault.outcome_unknown, fault.retry_after_s) == (unknown, wait)


@both_ask
@pytest.mark.parametrize(
    ("status", "unknown", "wait"), [(429, False, 7.0), (503, False, None)]
)
def test_a_vendor_that_says_no_has_billed_nothing(
    vendor: Aimock, ask: Send, status: int, unknown: bool, wait: float | None
) -> None:
    seconds = None if wait is None else int(wait)
    script_both(vendor, error(status, retry_after_s=seconds))
    fault = failure(ask, vendor)
    assert isinstance(fault, TransientVendorError)
    assert (fault.outcome_unknown, fault.retry_after_s) == (unknown, wait)


@pytest.mark.parametrize("ask", [embed, write])
def test_an_answer_that_comes_too_late_may_have_been_billed(
    vendor: Aimock, ask: Callable[..., object]
) -> None:
    vendor.breaks(latencyMs=30_000)
    fault = failure(lambda v: ask(v, timeout_s=0.3), vendor)
    assert isinstance(fault, TransientVendorError) and fault.outcome_unknown


@both_ask
def test_an_answer_that_is_no_json_is_malformed(vendor: Aimock, ask: Send) -> None:
    vendor.breaks(malformedRate=1)
    assert isinstance(failure(ask, vendor), MalformedAnswerError)


@both_ask
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "invalid_api_key", AccessError),
        (429, "insufficient_quota", AccessError),
        (400, "context_length_exceeded", ContextTooLongError),
        (422, None, RefusedError),
    ],
)
def test_what_will_not_pass_is_final(
    vendor: Aimock, ask: Send, status: int, code: str | None, kind: type[VendorError]
) -> None:
    script_both(vendor, error(status, code))
    assert type(failure(ask, vendor)) is kind


def test_vectors_of_other_dimensions_are_malformed(vendor: Aimock) -> None:
    vendor.embeds(TEXT, {"embedding": [0.1, 0.2, 0.3]})
    fault = failure(embed, vendor)
    assert isinstance(fault, MalformedAnswerError) and "3 dimensions" in str(fault)


@pytest.mark.parametrize(
    "answer",
    [
        {"content": json.dumps(SCRIPT)[:40]},
        {"content": json.dumps(SCRIPT), "finishReason": "length"},
        {"content": "I would rather talk about the weather."},
        {"content": {"hook": "Salt late.", "beats": []}},
    ],
)
def test_a_script_that_is_cut_or_does_not_fit_is_malformed(
    vendor: Aimock, answer: dict[str, Any]
) -> None:
    vendor.writes(TEXT, {**answer, "usage": {"input_tokens": 9, "output_tokens": 5}})
    fault = failure(write, vendor)
    assert isinstance(fault, MalformedAnswerError)
    assert (fault.input_tokens, fault.output_tokens) == (9, 5)


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 5, 1, 9)


class Books:
    """Embeds through a ledger whose waits are noted and not waited."""

    def __init__(self, folder: Path) -> None:
        self._home = migrated_warehouse(folder / "b.duckdb", Clock().now)
        self.waited: list[float] = []
        self._later_s = 0.0

    def embed(self, vendor: Aimock) -> None:
        ledger = Ledger(self._home, Clock(), (), self._wait)
        model = embedder(vendor, pace=RateLimiter(self._pass, lambda: self._later_s))
        embed_texts(ledger, model, Clock(), RUN, "ingest", {"hash": TEXT})

    def _wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        self._later_s += seconds

    def statuses(self) -> list[str]:
        with self._home.transaction() as con:
            calls = fetch_dicts(con, "SELECT status FROM api_calls ORDER BY rowid")
        return [call["status"] for call in calls]

    def vectors(self) -> int:
        with self._home.transaction() as con:
            return len(con.execute("SELECT * FROM embeddings").fetchall())


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


@pytest.mark.parametrize(
    ("faults", "waited", "statuses"),
    [
        ([error(429, retry_after_s=7)], [7.0], ["failed"]),
        ([error(429, retry_after_s=900)], [60.0], ["failed"]),
        ([error(503)], [1.0], ["failed"]),
        ([error(500), error(500)], [1.0, 2.0], ["unknown", "unknown"]),
        ([cut_off(VECTOR)], [1.0], ["unknown"]),
        (
            [error(429, retry_after_s=3), cut_off(VECTOR), error(500), error(503)],
            [3.0, 2.0, 4.0, 8.0],
            ["failed", "unknown", "unknown", "failed"],
        ),
    ],
)
def test_the_ledger_tries_again_as_told_and_each_attempt_is_a_row(
    vendor: Aimock,
    books: Books,
    faults: list[Mapping[str, Any]],
    waited: list[float],
    statuses: list[str],
) -> None:
    vendor.embeds(TEXT, *faults, VECTOR)
    books.embed(vendor)
    assert books.waited == waited
    assert books.statuses() == [*statuses, "done"]
    assert books.vectors() == 1
    assert len(vendor.asked()) == len(faults) + 1


def test_the_ledger_gives_up_after_five_attempts(vendor: Aimock, books: Books) -> None:
    vendor.breaks(rateLimitRate=1)
    with pytest.raises(TransientVendorError):
        books.embed(vendor)
    assert vendor.asked() == [429] * CALL_ATTEMPTS
    assert books.statuses() == ["failed"] * CALL_ATTEMPTS
    assert books.waited == [1.0] * (CALL_ATTEMPTS - 1)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (error(400, "context_length_exceeded"), "failed"),
        (error(401, "invalid_api_key"), "failed"),
        ({"embedding": [0.1, 0.2, 0.3]}, "failed"),
    ],
)
def test_the_ledger_never_repeats_what_will_not_pass(
    vendor: Aimock, books: Books, answer: Mapping[str, Any], status: str
) -> None:
    vendor.embeds(TEXT, answer)
    with pytest.raises(VendorError):
        books.embed(vendor)
    assert len(vendor.asked()) == 1 and books.waited == []
    assert books.statuses() == [status] and books.vectors() == 0


def test_an_answer_nobody_can_read_is_not_bought_again(
    vendor: Aimock, books: Books
) -> None:
    vendor.breaks(malformedRate=1)
    with pytest.raises(MalformedAnswerError):
        books.embed(vendor)
    assert vendor.asked() == [200]
    assert books.statuses() == ["unknown"], "it may have been billed"
