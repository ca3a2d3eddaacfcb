"""What our adapters send is valid by OpenAI's own description of its API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ig_assets.adapters.openai.writer import OpenAIEmbedder, OpenAIWriter
from ig_assets.core.generation.writing.schema import ScriptAnswer
from ig_assets.core.ports import WriteRequest
from ig_assets.errors import MalformedAnswerError, RefusedError
from ig_assets_tests.stand_ins.node.openai_contract import Contract, Verdict

KEY = "sk-test-only"
REQUEST = WriteRequest("Write a script.", "Topic: bread", ScriptAnswer, 400, 0.7, 11)
EMBEDDABLE = {
    "one text": ["Salt late."],
    "a hundred texts": [f"Script {n}: salt late." for n in range(100)],
    "as many as a request takes": ["Salt late."] * 2048,
    "emoji": ["👩‍🍳🧂 Salt late 🔥"],
    "right to left": ["מלח בסוף", "الملح في النهاية"],
    "line breaks and quotes": ['"Salt"\r\n\tlate\\.\u2028'],
}
PROMPTS = {
    "plain": "Topic: bread",
    "emoji and right to left": "Topic: 👩‍🍳🧂 מלח الملح",
    "long": "Topic: bread. " * 2000,
}
MODELS = ["gpt-4.1-mini", "gpt-5-mini", "gpt-5-pro", "o4-mini"]


def embedding(
    prism: Contract, texts: list[str], model: str, dimensions: int
) -> list[Verdict]:
    def send(seen: Contract) -> None:
        with seen.client() as client:
            OpenAIEmbedder(
                KEY, model, dimensions, base_url=seen.base_url, http_client=client
            ).embed(texts)

    return judged(prism, send)


def writing(
    prism: Contract, model: str, request: WriteRequest, lacking: str | None = None
) -> list[Verdict]:
    def send(seen: Contract) -> None:
        with seen.client(lacking) as client:
            OpenAIWriter(model, KEY, base_url=seen.base_url, http_client=client).write(
                request
            )

    return judged(prism, send)


def judged(prism: Contract, send: Callable[[Contract], None]) -> list[Verdict]:
    """The verdicts on what was sent; a valid request is answered with nothing."""
    before = len(prism.verdicts)
    with pytest.raises((MalformedAnswerError, RefusedError)) as caught:
        send(prism)
    verdicts = prism.verdicts[before:]
    assert (verdicts[-1].status == 422) is (caught.type is RefusedError)
    return verdicts


@pytest.mark.parametrize("texts", EMBEDDABLE.values(), ids=EMBEDDABLE)
def test_texts_of_any_kind_are_asked_for_as_openai_describes(
    prism: Contract, texts: list[str]
) -> None:
    verdicts = embedding(prism, texts, "text-embedding-3-small", 1536)
    assert verdicts == [Verdict("/embeddings", 200, ())]


@pytest.mark.parametrize(
    ("model", "dimensions"),
    [
        ("text-embedding-3-small", 256),
        ("text-embedding-3-large", 3072),
        ("text-embedding-ada-002", 1536),
        ("somebody-elses-model", 384),
    ],
)
def test_dimensions_are_asked_for_as_openai_describes(
    prism: Contract, model: str, dimensions: int
) -> None:
    verdicts = embedding(prism, ["Salt late."], model, dimensions)
    assert verdicts == [Verdict("/embeddings", 200, ())]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_a_script_is_asked_for_as_openai_describes(
    prism: Contract, model: str, prompt: str
) -> None:
    verdicts = writing(prism, model, replace(REQUEST, prompt=prompt))
    assert verdicts == [Verdict("/responses", 200, ())]


@pytest.mark.parametrize("model", MODELS)
def test_a_server_without_responses_is_asked_as_openai_describes_chat(
    prism: Contract, model: str
) -> None:
    verdicts = writing(prism, model, REQUEST, lacking="/responses")
    assert verdicts == [
        Verdict("/responses", 404, ()),
        Verdict("/chat/completions", 200, ()),
    ]


def test_the_contract_refuses_an_embedding_request_that_breaks_it(
    prism: Contract,
) -> None:
    [verdict] = embedding(prism, ["Salt late."], "text-embedding-3-small", 0)
    assert verdict.status == 422
    assert any("dimensions must be >= 1" in told for told in verdict.violations)


@pytest.mark.parametrize(
    ("lacking", "path"), [(None, "/responses"), ("/responses", "/chat/completions")]
)
def test_the_contract_refuses_a_prompt_that_breaks_it(
    prism: Contract, lacking: str | None, path: str
) -> None:
    wrong = replace(REQUEST, temperature=3.0)
    verdict = writing(prism, "gpt-4.1-mini", wrong, lacking)[-1]
    assert (verdict.path, verdict.status) == (path, 422)
    assert any("temperature must be <= 2" in told for told in verdict.violations)
