"""OpenAI through its real SDK, which talks to a transport instead of a network."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import numpy as np
import pytest
from pydantic import BaseModel

from ig_assets.adapters.openai.writer import (
    Endpoint,
    OpenAIEmbedder,
    OpenAIWriter,
)
from ig_assets.core.ports import TokenUsage, WriteRequest
from ig_assets.errors import (
    AccessError,
    InputError,
    MalformedAnswerError,
    RefusedError,
    TransientVendorError,
    VendorError,
)

KEY = "sk-test-0123456789-never-shown"
SECRET_TEXT = "a script that no log may hold"
Handler = Callable[[httpx2.Request], httpx2.Response]


class Script(BaseModel):
    hook: str
    body: str


GOOD = json.dumps({"hook": "Salt late.", "body": "It draws water."})
REQUEST = WriteRequest("Write JSON.", SECRET_TEXT, Script, 300, 0.7, 11)


class Vendor:
    """Answers with what the test says and keeps what was asked."""

    def __init__(self, answer: Handler) -> None:
        self.asked: list[httpx2.Request] = []
        self._answer = answer

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return self._answer(request)

    @property
    def client(self) -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(self))

    def body(self, place: int = -1) -> dict[str, Any]:
        return dict(json.loads(self.asked[place].content))


def says(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Vendor:
    return Vendor(lambda _: httpx2.Response(status, json=body, headers=headers))


def response(
    text: str = GOOD,
    status: str = "completed",
    reason: str | None = None,
    part: Mapping[str, Any] | None = None,
    **changed: Any,
) -> dict[str, Any]:
    content = part or {"type": "output_text", "text": text, "annotations": []}
    return {
        "id": "r",
        "object": "response",
        "model": "gpt-4.1-mini-2025",
        "status": status,
        "incomplete_details": {"reason": reason} if reason else None,
        "output": [
            {"type": "reasoning", "id": "t", "summary": []},
            {
                "type": "message",
                "id": "m",
                "role": "assistant",
                "status": status,
                "content": [dict(content)],
            },
        ],
        "usage": {
            "input_tokens": 90,
            "output_tokens": 12,
            "total_tokens": 102,
            "input_tokens_details": {"cached_tokens": 64},
        },
        **changed,
    }


def completion(text: str = GOOD, finish: str = "stop", **message: Any) -> Any:
    return {
        "id": "c",
        "object": "chat.completion",
        "model": "served",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {"prompt_tokens": 80, "completion_tokens": 9, "total_tokens": 89},
    }


def error_body(code: str | None = None) -> dict[str, Any]:
    message = f"Incorrect key {KEY} for input '{SECRET_TEXT}'"
    return {"error": {"message": message, "type": "some_error", "code": code}}


def writer(vendor: Vendor, model: str = "gpt-4.1-mini", **options: Any) -> OpenAIWriter:
    return OpenAIWriter(model, KEY, http_client=vendor.client, **options)


def test_a_script_is_asked_for_by_strict_schema_and_not_stored() -> None:
    vendor = says(200, response())
    answer = writer(vendor).write(REQUEST)
    assert answer.parsed == Script(hook="Salt late.", body="It draws water.")
    assert answer.usage == TokenUsage(90, 12, 64)
    assert answer.model == "gpt-4.1-mini-2025"
    body = vendor.body()
    assert vendor.asked[0].url == "https://api.openai.com/v1/responses"
    assert body["store"] is False
    assert body["text"]["format"]["strict"] is True
    assert body["text"]["format"]["schema"]["additionalProperties"] is False
    assert (body["temperature"], body["max_output_tokens"]) == (0.7, 300)
    assert "seed" not in body and "reasoning" not in body


def test_what_a_model_says_before_its_answer_is_no_part_of_it() -> None:
    """An answer may begin with a message of phase "commentary".

    openai 3.57.0 joins it to the final answer in `output_text`, and leaves it out in
    `output_parsed` (its `parse_response`; findings/openai-commentary.sh).
    """
    body = response()
    thought, answer = body["output"]
    said = {"type": "output_text", "text": "I begin with the hook.", "annotations": []}
    before = {**answer, "id": "m0", "phase": "commentary", "content": [said]}
    body["output"] = [thought, before, {**answer, "phase": "final_answer"}]
    assert writer(says(200, body)).write(REQUEST).parsed == Script.model_validate_json(
        GOOD
    )
    body["output"] = [thought, before]  # said what it would do, and did not
    with pytest.raises(MalformedAnswerError):
        writer(says(200, body)).write(REQUEST)


def test_a_name_that_is_no_snapshot_of_what_was_asked_for_is_not_recorded() -> None:
    """A team's own server may answer with any name, as llama.cpp's does."""
    answer = writer(says(200, response()), model="our-model").write(REQUEST)
    assert answer.model == "our-model"


@pytest.mark.parametrize("model", ["gpt-5-mini", "o4-mini", "ft:o4-mini:team::1"])
def test_a_reasoning_model_gets_room_to_think_and_no_temperature(model: str) -> None:
    vendor = says(200, response())
    thinker = writer(vendor, model)
    thinker.write(REQUEST)
    body = vendor.body()
    assert "temperature" not in body
    assert body["reasoning"] == {"effort": "low"}
    assert body["max_output_tokens"] == 300 + thinker.reasoning_tokens > 300


@pytest.mark.parametrize("model", ["gpt-4.1-mini", "gpt-4o", "gpt-5-chat-latest"])
def test_other_models_keep_their_temperature(model: str) -> None:
    vendor = says(200, response())
    writer(vendor, model).write(REQUEST)
    assert vendor.body()["temperature"] == 0.7
    assert "reasoning" not in vendor.body()


def test_the_local_server_gets_schema_and_seed_where_it_looks_for_them() -> None:
    vendor = says(200, response())
    local = writer(vendor, "o-local", base_url="http://127.0.0.1:9/v1", local=True)
    local.write(REQUEST)
    body = vendor.body()
    assert body["seed"] == 11
    assert body["response_format"]["json_schema"]["schema"]["required"] == [
        "hook",
        "body",
    ]
    assert "text" not in body


def test_the_environment_s_key_and_address_are_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.invalid")
    vendor = says(200, response())
    here = Endpoint("http://127.0.0.1:9/v1", "its-own-key")
    writer(vendor, before_call=lambda: here, local=True).write(REQUEST)
    sent = vendor.asked[0]
    assert sent.headers["authorization"] == "Bearer its-own-key"
    assert sent.url.host == "127.0.0.1"
    assert not any("sk-" in value for value in sent.headers.values())


def test_a_server_that_moved_is_asked_at_its_new_address() -> None:
    vendor = says(200, response())
    homes = iter([Endpoint("http://a/v1", "k1"), Endpoint("http://b/v1", "k2")])
    moving = writer(vendor, before_call=lambda: next(homes), local=True)
    moving.write(REQUEST)
    moving.write(REQUEST)
    assert [r.url.host for r in vendor.asked] == ["a", "b"]
    assert vendor.asked[1].headers["authorization"] == "Bearer k2"


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_responses_is_asked_by_chat_from_then_on(status: int) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/responses"):
            return httpx2.Response(status, json={"detail": "Not Found"})
        return httpx2.Response(200, json=completion())

    vendor = Vendor(answer)
    other = writer(vendor, "qwen", base_url="http://served.test/v1")
    assert other.write(REQUEST).usage == TokenUsage(80, 9)
    other.write(REQUEST)
    paths = [r.url.path.rsplit("/", 1)[-1] for r in vendor.asked]
    assert paths == ["responses", "completions", "completions"]
    body = vendor.body()
    assert body["response_format"]["json_schema"]["strict"] is True
    assert (body["seed"], body["max_tokens"]) == (11, 300)


def test_a_missing_model_stops_the_run_and_is_no_reason_to_fall_back() -> None:
    vendor = says(404, error_body("model_not_found"))
    for options in ({}, {"base_url": "http://served.test/v1"}):
        with pytest.raises(AccessError, match="model_not_found"):
            writer(vendor, **options).write(REQUEST)
    assert len(vendor.asked) == 2


def test_openai_itself_is_never_asked_by_chat() -> None:
    vendor = says(404, error_body())
    with pytest.raises(AccessError):
        writer(vendor).write(REQUEST)
    assert len(vendor.asked) == 1


def test_a_server_that_reports_no_usage_is_counted_for() -> None:
    answer = writer(says(200, response(usage=None))).write(REQUEST)
    assert answer.usage.input_tokens > 5 and answer.usage.output_tokens > 5


@pytest.mark.parametrize(
    "body",
    [
        response('{"hook": "Salt la', "incomplete", "max_output_tokens"),
        response('{"hook": "Salt la'),
        response('{"hook": 3, "bod": "x"}'),
        response(output=[]),
    ],
)
def test_an_answer_that_is_cut_or_no_schema_says_what_it_took(body: Any) -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        writer(says(200, body)).write(REQUEST)
    assert (caught.value.input_tokens, caught.value.output_tokens) == (90, 12)


def test_a_local_answer_that_filled_its_limit_is_called_cut_off() -> None:
    small = WriteRequest("Write.", "p", Script, 12, 0.7, 1)
    with pytest.raises(MalformedAnswerError, match="cut off"):
        writer(says(200, response('{"hook": "Sa')), local=True).write(small)


@pytest.mark.parametrize(
    "body",
    [
        response(part={"type": "refusal", "refusal": SECRET_TEXT}),
        response("{", "incomplete", "content_filter"),
    ],
)
def test_a_declined_request_is_refused_for_good(body: Any) -> None:
    with pytest.raises(RefusedError, match="declined") as caught:
        writer(says(200, body)).write(REQUEST)
    assert SECRET_TEXT not in str(caught.value)


def test_a_refusal_or_a_cut_by_chat_is_told_as_such() -> None:
    for body, kind in (
        (completion(refusal="no"), RefusedError),
        (completion("{", "content_filter"), RefusedError),
        (completion('{"hook":', "length"), MalformedAnswerError),
        ({**completion(), "choices": []}, MalformedAnswerError),
    ):

        def answer(request: httpx2.Request, body: Any = body) -> httpx2.Response:
            lacks = request.url.path.endswith("/responses")
            return httpx2.Response(404 if lacks else 200, json=None if lacks else body)

        with pytest.raises(kind):
            writer(Vendor(answer), base_url="http://served.test/v1").write(REQUEST)


def test_a_page_instead_of_json_is_malformed() -> None:
    vendor = Vendor(lambda _: httpx2.Response(200, html="<p>Sign in</p>"))
    with pytest.raises(MalformedAnswerError, match="no JSON"):
        writer(vendor).write(REQUEST)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        (
            {
                "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            30.0,
        ),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_a_429_says_how_long_to_wait_and_that_nothing_was_done(
    headers: dict[str, str], wait_s: float | None
) -> None:
    vendor = says(429, error_body("rate_limit_exceeded"), headers)
    with pytest.raises(TransientVendorError) as caught:
        writer(vendor).write(REQUEST)
    assert caught.value.retry_after_s == wait_s
    assert caught.value.outcome_unknown is False
    assert len(vendor.asked) == 1, "the SDK must not retry by itself"


@pytest.mark.parametrize(
    "code",
    [
        "insufficient_quota",
        "project_spend_limit_exceeded",
        "organization_spend_limit_exceeded",
    ],
)
def test_spent_money_refuses_the_account_although_it_is_a_429(code: str) -> None:
    with pytest.raises(AccessError, match=code):
        writer(says(429, error_body(code))).write(REQUEST)


@pytest.mark.parametrize(
    ("status", "unknown"), [(500, True), (502, True), (503, False)]
)
def test_a_5xx_is_transient(status: int, unknown: bool) -> None:
    with pytest.raises(TransientVendorError) as caught:
        writer(says(status, error_body())).write(REQUEST)
    assert caught.value.outcome_unknown is unknown


@pytest.mark.parametrize(
    ("cause", "unknown"),
    [
        (httpx2.ReadTimeout, True),
        (httpx2.RemoteProtocolError, True),
        (httpx2.ConnectError, False),
        (httpx2.ConnectTimeout, False),
    ],
)
def test_only_a_request_that_left_may_have_been_billed(
    cause: type[httpx2.TransportError], unknown: bool
) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        raise cause(f"{KEY} {SECRET_TEXT}")

    with pytest.raises(TransientVendorError) as caught:
        writer(Vendor(answer)).write(REQUEST)
    assert caught.value.outcome_unknown is unknown


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500])
def test_no_error_shows_the_key_or_the_prompt_even_where_the_vendor_does(
    status: int,
) -> None:
    with pytest.raises(VendorError) as caught:
        writer(says(status, error_body())).write(REQUEST)
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in str(error) and SECRET_TEXT not in str(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_refuses_the_key_or_the_model_refuses_every_request(status: int) -> None:
    with pytest.raises(AccessError, match=str(status)):
        writer(says(status, error_body())).write(REQUEST)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_other_4xx_refuse_this_request_for_good(status: int) -> None:
    with pytest.raises(RefusedError, match=str(status)):
        writer(says(status, error_body())).write(REQUEST)


def test_a_prompt_that_is_too_long_refuses_only_this_request() -> None:
    with pytest.raises(RefusedError, match="context_length_exceeded"):
        writer(says(400, error_body("context_length_exceeded"))).write(REQUEST)


def embedded(rows: list[list[float]], order: list[int] | None = None) -> dict[str, Any]:
    places = order or list(range(len(rows)))
    return {
        "object": "list",
        "model": "text-embedding-3-small",
        "data": [
            {"object": "embedding", "index": i, "embedding": rows[i]} for i in places
        ],
        "usage": {"prompt_tokens": 17, "total_tokens": 17},
    }


def embedder(vendor: Vendor, **options: Any) -> OpenAIEmbedder:
    return OpenAIEmbedder(KEY, dimensions=2, http_client=vendor.client, **options)


def test_vectors_come_back_normalised_in_the_order_asked() -> None:
    vendor = says(200, embedded([[3.0, 4.0], [0.0, 2.0]], order=[1, 0]))
    answer = embedder(vendor).embed(["one", "two"])
    assert answer.vectors.dtype == np.float32
    np.testing.assert_allclose(answer.vectors, [[0.6, 0.8], [0.0, 1.0]], rtol=1e-6)
    assert answer.usage == TokenUsage(17)
    assert vendor.body()["dimensions"] == 2


def test_dimensions_are_sent_only_to_models_that_know_them() -> None:
    vendor = says(200, embedded([[1.0, 0.0]]))
    embedder(vendor, model="bge-m3", base_url="http://served.test/v1").embed(["one"])
    assert "dimensions" not in vendor.body()


@pytest.mark.parametrize(
    "body",
    [
        embedded([[1.0, 0.0]]),
        embedded([[1.0, 0.0]] * 3),
        embedded([[1.0, 0.0]] * 2, order=[0, 0]),
        embedded([[1.0, 0.0, 0.0]] * 2),
        embedded([[1.0, 0.0], [1.0]]),
        embedded([[1.0, 0.0], [0.0, 0.0]]),
    ],
)
def test_vectors_that_are_not_those_asked_for_are_malformed(body: Any) -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        embedder(says(200, body)).embed(["one", "two"])
    assert caught.value.input_tokens == 17


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_vector_that_is_not_a_number_is_malformed(value: float) -> None:
    content = json.dumps(embedded([[1.0, value]]))
    headers = {"content-type": "application/json"}
    vendor = Vendor(lambda _: httpx2.Response(200, content=content, headers=headers))
    with pytest.raises(MalformedAnswerError, match="not a number"):
        embedder(vendor).embed(["one"])


@pytest.mark.parametrize(
    "texts", [["one", " \n"], ["word " * 9000], ["a"] * 2049, ["word " * 8000] * 38]
)
def test_texts_beyond_the_limits_are_not_sent(texts: list[str]) -> None:
    vendor = says(200, embedded([[1.0, 0.0]]))
    with pytest.raises(InputError):
        embedder(vendor).embed(texts)
    assert vendor.asked == []


def test_an_embedding_failure_is_told_in_the_same_terms() -> None:
    with pytest.raises(TransientVendorError):
        embedder(says(429, error_body())).embed(["one"])
    with pytest.raises(AccessError):
        embedder(says(401, error_body())).embed(["one"])


def test_tokens_are_counted_without_special_meaning() -> None:
    assert writer(says(200, {})).count_tokens("<|endoftext|>") > 1
    assert embedder(says(200, {})).count_tokens("hello world") == 2
