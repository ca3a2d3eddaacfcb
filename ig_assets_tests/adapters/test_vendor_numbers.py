"""Numbers of vendors: what is none is left out, whatever its size or type."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from ig_assets.adapters.generated_sdk import GeneratedSdk
from ig_assets.adapters.instagram import access_token, ad_insights, rate_limit
from ig_assets.adapters.instagram.insights import figures_in
from ig_assets.adapters.openai import batch
from ig_assets.adapters.openai.embedder import OpenAIEmbedder
from ig_assets.adapters.openai.writer import OpenAIWriter
from ig_assets.adapters.vendor_numbers import count, finite, finite_in
from ig_assets.core.ports import WriteRequest
from ig_assets.errors import MalformedAnswerError

HUGE = 10**400  # as `make fuzz` found it in an embedding: no float holds it
NOW = datetime(2026, 5, 1)
ODD: list[Any] = [HUGE, -HUGE, float("inf"), float("nan"), None, "x", [], {}, True]


@pytest.mark.parametrize("value", [*ODD, "1e999", str(HUGE)])
def test_what_is_no_number_of_a_count_is_none(value: Any) -> None:
    assert (finite(value), finite_in(value), count(value)) == (None, None, None)


def test_a_number_is_itself_and_text_is_read_where_a_vendor_sends_it() -> None:
    assert (finite(3), finite(0.5), finite_in("12"), count(7)) == (3.0, 0.5, 12.0, 7)
    assert (finite("3"), count(-1), count(0.5)) == (None, None, None)


@pytest.mark.parametrize("value", ODD)
def test_figures_of_posts_and_ads_and_shares_of_limits_leave_it_out(value: Any) -> None:
    assert figures_in({"data": [{"name": "likes", "values": [{"value": value}]}]}) == {}
    found: dict[str, float] = {}
    ad_insights._note(found, "likes", value)
    assert found == {} and rate_limit._number(value) == 0.0


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("token", ["IGAA-for-tests", "EAA-for-tests"])
def test_a_token_whose_end_is_no_time_is_kept(
    token: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"expires_in": value, "data": {"expires_at": value}}
    client = SimpleNamespace(get=lambda *path, **parameters: answer)
    monkeypatch.setattr(access_token, "GraphClient", lambda *given, **more: client)
    clock = SimpleNamespace(now=lambda: NOW)
    renew = access_token.renewal(None, "for-tests", clock)
    kept, expires_at = renew(token)
    assert kept == token
    assert expires_at in (None, NOW + access_token.LIFETIME)


def client(answer: Any) -> httpx.Client:
    headers = {"content-type": "application/json"}
    body = json.dumps(answer).encode()
    return httpx.Client(
        transport=httpx.MockTransport(
            lambda request: httpx.Response(200, content=body, headers=headers)
        )
    )


def test_a_vector_with_a_number_of_400_digits_is_an_unusable_answer() -> None:
    answer = {"data": [{"index": 0, "embedding": [HUGE, 1, 1]}], "model": "m"}
    embedder = OpenAIEmbedder(
        "never-a-key", dimensions=3, http_client=client(answer | {"usage": None})
    )
    with pytest.raises(MalformedAnswerError):
        embedder.embed(["one"])
    with pytest.raises(MalformedAnswerError):
        batch._answer(answer | {"usage": {"prompt_tokens": 1}})


class Script(BaseModel):
    """What is asked for."""

    hook: str


@pytest.mark.parametrize("tokens", [HUGE, "many", None, -1, 1e300])
def test_tokens_that_are_no_count_are_counted_here(tokens: Any) -> None:
    answer = {
        "output": [
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": '{"hook": "Salt first."}'}],
            }
        ],
        "status": "completed",
        "model": "gpt-5-mini",
        "usage": {"input_tokens": tokens, "output_tokens": tokens},
    }
    writer = OpenAIWriter("gpt-5-mini", "never-a-key", http_client=client(answer))
    written = writer.write(WriteRequest("do", "this", Script, 100, 1.0, 7))
    assert 0 < written.usage.input_tokens < 100
    assert 0 < written.usage.output_tokens < 100


def test_an_answer_that_a_trainers_sdk_cannot_hold_is_an_unusable_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = {name: type(name, (Exception,), {}) for name in ("A", "B", "C")}
    package = SimpleNamespace(
        APIStatusError=kinds["A"],
        APIConnectionError=kinds["B"],
        APIError=kinds["C"],
        Acme=SimpleNamespace,
    )
    monkeypatch.setitem(sys.modules, "acme", package)
    sdk = GeneratedSdk("acme", "Acme")
    with pytest.raises(MalformedAnswerError, match="cannot be read"):
        sdk.ask(lambda client: float(HUGE))


def test_a_life_of_a_token_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"expires_in": 9e14}
    sdk = SimpleNamespace(get=lambda *path, **parameters: answer)
    monkeypatch.setattr(access_token, "GraphClient", lambda *given, **more: sdk)
    clock = SimpleNamespace(now=lambda: NOW)
    _, expires_at = access_token.renewal(None, "for-tests", clock)("IGAA-for-tests")
    assert expires_at is not None and expires_at - NOW < timedelta(days=1000)
