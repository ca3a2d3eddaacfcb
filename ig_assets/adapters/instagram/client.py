"""A client of the Graph API: one pinned version, typed errors, no token in messages.

The token is sent in a header, together with its `appsecret_proof`. `facebook-business`
is not used, as it never retries, stops at an empty page and prints the token in errors.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from ig_assets.adapters.instagram.errors import GraphError, fault_in
from ig_assets.adapters.instagram.rate_limit import UsageHeaders
from ig_assets.core.costs.cancellation import wait_to_send
from ig_assets.errors import MalformedAnswerError, TransientVendorError

if TYPE_CHECKING:
    import ssl

VERSION = "v26.0"
FACEBOOK_URL = "https://graph.facebook.com"
INSTAGRAM_URL = "https://graph.instagram.com"
BATCH = 50
REQUEST_ATTEMPTS = 4
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0

Sleep = Callable[[float], None]
Monotonic = Callable[[], float]
Answer = dict[str, Any]

_NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol")
_SECRET_IN_URL = re.compile(r"\?\S*(?:access_token|input_token|appsecret_proof)=\S*")


def home_of(token: str) -> str:
    """Return the host for a token; tokens of Instagram Login begin with "IG"."""
    return INSTAGRAM_URL if token.startswith("IG") else FACEBOOK_URL


class GraphClient:
    """Sends requests with the current token; thread-safe.

    Every method raises TransientVendorError, RefusedError, AccessError or
    MalformedAnswerError. Only requests that are safe to repeat are retried.
    """

    def __init__(
        self,
        token: Callable[[], str],
        app_secret: str,
        base_url: str,
        sleep: Sleep = wait_to_send,
        monotonic: Monotonic = time.monotonic,
        timeout_s: float = 60.0,
    ) -> None:
        self._token = token
        self._app_secret = app_secret
        self.url = base_url.rstrip("/")
        self._sleep = sleep
        self._usage = UsageHeaders(sleep, monotonic)
        self._timeout_s = timeout_s
        self._mutex = threading.Lock()
        self._opened: Any = None

    def token(self) -> str:
        """Return the token of the next request."""
        return self._token()

    def get(self, path: str, **parameters: str) -> Answer:
        """Read, with up to four attempts."""
        return self._patiently("GET", path, parameters)

    def post(self, path: str, **parameters: str) -> Answer:
        """Write in a single attempt; its outcome may remain unknown."""
        return self.send("POST", path, parameters)

    def set(self, path: str, **parameters: str) -> Answer:
        """Write something idempotent, with up to four attempts."""
        return self._patiently("POST", path, parameters)

    def _patiently(
        self, method: str, path: str, parameters: Mapping[str, str]
    ) -> Answer:
        for attempt in range(REQUEST_ATTEMPTS):
            try:
                return self.send(method, path, parameters)
            except TransientVendorError as error:
                if attempt == REQUEST_ATTEMPTS - 1 or error.retry_after_s is not None:
                    raise
            self._sleep(_pause_s(attempt))
        raise AssertionError("the last attempt returns or raises")

    def pages(self, path: str, **parameters: str) -> Iterator[list[Answer]]:
        """Yield every page of a list; an empty page need not be the last.

        `paging.next` is only checked for presence and not followed, as it may hold the
        token.
        """
        after: str | None = None
        while True:
            cursor = {} if after is None else {"after": after}
            answer = self.get(path, **parameters, **cursor)
            yield [row for row in answer.get("data") or () if isinstance(row, dict)]
            paging = answer.get("paging") or {}
            seen, after = after, (paging.get("cursors") or {}).get("after")
            if after is None or "next" not in paging:
                return
            if after == seen:
                raise MalformedAnswerError("instagram sent a list that never ends.")

    def batch(self, paths: Sequence[str]) -> list[Answer | GraphError]:
        """Read many paths, 50 per request; answers are in the order of the paths.

        Items with a transient error are retried, up to four attempts in total. Raises
        TransientVendorError if the vendor still throttles an item.
        """
        answers: dict[int, Answer | GraphError] = {}
        left = list(range(len(paths)))
        for attempt in range(REQUEST_ATTEMPTS):
            for start in range(0, len(left), BATCH):
                numbers = left[start : start + BATCH]
                found = self._batch_once([paths[n] for n in numbers])
                answers.update(zip(numbers, found, strict=True))
            left = [n for n in left if _may_pass(answers[n])]
            if not left:
                break
            if attempt < REQUEST_ATTEMPTS - 1:
                self._sleep(_pause_s(attempt))
        for number in left:
            fault = answers[number]
            if isinstance(fault, GraphError) and fault.is_throttle:
                raise fault.as_error()
        return [answers[n] for n in range(len(paths))]

    def send(self, method: str, path: str, parameters: Mapping[str, str]) -> Answer:
        """Send one request in a single attempt."""
        body = self._exchange(method, path, parameters)
        if not isinstance(body, dict):
            raise GraphError(500).as_error()
        return body

    def _batch_once(self, paths: Sequence[str]) -> list[Answer | GraphError]:
        items = [{"method": "GET", "relative_url": path} for path in paths]
        for attempt in range(REQUEST_ATTEMPTS):
            try:
                answers = self._exchange("POST", "", {"batch": json.dumps(items)})
                break
            except TransientVendorError as error:
                if attempt == REQUEST_ATTEMPTS - 1 or error.retry_after_s is not None:
                    raise
            self._sleep(_pause_s(attempt))
        if not isinstance(answers, list) or len(answers) != len(paths):
            raise MalformedAnswerError(
                "instagram answered a batch with something else."
            )
        return [self._item(answer) for answer in answers]

    def _item(self, answer: Any) -> Answer | GraphError:
        """Parse one answer of a batch; null means that its request took too long."""
        if not isinstance(answer, dict):
            return GraphError(503, is_transient=True)
        headers = answer.get("headers") or ()
        self._usage.learn(
            {
                str(header.get("name")).lower(): str(header.get("value"))
                for header in headers
                if isinstance(header, dict)
            }
        )
        body = _json(answer.get("body"))
        status = answer.get("code")
        fault = fault_in(status if isinstance(status, int) else 500, body)
        return fault or body

    def _exchange(self, method: str, path: str, parameters: Mapping[str, str]) -> Any:
        import httpx

        self._usage.wait()
        token = self._token()
        url = f"{self.url}/{VERSION}/{path}"
        given = {**parameters, "appsecret_proof": proof(self._app_secret, token)}
        failure: TransientVendorError
        try:
            response = self._http().request(
                method,
                url,
                headers={"Authorization": f"Bearer {token}"},
                params=given if method == "GET" else None,
                data=given if method != "GET" else None,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failure = _unanswered(error)
        else:
            self._usage.learn(response.headers)
            body = _json(response.text)
            fault = fault_in(response.status_code, body)
            if isinstance(body, list) and response.status_code < 400:
                return body
            if fault is not None:
                raise fault.as_error()
            return body
        raise failure  # outside, so that no cause with the request's URL hangs on

    def _http(self) -> Any:
        import httpx

        with self._mutex:
            if self._opened is None:
                logging.getLogger("httpx").addFilter(without_secrets)
                self._opened = httpx.Client(timeout=self._timeout_s, verify=_tls())
            return self._opened


@cache
def _tls() -> ssl.SSLContext:
    """Return httpx's SSL context, cached, as reading the certificates takes 60 ms."""
    import httpx

    return httpx.create_ssl_context()


def proof(app_secret: str, token: str) -> str:
    """Return Meta's `appsecret_proof`: an HMAC of the token with the app's secret."""
    return hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def without_secrets(record: logging.LogRecord) -> bool:
    """Remove secrets from the URLs that httpx logs; used as a logging filter."""
    message = record.getMessage()
    if _SECRET_IN_URL.search(message):
        record.msg, record.args = _SECRET_IN_URL.sub("?…", message), ()
    return True


def _unanswered(error: Exception) -> TransientVendorError:
    unsent = type(error).__name__ in _NEVER_SENT
    what = "cannot be reached" if unsent else "did not answer in time or broke off"
    return TransientVendorError(f"instagram {what}.", outcome_unknown=not unsent)


def _may_pass(answer: Answer | GraphError) -> bool:
    return isinstance(answer, GraphError) and answer.may_pass


def _pause_s(attempt: int) -> float:
    return float(min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S))


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None
