"""What OpenAI can answer wrongly to an embedding run, and what the rows say then.

The real SDK talks to a transport that misbehaves; ledger and warehouse are real.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from ig_assets.adapters.openai.embedder import OpenAIEmbedder
from ig_assets.core.corpus.embedding.embed import EmbeddingRun, embed_missing
from ig_assets.core.costs.ledger.ledger import CALL_ATTEMPTS, Ledger
from ig_assets.errors import (
    AccessError,
    MalformedAnswerError,
    RefusedError,
    TransientVendorError,
    VendorError,
)
from ig_assets_tests.core.corpus.corpus_factory import RUN, CorpusFactory
from ig_assets_tests.factories.stopped_time import StoppedTime

Answer = Callable[[Sequence[str]], httpx2.Response]
DATES = {
    "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT",
    "date": "Wed, 21 Oct 2026 07:28:00 GMT",
}


def rows_of(texts: Sequence[str]) -> list[list[float]]:
    return [[float(len(text)), float(text.count("e") + 1)] for text in texts]


def body(rows: Sequence[Any], **changed: Any) -> dict[str, Any]:
    data = [
        {"object": "embedding", "index": n, "embedding": r} for n, r in enumerate(rows)
    ]
    usage = {"prompt_tokens": 17, "total_tokens": 17}
    return {"object": "list", "model": "m", "data": data, "usage": usage, **changed}


def good(texts: Sequence[str]) -> httpx2.Response:
    return httpx2.Response(200, json=body(rows_of(texts)))


def status(code: int, name: str | None = None, **headers: str) -> Answer:
    error = {"error": {"message": "no", "type": "t", "code": name}}
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return lambda texts: httpx2.Response(code, json=error, headers=named)


def breaks(cause: type[httpx2.TransportError]) -> Answer:
    def answer(texts: Sequence[str]) -> httpx2.Response:
        raise cause("gone")

    return answer


def says(content: str | bytes, kind: str = "application/json") -> Answer:
    headers = {"content-type": kind}
    return lambda texts: httpx2.Response(200, content=content, headers=headers)


def vectors(change: Callable[[list[list[float]]], Sequence[Any]]) -> Answer:
    def answer(texts: Sequence[str]) -> httpx2.Response:
        return says(json.dumps(body(change(rows_of(texts)))))(texts)

    return answer


def changed(**parts: Any) -> Answer:
    return lambda texts: says(json.dumps(body(rows_of(texts), **parts)))(texts)


class EmbeddingEnv(CorpusFactory):
    """Three scripts, OpenAI's embedder, and answers queued before the good ones."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sent: list[list[str]] = []
        self.time = StoppedTime()
        self.queue: list[Answer] = []
        client = httpx2.Client(transport=httpx2.MockTransport(self._answer))
        self.openai = OpenAIEmbedder(
            "sk-none", dimensions=2, http_client=client, pace=self.time.pace()
        )
        for n in range(3):
            self.write(f"{n}.md", hook=f"Hook number {n}{'e' * n}.")
        self.sync()

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        texts = json.loads(request.content)["input"]
        self.sent.append(texts)
        return (self.queue.pop(0) if self.queue else good)(texts)

    def run(self, *answers: Answer) -> EmbeddingRun:
        self.queue = list(answers)
        ledger = Ledger(self.warehouse, self.clock, sleep=self.time.sleep)
        return embed_missing(
            self.warehouse, ledger, self.openai, self.clock, RUN, 100, max_in_flight=2
        )

    def statuses(self) -> list[str]:
        return [s for (s,) in self.rows("SELECT status FROM api_calls ORDER BY rowid")]

    def kept(self) -> int:
        return int(self.rows("SELECT count(*) FROM embeddings")[0][0])


@pytest.fixture
def env(tmp_path: Path) -> EmbeddingEnv:
    return EmbeddingEnv(tmp_path)


@pytest.mark.parametrize(
    ("fault", "row", "waits"),
    [
        (status(429), "failed", (1.0, 10.0)),
        (status(429, retry_after="7"), "failed", (7.0, 7.0)),
        (status(429, **DATES), "failed", (30.0, 30.0)),
        (status(429, retry_after="3600"), "failed", (60.0, 60.0)),
        (status(503), "failed", (1.0, 10.0)),
        (status(500), "unknown", (1.0, 10.0)),
        (breaks(httpx2.ReadTimeout), "unknown", (1.0, 10.0)),
        (breaks(httpx2.ReadError), "unknown", (1.0, 10.0)),
        (breaks(httpx2.RemoteProtocolError), "unknown", (1.0, 10.0)),
        (breaks(httpx2.ConnectError), "failed", (1.0, 10.0)),
        (breaks(httpx2.ConnectTimeout), "failed", (1.0, 10.0)),
    ],
)
def test_what_may_pass_is_tried_again_and_each_attempt_is_a_row(
    env: EmbeddingEnv, fault: Answer, row: str, waits: tuple[float, float]
) -> None:
    run = env.run(fault)
    assert env.statuses() == [row, "done"]
    assert env.sent[0] == env.sent[1] and len(env.sent) == 2
    [waited] = env.time.slept
    assert waits[0] <= waited <= waits[1]
    assert (run.embedded, run.tokens, env.kept()) == (3, 17, 3)
    costs = env.rows("SELECT cost_usd FROM api_calls ORDER BY rowid")
    assert costs[0][0] == (None if row == "unknown" else 0.0) and costs[1][0] > 0


