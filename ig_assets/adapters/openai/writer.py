"""Writes texts by JSON schema with OpenAI and servers with a compatible API.

Nothing is retried here; the ledger retries what `translate` calls transient.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from ig_assets.adapters.openai.client import (
    Endpoint,
    LazyClient,
    UnknownRouteError,
    count_tokens,
    translate,
)
from ig_assets.adapters.openai.embedder import OpenAIEmbedder
from ig_assets.adapters.openai.rate_limit import RateLimiter, estimated_tokens
from ig_assets.adapters.vendor_numbers import count
from ig_assets.core.ports import TokenUsage, WriteAnswer, WriteRequest
from ig_assets.errors import MalformedAnswerError, RefusedError, TransientVendorError

__all__ = ["Endpoint", "OpenAIEmbedder", "OpenAIWriter", "translate"]

Api = Literal["responses", "chat"]

# What a model that thinks first may spend on it, on top of the answer.
REASONING_TOKENS = 4096

_CUT = "it is cut off at the limit of output tokens"
_THINKS = re.compile(r"(^|[:/])(gpt-5(?!.*chat)|o\d)")


class OpenAIWriter:
    """A `Writer` that writes by schema through the Responses API.

    `local` means that the server is llama.cpp's: the schema and the seed are sent as
    extra fields, where it expects them. Compatible servers that lack /responses are
    asked through chat completions from then on. `before_call` runs before each request
    and may return the server's present endpoint; `extra_body` is read after it.
    `reasoning_tokens` is what a request may use on top of its max_output_tokens.
    """

    def __init__(
        self,
        model: str,
        api_key: str,
        base_url: str | None = None,
        provider: str = "openai",
        timeout_s: float = 120.0,
        http_client: Any | None = None,
        extra_body: Mapping[str, Any] | None = None,
        next_key: str | None = None,
        before_call: Callable[[], Endpoint | None] | None = None,
        local: bool = False,
        pace: RateLimiter | None = None,
    ) -> None:
        self.provider = provider
        self.model = model
        self.reasoning_tokens = (
            REASONING_TOKENS if _THINKS.search(model) and not local else 0
        )
        self._compatible = base_url is not None
        self._local = local
        self._vendor = "The local model's server" if local else provider
        self._extra_body = {} if extra_body is None else extra_body
        self._api: Api = "responses"
        self._client = LazyClient(
            Endpoint(base_url, api_key, next_key),
            timeout_s,
            http_client,
            before_call,
            local,
            pace,
        )

    def count_tokens(self, text: str) -> int:
        """Count tokens in o200k_base; an estimate for other vendors' models."""
        return count_tokens("o200k_base", text)

    def write(
        self, request: WriteRequest, extra: Mapping[str, Any] | None = None
    ) -> WriteAnswer:
        """Send one request and return its answer.

        If a server reports no usage, it is counted with `count_tokens`. `extra` are
        extra fields for a local server. Raises TransientVendorError, RefusedError,
        MalformedAnswerError.
        """
        if self._api == "responses":
            try:
                return self._write_responses(request, extra)
            except UnknownRouteError:
                self._api = "chat"
        return self._write_chat(request)

    def _write_responses(
        self, request: WriteRequest, more: Mapping[str, Any] | None
    ) -> WriteAnswer:
        arguments: dict[str, Any] = {
            "model": self.model,
            "instructions": request.instructions,
            "input": request.prompt,
            "store": False,
            "max_output_tokens": request.max_output_tokens + self.reasoning_tokens,
        }
        extra: dict[str, Any] = dict(more or {})
        if self._local:
            extra["seed"] = request.seed
            extra["response_format"] = _response_format(request.schema, strict=False)
        else:
            schema = _strict_schema(request.schema)
            arguments["text"] = {
                "format": {
                    "type": "json_schema",
                    "name": request.schema.__name__,
                    "schema": schema,
                    "strict": True,
                }
            }
        if not self.reasoning_tokens:
            arguments["temperature"] = request.temperature
        elif not self.model.endswith("-pro"):
            arguments["reasoning"] = {"effort": "low"}
        response = self._client.ask(
            lambda client: client.responses.with_raw_response.create(
                **arguments, extra_body={**self._extra_body, **extra} or None
            ),
            self.model,
            self._estimated_tokens(request),
            self._vendor,
            may_lack_route=self._compatible and not self._local,
        )
        return self._read(_read_response, request, response)

    def _read(
        self,
        read: Callable[[Any], tuple[str, bool, str | None]],
        request: WriteRequest,
        response: Any,
    ) -> WriteAnswer:
        """Read an answer; its parts may have any type, as the SDK checks none.

        `read` extracts (text, refused, why it cannot be used). Raises
        MalformedAnswerError for an answer of another form.
        """
        try:
            text, refused, reason = read(response)
            usage = self._usage(response, request, text)
        except (AttributeError, TypeError, ValueError, OverflowError):
            raise MalformedAnswerError(
                f"{self._vendor} ({self.model}) answered in another form than its API "
                "describes; the answer is not used."
            ) from None
        return self._answer(request, response, text, refused, reason, usage)

    def _write_chat(self, request: WriteRequest) -> WriteAnswer:
        arguments: dict[str, Any] = {
            "model": self.model,
            "messages": [
                {"role": "system", "content": request.instructions},
                {"role": "user", "content": request.prompt},
            ],
            "response_format": _response_format(request.schema, strict=True),
            "seed": request.seed,
        }
        if self.reasoning_tokens:
            arguments["reasoning_effort"] = "low"
            limit = request.max_output_tokens + self.reasoning_tokens
            arguments["max_completion_tokens"] = limit
        else:
            arguments["temperature"] = request.temperature
            arguments["max_tokens"] = request.max_output_tokens
        response = self._client.ask(
            lambda client: client.chat.completions.with_raw_response.create(
                **arguments, extra_body=dict(self._extra_body) or None
            ),
            self.model,
            self._estimated_tokens(request),
            self._vendor,
        )
        return self._read(_read_chat, request, response)

    def _estimated_tokens(self, request: WriteRequest) -> int:
        return estimated_tokens(
            len(request.instructions) + len(request.prompt),
            request.max_output_tokens + self.reasoning_tokens,
        )

    def _usage(self, response: Any, request: WriteRequest, text: str) -> TokenUsage:
        """Return the reported numbers of tokens; an invalid one is counted here."""
        usage = getattr(response, "usage", None)
        of = "input" if hasattr(usage, "input_tokens") else "prompt"
        given_name = "output_tokens" if of == "input" else "completion_tokens"
        taken = count(getattr(usage, f"{of}_tokens", None))
        given = count(getattr(usage, given_name, None))
        details = getattr(usage, f"{of}_tokens_details", None)
        cached = count(getattr(details, "cached_tokens", None)) or 0
        if taken is None:
            prompt = f"{request.instructions}\n{request.prompt}"
            taken = self.count_tokens(prompt)
        if given is None:
            given = self.count_tokens(text)
        return TokenUsage(taken, given, min(cached, taken))

    def _answer(
        self,
        request: WriteRequest,
        response: Any,
        text: str,
        refused: bool,
        cut: str | None,
        usage: TokenUsage,
    ) -> WriteAnswer:
        who = f"{self._vendor} ({self.model})"
        if refused:
            raise RefusedError(
                f"{who} declined to write this for reasons of its content policy; "
                "change the brief.",
                usage.input_tokens,
                usage.output_tokens,
            )
        problem = cut
        if problem is None:
            try:
                parsed = request.schema.model_validate_json(text)
            except ValidationError:
                limit = request.max_output_tokens + self.reasoning_tokens
                cut_off = usage.output_tokens >= limit  # llama.cpp does not say so
                problem = _CUT if cut_off else "its JSON does not fit the schema"
            else:
                claimed = str(getattr(response, "model", None) or "")
                # A snapshot of what was asked for counts (`gpt-5-mini-2025-08-07`).
                model = claimed if claimed.startswith(self.model) else self.model
                return WriteAnswer(parsed, usage, model)
        raise MalformedAnswerError(
            f"{who} answered, but {problem}; the answer is not used.",
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
        )


