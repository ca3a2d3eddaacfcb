"""The stand-in answers the real SDK, always the same, and breaks when told to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import numpy as np
import pytest

from ig_assets.adapters.openai.writer import OpenAIEmbedder, OpenAIWriter
from ig_assets.core.generation.gates.novelty import CorpusRuns, sibling_similarity
from ig_assets.core.generation.writing.schema import ScriptAnswer
from ig_assets.core.ports import WriteRequest
from ig_assets.errors import MalformedAnswerError, TransientVendorError
from ig_assets_tests.stand_ins.openai_server import (
    EMBEDDINGS,
    MALFORMED,
    RESPONSES,
    Fault,
    OpenAIStandIn,
)

KEY = "sk-test-only"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIStandIn]:
    with OpenAIStandIn() as server:
        yield server


def request(topic: str, style: str = "story") -> WriteRequest:
    prompt = f"Topic: {topic}\nHook style: {style}"
    return WriteRequest("Write.", prompt, ScriptAnswer, 400, 0.7, 1)


def written(server: OpenAIStandIn, topic: str, style: str = "story") -> str:
    writer = OpenAIWriter("gpt-5-mini", KEY, base_url=server.base_url)
    script = writer.write(request(topic, style)).parsed
    assert isinstance(script, ScriptAnswer)
    return " ".join([script.hook, *script.beats, script.call_to_action])


def test_the_same_prompt_gets_the_same_script_and_others_get_new_ones(
    server: OpenAIStandIn,
) -> None:
    first = written(server, "sourdough")
    assert written(server, "sourdough") == first
    sibling = written(server, "sourdough", "number")
    assert sibling_similarity(sibling, [first]) < 0.3
    others = [written(server, f"topic {n}") for n in range(20)]
    assert CorpusRuns(others).novelty(first) > 0.9


def test_usage_counts_and_keys_are_reported(server: OpenAIStandIn) -> None:
    server.forget()
    writer = OpenAIWriter("gpt-5-mini", KEY, base_url=server.base_url)
    answer = writer.write(request("kites"))
    assert answer.usage.input_tokens > 0 and answer.usage.output_tokens > 0
    assert server.requests == {RESPONSES: 1}
    assert server.keys == {KEY}


def test_vectors_are_near_where_words_are_shared(server: OpenAIStandIn) -> None:
    server.forget()
    embedder = OpenAIEmbedder(KEY, dimensions=64, base_url=server.base_url)
    answer = embedder.embed(["bread and salt", "salt and bread", "kites fly"])
    assert answer.vectors.shape == (3, 64) and answer.usage.input_tokens > 0
    assert np.array_equal(answer.vectors[0], answer.vectors[1])
    assert float(answer.vectors[0] @ answer.vectors[2]) < 0.7
    assert server.requests == {EMBEDDINGS: 1}


def test_queued_faults_meet_the_next_requests_in_order(server: OpenAIStandIn) -> None:
    server.forget()
    slow_down = {"retry-after": "0.05"}  # the next request waits so long
    server.fail(Fault(429, headers=slow_down), Fault(cut=True), MALFORMED)
    with pytest.raises(TransientVendorError) as refused:
        written(server, "kites")
    assert refused.value.retry_after_s == 0.05
    with pytest.raises(TransientVendorError) as broken:
        written(server, "kites")
    assert broken.value.outcome_unknown
    with pytest.raises(MalformedAnswerError):
        written(server, "kites")
    assert written(server, "kites")
    assert server.requests[RESPONSES] == 4


def test_a_request_that_breaks_off_never_arrived(server: OpenAIStandIn) -> None:
    asked = len(server.bodies(EMBEDDINGS))
    address = urlsplit(server.base_url)
    assert address.hostname is not None and address.port is not None
    for content in (b"", b'{"input": ["half'):
        with socket.create_connection((address.hostname, address.port)) as asker:
            head = f"POST {EMBEDDINGS} HTTP/1.1\r\nhost: here\r\ncontent-length: 99"
            asker.sendall(head.encode() + b"\r\n\r\n" + content)
            asker.shutdown(socket.SHUT_WR)
            assert asker.recv(1) == b"", "hung up without an answer"
    assert len(server.bodies(EMBEDDINGS)) == asked