def test_what_does_not_pass_ends_the_run_after_five_attempts(env: EmbeddingEnv) -> None:
    with pytest.raises(TransientVendorError):
        env.run(*[status(500)] * 9)
    assert env.statuses() == ["unknown"] * CALL_ATTEMPTS == ["unknown"] * len(env.sent)
    assert env.kept() == 0
    assert env.run().embedded == 3


def test_vectors_in_another_order_find_their_texts(env: EmbeddingEnv) -> None:
    def turned(texts: Sequence[str]) -> httpx2.Response:
        answer = body(rows_of(texts))
        answer["data"].reverse()
        return httpx2.Response(200, json=answer)

    env.run(turned)
    kept = env.rows(
        "SELECT s.text, e.vector FROM scripts AS s JOIN embeddings AS e "
        "ON e.content_hash = s.revision_hash"
    )
    assert len(kept) == 3
    for text, vector in kept:
        [row] = np.array(rows_of([text]))
        np.testing.assert_allclose(vector, row / np.linalg.norm(row), rtol=1e-6)


UNUSABLE = {
    "one vector missing": vectors(lambda rows: rows[:-1]),
    "one vector too many": vectors(lambda rows: [*rows, rows[0]]),
    "other dimensions": vectors(lambda rows: [[*row, 1.0] for row in rows]),
    "one shorter than the others": vectors(lambda rows: [*rows[:-1], [1.0]]),
    "not a number": vectors(lambda rows: [*rows[:-1], [1.0, math.nan]]),
    "infinite": vectors(lambda rows: [*rows[:-1], [1.0, math.inf]]),
    "zero": vectors(lambda rows: [*rows[:-1], [0.0, 0.0]]),
    "words for numbers": vectors(lambda rows: [*rows[:-1], ["a", "b"]]),
    "null for a vector": vectors(lambda rows: [*rows[:-1], None]),
    "base64 of nothing": vectors(lambda rows: ["?"] * len(rows)),
    "an index twice": changed(data=[{"index": 0, "embedding": [1.0, 0.0]}] * 3),
    "no index": changed(data=[{"embedding": [1.0, 0.0]}] * 3),
}


@pytest.mark.parametrize("fault", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_answer_keeps_its_tokens_and_nothing_else(
    env: EmbeddingEnv, fault: Answer
) -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        env.run(fault)
    assert caught.value.input_tokens == 17
    [row] = env.rows("SELECT status, input_tokens, cost_usd > 0 FROM api_calls")
    assert row == ("failed", 17, True)
    assert env.kept() == 0 and len(env.sent) == 1, "it is not asked for again"
    assert env.run().embedded == env.kept() == 3


UNREADABLE = {
    "JSON that is cut": says('{"object": "list", "data": [{"index": 0, "embedd'),
    "no JSON at all": says("upstream error"),
    "a page": says("<html><p>Sign in</p></html>", "text/html"),
    "an empty body": says(""),
    "an empty body of no kind": says("", "text/plain"),
    "null": says("null"),
    "a list": says("[]"),
    "an empty object": says("{}"),
    "no vectors": changed(data=[]),
    "base64 that is cut": vectors(lambda rows: ["AAA"] * len(rows)),
    "bytes that are no text": says(b"\xff\xfe\x00{"),
}


@pytest.mark.parametrize("fault", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_unreadable_answer_may_have_been_billed_and_says_so(
    env: EmbeddingEnv, fault: Answer
) -> None:
    with pytest.raises(MalformedAnswerError):
        env.run(fault)
    [row] = env.rows("SELECT status, cost_usd, reserved_usd > 0 FROM api_calls")
    assert row == ("unknown", None, True)
    assert env.kept() == 0 and len(env.sent) == 1
    assert env.run().embedded == env.kept() == 3


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (status(400), RefusedError),
        (status(413), RefusedError),
        (status(401), AccessError),
        (status(404), AccessError),
        (status(429, "insufficient_quota"), AccessError),
    ],
)
def test_a_refusal_is_not_repeated_and_costs_nothing(
    env: EmbeddingEnv, fault: Answer, kind: type[VendorError]
) -> None:
    with pytest.raises(kind):
        env.run(fault)
    [row] = env.rows("SELECT status, input_tokens, cost_usd FROM api_calls")
    assert row == ("failed", 0, 0.0) and len(env.sent) == 1


def test_usage_that_nobody_reports_is_counted(env: EmbeddingEnv) -> None:
    run = env.run(changed(usage=None))
    counted = sum(map(env.openai.count_tokens, env.sent[0]))
    assert run.tokens == counted > 0