def _read_response(response: Any) -> tuple[str, bool, str | None]:
    """Return (text, refused, why it cannot be used) for a Responses API answer.

    A model may say what it is about to do in a message of its own before the answer
    (phase "commentary"). That text is no part of the answer; the SDK's `output_text`
    joins both (openai 3.57.0, findings/openai-commentary.sh).
    """
    error = getattr(response, "error", None)
    if error is not None:
        if error.code in ("server_error", "rate_limit_exceeded"):
            raise TransientVendorError(
                f"The vendor failed while writing ({error.code}).", outcome_unknown=True
            )
        return "", False, "it failed while writing"
    parts = [
        part
        for item in getattr(response, "output", None) or []
        if item.type == "message" and getattr(item, "phase", None) != "commentary"
        for part in item.content
    ]
    refused = any(part.type == "refusal" for part in parts)
    text = "".join(part.text for part in parts if part.type == "output_text")
    reason = getattr(getattr(response, "incomplete_details", None), "reason", None)
    refused = refused or reason == "content_filter"
    cut = getattr(response, "status", None) == "incomplete"
    return text, refused, _CUT if cut else None


def _read_chat(response: Any) -> tuple[str, bool, str | None]:
    """Return (text, refused, why it cannot be used) for a chat completion."""
    choices = getattr(response, "choices", None)
    if not choices:
        return "", False, "it is empty"
    message, reason = choices[0].message, choices[0].finish_reason
    refused = bool(getattr(message, "refusal", None)) or reason == "content_filter"
    return (
        message.content or "",
        refused,
        _CUT if reason == "length" else None,
    )


def _strict_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema for OpenAI's strict mode.

    All fields are required, and no others are allowed.
    """
    import openai

    tool = openai.pydantic_function_tool(schema)
    return dict(tool["function"]["parameters"])


def _response_format(schema: type[BaseModel], strict: bool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": schema.__name__,
        "schema": _strict_schema(schema) if strict else schema.model_json_schema(),
    }
    if strict:
        described["strict"] = True
    return {"type": "json_schema", "json_schema": described}
