"""The OpenAI SDK as used here: created late, without retries, with our own errors.

No message contains a key, a prompt or an answer: only a status and the vendor's codes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from ig_assets.adapters.openai.rate_limit import RateLimiter, shared_pace
from ig_assets.errors import (
    AccessError,
    ContextTooLongError,
    MalformedAnswerError,
    RefusedError,
    TransientVendorError,
    VendorError,
)

if TYPE_CHECKING:
    import ssl

T = TypeVar("T")

OPENAI_URL = "https://api.openai.com/v1"

# What refuses the account, whatever is asked: no other request would fare better.
_NO_ACCESS_CODES = {
    "insufficient_quota": "the account has no credit left; add credit to go on",
    "project_spend_limit_exceeded": "the project's spend limit is reached; raise it",
    "organization_spend_limit_exceeded": (
        "the organisation's spend limit is reached; raise it"
    ),
    "billing_hard_limit_reached": "the account's spend limit is reached; raise it",
    "billing_not_active": "the account cannot be billed; put its billing in order",
    "account_deactivated": "the account is closed; ask OpenAI, or use another key",
    "access_terminated": "the account is closed; ask OpenAI, or use another key",
    "invalid_api_key": "the API key is not accepted; check OPENAI_API_KEY",
    "invalid_organization": "the key's organisation is not known; check the key",
}
_NO_ACCESS = {
    401: "the API key is not accepted; check OPENAI_API_KEY",
    403: "this key may not do that; give it the permission or use another",
    404: "there is no such model or address for this key; check the model's name",
}
# What refuses this one request. Compatible servers have no code for it (vLLM, Ollama),
# so that their words are examined, and not repeated.
_TOO_LONG_MEANING = "the prompt is longer than the model reads"
_TOO_LONG_CODES = {
    "context_length_exceeded": _TOO_LONG_MEANING,
    "exceed_context_size_error": (
        "the prompt is longer than the model can read; lower IG_RETRIEVED_SCRIPTS"
    ),
}
_TOO_LONG = re.compile(r"context (?:length|window|size)", re.IGNORECASE)
_REFUSALS = {400: "the request is not valid for this model"}
_NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout")


@dataclass(frozen=True)
class Endpoint:
    """The present URL of a server, and the key that is sent to no other server.

    `next_key` is tried if `api_key` is refused, as while a person replaces the key.
    """

    base_url: str | None
    api_key: str
    next_key: str | None = None


class LazyClient:
    """The SDK's client, created at first use and again when the endpoint changes."""

    def __init__(
        self,
        endpoint: Endpoint,
        timeout_s: float,
        http_client: Any | None,
        before_call: Callable[[], Endpoint | None] | None,
        loopback: bool = False,
        pace: RateLimiter | None = None,
    ) -> None:
        self._loopback = loopback
        self._pace = pace
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._http_client = http_client
        self._before_call = before_call
        self._sdk: tuple[Endpoint, Any] | None = None

    def get(self) -> Any:
        """Return the SDK's client for the present endpoint."""
        moved = self._before_call() if self._before_call is not None else None
        endpoint = moved or self._endpoint
        current = self._sdk
        if current is None or current[0] != endpoint:
            from openai import DefaultHttpxClient, OpenAI

            client = self._http_client
            if client is None:  # one on this machine is not reached through a proxy
                client = DefaultHttpxClient(
                    verify=_tls(),
                    trust_env=not self._loopback,
                    auth=_auth(endpoint),
                )
            current = (
                endpoint,
                OpenAI(
                    api_key=endpoint.api_key,
                    base_url=endpoint.base_url or OPENAI_URL,
                    timeout=self._timeout_s,
                    max_retries=0,
                    http_client=client,
                ),
            )
            self._sdk = current
        return current[1]

    def ask(
        self,
        send: Callable[[Any], Any],
        model: str,
        tokens: int,
        provider: str,
        may_lack_route: bool = False,
    ) -> Any:
        """Send one request when the rate limit allows it; return the parsed answer.

        `send` makes the request through `with_raw_response`; the headers update the
        rate limit. `tokens` is the estimated number of tokens that the limit counts for
        the request. Raises what `sent` raises.
        """
        client = self.get()
        pace = self._pace_for(model)
        turn = pace.wait(tokens)

        def answer() -> Any:
            import openai

            headers: Mapping[str, str] = {}
            refused, pause_s = False, None
            try:
                raw = send(client)
                headers = raw.headers
            except openai.APIStatusError as error:
                headers = error.response.headers
                if not _NO_ACCESS_CODES.keys() & set(error_codes(error)):
                    refused = error.status_code == 429
                    pause_s = _retry_after_s(headers)
                raise
            finally:
                pace.answered(turn, headers, refused, pause_s)
            return raw.parse()

        return sent(answer, provider, may_lack_route)

    def _pace_for(self, model: str) -> RateLimiter:
        """Return the rate limiter for this client's requests for a model.

        It is the one that was given; else a private one with a custom HTTP client; else
        the one that the process shares by address, key and model.
        """
        if self._pace is None and self._http_client is not None:
            self._pace = RateLimiter()
        if self._pace is not None:
            return self._pace
        assert self._sdk is not None, "get() has made it"
        endpoint = self._sdk[0]
        return shared_pace(endpoint.base_url or OPENAI_URL, endpoint.api_key, model)


