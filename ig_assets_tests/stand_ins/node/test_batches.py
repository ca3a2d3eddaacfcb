"""The Batch API's adapter against what others made: OpenAI's description, aimock."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest

from ig_assets.adapters.openai.batch import OpenAIBatches
from ig_assets.adapters.openai.embedder import OpenAIEmbedder
from ig_assets.core.ports import BatchLine
from ig_assets.errors import MalformedAnswerError
from ig_assets_tests.core.corpus.embedding.batch_api.batch_factory import BatchFactory
from ig_assets_tests.stand_ins.node.aimock import Aimock
from ig_assets_tests.stand_ins.node.openai_contract import Contract
from ig_assets_tests.stand_ins.openai_batches import BatchStandIn

KEY = "sk-test-only"
INTENT = "0123456789abcdef"
TEXTS = ["Salt late.", "👩‍🍳🧂 מלח בסוף\u2028🔥", 'a "quote"\n\\']
LINES = [BatchLine(f"{INTENT}-{n:05d}", TEXTS) for n in range(4)]
ANSWER = {"id": "file-1", "object": "file"}


def test_a_batch_is_uploaded_and_created_as_openai_describes(prism: Contract) -> None:
    before = len(prism.verdicts)
    with prism.client(answer=ANSWER) as client:
        batches = OpenAIBatches(KEY, base_url=prism.base_url, http_client=client)
        batches.submit(LINES, INTENT)
    said = prism.verdicts[before:]
    assert [(v.path, v.status) for v in said] == [("/files", 200), ("/batches", 200)]


def test_the_contract_refuses_a_batch_that_breaks_it(prism: Contract) -> None:
    with prism.client() as client:
        wrong = {"input_file_id": "file-1", "endpoint": "/v1/poems"}
        client.post(f"{prism.base_url}/batches", json=wrong, headers=_header())
    assert prism.verdicts[-1].status == 422
    told = " ".join(prism.verdicts[-1].violations)
    assert "endpoint" in told and "completion_window" in told


def test_every_line_asks_as_openai_describes_a_single_request(
    prism: Contract,
) -> None:
    batches = OpenAIBatches(KEY)
    before = len(prism.verdicts)
    with prism.client() as client:
        for line in LINES:
            told = json.loads(batches._encoded(line))
            assert (told["method"], told["url"]) == ("POST", "/v1/embeddings")
            assert told["body"]["input"] == TEXTS
            url = prism.base_url + told["url"].removeprefix("/v1")
            client.post(url, json=told["body"], headers=_header())
            assert prism.verdicts[-1].status == 200, prism.verdicts[-1].violations
    assert len(prism.verdicts) - before == len(LINES) == 4


def test_aimock_takes_a_batch_to_its_end_and_its_results_join_by_line(
    vendor: Aimock,
) -> None:
    batches = OpenAIBatches(KEY, base_url=vendor.base_url)
    assert batches.find(INTENT) is None
    batch_id = batches.submit(LINES, INTENT)
    assert batches.find(INTENT) == batch_id
    states = [batches.state(batch_id).status for _ in range(3)]
    assert states == ["running", "completed", "completed"]
    results = list(batches.results(batch_id))
    assert {r.custom_id for r in results} == {line.custom_id for line in LINES}
    assert {r.status for r in results} == {"done"}


@pytest.mark.parametrize("outcome", ["failed", "expired", "cancelled"])
def test_aimock_says_that_a_batch_came_to_nothing(vendor: Aimock, outcome: str) -> None:
    headers = {"x-aimock-batch-outcome": outcome}
    with httpx2.Client(headers=headers) as client:
        batches = OpenAIBatches(KEY, base_url=vendor.base_url, http_client=client)
        batch_id = batches.submit(LINES, INTENT)
        states = [batches.state(batch_id).status for _ in range(2)]
    assert states == ["running", outcome]


def test_aimocks_vectors_of_zeros_are_not_taken_for_vectors(
    vendor: Aimock, tmp_path: Path
) -> None:
    with BatchStandIn() as unused:
        env = BatchFactory(tmp_path, unused)
        env.fill(2)
        batches = OpenAIBatches(KEY, dimensions=48, base_url=vendor.base_url)
        env.batch(1, batcher=batches)
        for _ in range(8):
            run = env.batch(1, batcher=batches)
        assert (run.under_way, run.rejected, env.vectors()) == (0, 2, {})
        assert env.statuses("embedding_batch_lines") == {"malformed": 6}
        assert unused.asked == []


def test_a_single_request_would_be_refused_the_same(vendor: Aimock) -> None:
    vendor.embeds("Salt", {"embedding": [0.0, 0.0]})
    embedder = OpenAIEmbedder(KEY, dimensions=2, base_url=vendor.base_url)
    with pytest.raises(MalformedAnswerError):
        embedder.embed(TEXTS[:1])


def _header() -> dict[str, str]:
    return {"authorization": f"Bearer {KEY}"}
