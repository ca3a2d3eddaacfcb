"""Limits the rate of requests to OpenAI by its answers' headers, over all threads.

Limits belong to a key and a model, so all clients with the same address, key and model
share a limiter. By OpenAI's "Rate limits" guide, each answer has headers
`x-ratelimit-*` that state `limit`, `remaining` and `reset` for requests and for tokens;
`reset` (`6m0s`, `1s`, `120ms`) is the time until the limit is full again. A request is
counted as its max_output_tokens plus an estimate of its prompt's tokens by characters.
Until the first answer with such headers, a request waits only for a pause that OpenAI
asks for.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ig_assets.core.costs.cancellation import wait_to_send

MINUTE_S, DAY_S = 60.0, 86_400.0
LONGEST_PAUSE_S = 60.0
LOOK_AGAIN_S = 1.0
CHARACTERS_A_TOKEN = 4

Sleep = Callable[[float], None]
Monotonic = Callable[[], float]

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY_S}
_PART = r"([0-9]+(?:\.[0-9]+)?)(ms|[smhd])"


@dataclass(frozen=True)
class Permit:
    """A request that may be sent since `at_s`, a time of the monotonic clock.

    `number` is its place among the requests that were permitted, from 1. `tokens` is
    the number of its own tokens, and `tokens_so_far` that of all requests up to this
    one.
    """

    at_s: float
    number: int
    tokens: int
    tokens_so_far: int


class RateLimiter:
    """Delays requests to stay within the vendor's quotas, in order of arrival.

    The quotas are requests and tokens per minute, from the vendor's `x-ratelimit-*`
    headers. Thread-safe.
    """

    def __init__(
        self, sleep: Sleep = wait_to_send, monotonic: Monotonic = time.monotonic
    ) -> None:
        self._sleep = sleep
        self._monotonic = monotonic
        self._mutex = threading.Lock()
        self._queue: list[_Waiter] = []
        self._requests = Allowance("requests")
        self._tokens = Allowance("tokens")
        self._paused_until_s = 0.0
        self._gone = 0
        self._gone_tokens = 0
        self._unanswered: dict[int, Permit] = {}

    def wait(self, tokens: int) -> Permit:
        """Block until a request of `tokens` tokens may be sent."""
        waiting = _Waiter(tokens)
        with self._mutex:
            self._queue.append(waiting)
        try:
            while True:
                with self._mutex:
                    now = self._monotonic()
                    delay = self._delay_s(waiting, now)
                    if delay <= 0.0:
                        return self._go(waiting, now)
                # Not longer: the vendor may say meanwhile that there is more room.
                self._sleep(min(delay, LOOK_AGAIN_S))
        finally:
            with self._mutex:
                if waiting in self._queue:  # where it was stopped
                    self._queue.remove(waiting)

    def answered(
        self,
        turn: Permit,
        headers: Mapping[str, str],
        refused: bool = False,
        pause_s: float | None = None,
    ) -> None:
        """Update the quotas from an answer's headers (empty without an answer).

        `turn` is what `wait` returned for the request. `refused` is true if the request
        was throttled. A pause that the vendor asks for applies to all requests.
        """
        with self._mutex:
            now = self._monotonic()
            self._unanswered.pop(turn.number, None)
            # What the vendor may not have counted yet when it wrote the headers.
            before = [t for n, t in self._unanswered.items() if n < turn.number]
            requests = self._gone - turn.number + len(before)
            tokens = self._gone_tokens - turn.tokens_so_far
            tokens += sum(t.tokens for t in before)
            took_s = now - turn.at_s
            self._requests.learn(headers, now, took_s, requests, refused)
            self._tokens.learn(headers, now, took_s, tokens, refused)
            if pause_s is not None:
                until = now + min(pause_s, LONGEST_PAUSE_S)
                self._paused_until_s = max(self._paused_until_s, until)

    def _delay_s(self, waiting: _Waiter, now: float) -> float:
        """Return the seconds until there is room for this request and all before it."""
        place = self._queue.index(waiting)
        tokens = sum(before.tokens for before in self._queue[: place + 1])
        return max(
            self._paused_until_s - now,
            self._requests.delay_s(place + 1, now),
            self._tokens.delay_s(tokens, now),
        )

    def _go(self, waiting: _Waiter, now: float) -> Permit:
        self._queue.remove(waiting)
        self._requests.take(1, now)
        self._tokens.take(waiting.tokens, now)
        self._gone += 1
        self._gone_tokens += waiting.tokens
        turn = Permit(now, self._gone, waiting.tokens, self._gone_tokens)
        self._unanswered[turn.number] = turn
        return turn


@dataclass(eq=False)
class _Waiter:
    """A waiting request; two with equal tokens are distinct."""

    tokens: int


class Allowance:
    """The estimated remainder of one limit, from headers and from our own requests.

    OpenAI's limits refill evenly over a minute (or a day). If `reset` does not fit an
    even refill, the limit is a fixed window: nothing is refilled before its end.
    """

    def __init__(self, unit: str) -> None:
        self._names = [f"x-ratelimit-{w}-{unit}" for w in ("limit", "remaining")]
        self._reset_name = f"x-ratelimit-reset-{unit}"
        self._limit: float | None = None
        self._level = 0.0
        self._per_s = 0.0
        self._at_s = 0.0
        self._renewed_at_s: float | None = None

    def take(self, amount: float, now: float) -> None:
        """Subtract a request's amount."""
        if self._limit is not None:
            self._fill(now)
            self._level -= amount

    def delay_s(self, amount: float, now: float) -> float:
        """Return the seconds until `amount` (requests or tokens) is available.

        The delay is 0 while no limit is known. An amount above the limit waits until
        the limit is full.
        """
        if self._limit is None:
            return 0.0
        self._fill(now)
        missing = min(amount, self._limit) - self._level
        if missing <= 1e-9:
            return 0.0
        if self._renewed_at_s is not None:
            return max(self._renewed_at_s - now, 0.001)
        return max(missing / self._per_s, 0.001)

    def learn(
        self,
        headers: Mapping[str, str],
        now: float,
        took_s: float,
        uncounted: float,
        refused: bool,
    ) -> None:
        """Update the limit from the headers of an answer.

        The answer came `took_s` seconds after its request. `uncounted` is the amount of
        other requests that the vendor may not have counted yet. `refused` is true if
        the request was throttled; the estimate then never rises.
        """
        limit, remaining = (_number(headers, name) for name in self._names)
        if limit is None or remaining is None or limit <= 0.0 or remaining < 0.0:
            return
        known = self._limit is not None
        self._fill(now)
        self._limit = limit
        reset_s = _seconds(headers.get(self._reset_name))
        self._see_period(limit, remaining, reset_s, now)
        # It was written somewhere between the request's start and now.
        least = remaining - uncounted
        most = self._unrounded(limit, remaining, reset_s) + self._per_s * took_s
        if known and not refused:
            self._level = min(max(self._level, least), most, limit)
        else:
            self._level = min(self._level, least) if known else least
        self._at_s = now

    def _see_period(
        self, limit: float, remaining: float, reset_s: float | None, now: float
    ) -> None:
        self._renewed_at_s = None
        self._per_s = limit / MINUTE_S
        used = limit - remaining
        if reset_s is None or reset_s == 0.0:
            return
        for period_s in (MINUTE_S, DAY_S):
            expected_s = used / limit * period_s
            if abs(reset_s - expected_s) <= max(0.1 * expected_s, 1.0):
                self._per_s = limit / period_s
                return
        self._per_s = 0.0
        self._renewed_at_s = now + min(reset_s, LONGEST_PAUSE_S)

    def _unrounded(
        self, limit: float, remaining: float, reset_s: float | None
    ) -> float:
        """Return `remaining` as it was before OpenAI rounded it down.

        It is computed from `reset_s` if possible; otherwise it is the highest possible
        value.
        """
        if reset_s is None or self._renewed_at_s is not None:
            return remaining + 1.0
        return min(max(limit - reset_s * self._per_s, remaining), remaining + 1.0)

    def _fill(self, now: float) -> None:
        if self._limit is None:
            return
        if self._renewed_at_s is not None:
            if now >= self._renewed_at_s:
                self._level, self._renewed_at_s = self._limit, None
                self._per_s = self._limit / MINUTE_S
        else:
            filled = self._level + self._per_s * (now - self._at_s)
            self._level = min(filled, self._limit)
        self._at_s = now


_PACES: dict[tuple[str, str, str], RateLimiter] = {}
_PACES_MUTEX = threading.Lock()


def shared_pace(address: str, api_key: str, model: str) -> RateLimiter:
    """Return this process's rate limiter for an address, a key and a model."""
    mark = hashlib.sha256(api_key.encode()).hexdigest()
    with _PACES_MUTEX:
        return _PACES.setdefault((address, mark, model), RateLimiter())


def estimated_tokens(text_characters: int, max_output_tokens: int = 0) -> int:
    """Estimate the tokens that OpenAI counts for a request, by its prompt's length."""
    return text_characters // CHARACTERS_A_TOKEN + 1 + max_output_tokens


def _number(headers: Mapping[str, str], name: str) -> float | None:
    text = headers.get(name, "")
    return float(text) if re.fullmatch(r"[0-9]{1,15}(\.[0-9]+)?", text) else None


def _seconds(text: str | None) -> float | None:
    """Parse `6m0s`, `1s`, `120ms` or plain seconds; None for anything else."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,15}(\.[0-9]+)?", text):
        return float(text)
    if not re.fullmatch(f"(?:{_PART})+", text):
        return None
    return sum(float(n) * _UNITS_S[unit] for n, unit in re.findall(_PART, text))