def translate(error: Exception, provider: str = "openai") -> VendorError:
    """Return our error for an error of the SDK; raises nothing.

    TransientVendorError: no connection, time-outs, 408, 409, 429, 5xx;
    `outcome_unknown` is false if the request never left or was turned away (429, 503).
    AccessError: 401, 403, 404 (no such model), spent quotas and spend limits, which
    affect every request. RefusedError: every other 4xx; ContextTooLongError if a
    shorter request may be accepted.
    """
    import openai

    if isinstance(error, openai.APIConnectionError):
        unsent = type(error.__cause__).__name__ in _NEVER_SENT
        late = isinstance(error, openai.APITimeoutError)
        what = "did not answer in time" if late else "cannot be reached"
        return TransientVendorError(f"{provider} {what}.", outcome_unknown=not unsent)
    if not isinstance(error, openai.APIStatusError):
        return MalformedAnswerError(f"{provider} sent an answer that is no JSON.")
    status, codes = error.status_code, error_codes(error)
    message = f"{provider} answered {status}" + (f" ({codes[0]})" if codes else "")
    for code in codes:
        if code in _NO_ACCESS_CODES:
            return AccessError(f"{message}: {_NO_ACCESS_CODES[code]}.")
        if code in _TOO_LONG_CODES:
            return ContextTooLongError(f"{message}: {_TOO_LONG_CODES[code]}.")
    if status == 400 and _TOO_LONG.search(error.message):
        return ContextTooLongError(f"{message}: {_TOO_LONG_MEANING}.")
    if status in (408, 409, 429) or status >= 500:
        return TransientVendorError(
            f"{message}.",
            retry_after_s=_retry_after_s(error.response.headers),
            outcome_unknown=status >= 500 and status != 503,
        )
    if status in _NO_ACCESS:
        return AccessError(f"{message}: {_NO_ACCESS[status]}.")
    meaning = _REFUSALS.get(status, "the request is refused")
    return RefusedError(f"{message}: {meaning}.")


def no_access(codes: Sequence[str], status: object = None) -> str | None:
    """Return why a vendor refuses the account, by error codes or an HTTP status.

    Returns None if the account is not refused. This is for errors in a result file;
    errors of a response go through `translate`.
    """
    for code in codes:
        if code in _NO_ACCESS_CODES:
            return f"{code}: {_NO_ACCESS_CODES[code]}"
    meaning = _NO_ACCESS.get(status) if isinstance(status, int) else None
    return f"answered {status}: {meaning}" if meaning else None


class UnknownRouteError(Exception):
    """The server lacks a route of the protocol."""


def sent(send: Callable[[], T], provider: str, may_lack_route: bool = False) -> T:
    """Call `send` and return the SDK's answer.

    Raises a VendorError (see `translate`) without the SDK's own text, which may quote
    the request. With `may_lack_route`, 404, 405 and 501 raise UnknownRouteError.
    """
    import openai

    failure: Exception
    try:
        answer = send()
    except openai.APIStatusError as error:
        lacks = error.status_code in (404, 405, 501)
        if may_lack_route and lacks and "model_not_found" not in error_codes(error):
            failure = UnknownRouteError()
        else:
            failure = translate(error, provider)
    except openai.OpenAIError as error:
        failure = translate(error, provider)
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
        # The SDK's parser lets these through for a body that is cut or no such answer.
        failure = MalformedAnswerError(
            f"{provider} sent an answer that cannot be read."
        )
    else:
        if not isinstance(answer, str):
            return answer
        failure = MalformedAnswerError(f"{provider} sent an answer that is no JSON.")
    raise failure


def error_codes(error: Any) -> list[str]:
    """Return the vendor's codes for an error, without free text."""
    found = [getattr(error, name, None) for name in ("code", "type", "param")]
    return [c for c in found if isinstance(c, str) and re.fullmatch(r"[\w.]{1,64}", c)]


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the vendor asks to wait, or None.

    If it gives a date, it is compared with the response's own `date` header.
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        return seconds if math.isfinite(seconds) and seconds >= 0 else None
    try:
        until = parsedate_to_datetime(headers["retry-after"])
        return max((until - parsedate_to_datetime(headers["date"])).total_seconds(), 0)
    except (KeyError, ValueError, TypeError):
        return None


def _auth(endpoint: Endpoint) -> Any:
    """Return the authentication for two keys; None for one key, left to the SDK."""
    if endpoint.next_key is None:
        return None
    from ig_assets.adapters.openai.key_overlap import KeyOverlap

    return KeyOverlap(endpoint.api_key, endpoint.next_key)


@cache
def _tls() -> ssl.SSLContext:
    """Return httpx2's SSL context, cached, as reading the certificates takes 60 ms."""
    import httpx2

    return httpx2.create_ssl_context()


def count_tokens(encoding: str, text: str) -> int:
    """Count a text's tokens in an encoding, reading special tokens as text."""
    return len(_encoding(encoding).encode_ordinary(text))


@cache
def _encoding(name: str) -> Any:
    import bpe_openai

    return bpe_openai.get_encoding(name)  # which builds its tables at every call
