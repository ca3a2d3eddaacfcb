"""Requests go as fast as the vendor's headers allow, in order, and stop at a halt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ig_assets.adapters.openai import rate_limit
from ig_assets.adapters.openai.rate_limit import (
    RateLimiter,
    estimated_tokens,
    shared_pace,
)
from ig_assets.adapters.openai.writer import OpenAIEmbedder, OpenAIWriter
from ig_assets.core.costs.cancellation import CancelledError
from ig_assets.core.costs.ledger.ledger import Call, Ledger, RunRef
from ig_assets.core.ports import TokenUsage
from ig_assets.errors import AccessError, TransientVendorError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection, Warehouse
from ig_assets_tests.adapters.openai.test_writer import REQUEST, response
from ig_assets_tests.factories.stopped_time import StoppedTime
from ig_assets_tests.factories.warehouses import migrated_warehouse

KEY = "sk-test-pace-never-shown"


class Bucket:
    """A limit that fills up evenly over a period, as OpenAI's do."""

    def __init__(
        self, when: StoppedTime, unit: str, limit: int, period_s: float = 60.0
    ) -> None:
        self.refused = 0
        self._when, self._unit, self._limit = when, unit, limit
        self._per_s = limit / period_s
        self._level, self._at = float(limit), when.now
        self._mutex = threading.Lock()

    def headers(self, amount: int) -> dict[str, str]:
        with self._mutex:
            now = self._when.now
            filled = self._level + (now - self._at) * self._per_s
            self._level, self._at = min(filled, self._limit), now
            if self._level < amount - self._per_s * 0.001:  # it tells milliseconds
                self.refused += 1
            else:
                self._level -= amount
            full_ms = round((self._limit - self._level) / self._per_s * 1000)
            return told(self._unit, self._limit, int(self._level), f"{full_ms}ms")


def told(unit: str, limit: int, remaining: int, reset: str) -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{unit}": str(limit),
        f"x-ratelimit-remaining-{unit}": str(remaining),
        f"x-ratelimit-reset-{unit}": reset,
    }


def ask(pace: RateLimiter, bucket: Bucket) -> None:
    """Wait first: the vendor sees the request after that."""
    turn = pace.wait(1)
    pace.answered(turn, bucket.headers(1))


def go(pace: RateLimiter, headers: Mapping[str, str], tokens: int = 1) -> None:
    pace.answered(pace.wait(tokens), headers)


# ── what headers say ──────────────────────────────────────────────────────────


def test_before_the_first_header_nothing_waits() -> None:
    when = StoppedTime()
    pace = when.pace()
    for _ in range(500):
        go(pace, {})
    assert when.slept == []


@pytest.mark.parametrize("reset", ["1m0s", "60s", "60000ms", "0m59.9s", "60", "0h1m0s"])
def test_every_way_to_write_a_reset_is_read(reset: str) -> None:
    when = StoppedTime()
    pace = when.pace()
    go(pace, told("requests", 60, 0, reset))
    pace.wait(1)
    assert sum(when.slept) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "headers",
    [
        told("requests", -1, -1, "0"),
        told("requests", 0, 0, "1s"),
        {"x-ratelimit-limit-requests": "plenty"},
        {"x-ratelimit-remaining-requests": "0"},
        {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "nan"},
    ],
)
def test_headers_that_limit_nothing_are_not_believed(headers: dict[str, str]) -> None:
    when = StoppedTime()
    pace = when.pace()
    go(pace, headers)
    pace.wait(1)
    assert when.slept == []


def test_a_limit_by_the_day_fills_up_by_the_day() -> None:
    when = StoppedTime()
    pace = when.pace()
    go(pace, told("requests", 14_400, 0, "24h0m0s"))
    pace.wait(1)
    assert sum(when.slept) == pytest.approx(6.0)


def test_a_window_gives_nothing_back_before_its_end_and_all_of_it_then() -> None:
    when = StoppedTime()
    pace = when.pace()
    go(pace, told("requests", 60, 0, "20s"))
    for _ in range(60):
        pace.wait(1)
    assert sum(when.slept) == pytest.approx(20.0)


def test_a_window_that_ends_in_hours_is_tried_again_after_a_minute() -> None:
    when = StoppedTime()
    pace = when.pace()
    go(pace, told("requests", 60, 0, "6h0m0s"))
    pace.wait(1)
    assert sum(when.slept) == pytest.approx(60.0)


def test_what_takes_more_than_the_limit_goes_when_all_of_it_is_there() -> None:
    when = StoppedTime()
    pace = when.pace()
    go(pace, told("tokens", 6000, 3000, "30s"))
    pace.wait(9000)
    assert sum(when.slept) == pytest.approx(30.0)


# ── one request after the other, and many at once ─────────────────────────────


@pytest.mark.parametrize(("unit", "amount"), [("requests", 1), ("tokens", 700)])
def test_one_by_one_nothing_is_refused_and_almost_all_that_is_allowed_is_used(
    unit: str, amount: int
) -> None:
    when = StoppedTime()
    pace, limit = when.pace(), 120 * amount
    bucket = Bucket(when, unit, limit)
    for _ in range(600):
        turn = pace.wait(amount)
        when.now += 0.05  # the vendor thinks
        pace.answered(turn, bucket.headers(amount))
    assert bucket.refused == 0
    # 120 at once and 120 a minute then: (600 - 120) / 120 minutes at best.
    assert when.now - 1000.0 == pytest.approx(4 * 60.0, rel=0.03)


def test_what_others_take_of_the_limit_is_noticed() -> None:
    when = StoppedTime()
    pace, bucket = when.pace(), Bucket(when, "requests", 60)
    ask(pace, bucket)
    bucket.headers(50)  # another process
    for _ in range(30):
        ask(pace, bucket)
    assert bucket.refused == 0


def test_threads_together_stay_below_the_limit() -> None:
    when = StoppedTime()
    pace, bucket = when.pace(), Bucket(when, "requests", 60)
    ask(pace, bucket)

    def work() -> None:
        for _ in range(20):
            ask(pace, bucket)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert bucket.refused == 0


def test_a_great_request_is_not_overtaken_by_small_ones_that_came_later() -> None:
    when = StoppedTime()
    small: list[float] = []

    def second_comes() -> None:
        small.append(other.wait(60).at_s)

    class Slow(StoppedTime):
        """While the first sleeps the second comes, and sleeps by itself."""

        def sleep(self, seconds: float) -> None:
            if threading.current_thread() is first and not small:
                second = threading.Thread(target=second_comes)
                second.start()
                second.join(20)
            else:
                super().sleep(seconds)

    first = threading.current_thread()
    when = Slow()
    other = pace = when.pace()
    go(pace, told("tokens", 6000, 100, "59s"))  # a hundred tokens a second
    great = pace.wait(600)
    assert small[0] - 1000.0 == pytest.approx(5.6)  # room for both
    assert great.at_s == pytest.approx(small[0])


# ── through the real SDK ──────────────────────────────────────────────────────


class Vendor:
    """Answers one after the other as told, and notes when it was asked."""

    def __init__(
        self, when: StoppedTime, *answers: Callable[[], httpx2.Response]
    ) -> None:
        self.at: list[float] = []
        self._when, self._answers = when, list(answers)

    @property
    def client(self) -> httpx2.Client:
        def answer(request: httpx2.Request) -> httpx2.Response:
            self.at.append(self._when.now - 1000.0)
            return self._answers.pop(0)()

        return httpx2.Client(transport=httpx2.MockTransport(answer))


def ok(headers: Mapping[str, str] | None = None) -> Callable[[], httpx2.Response]:
    return lambda: httpx2.Response(200, json=response(), headers=headers)


def no(
    status: int, code: str = "", headers: Mapping[str, str] | None = None
) -> Callable[[], httpx2.Response]:
    error = {"error": {"message": "m", "code": code, "type": "t"}}
    return lambda: httpx2.Response(status, json=error, headers=headers)


def writer(vendor: Vendor, pace: RateLimiter | None = None) -> OpenAIWriter:
    return OpenAIWriter("gpt-4.1-mini", KEY, http_client=vendor.client, pace=pace)


@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_pauses_all_that_share_the_pace(status: int) -> None:
    when = StoppedTime()
    pace = when.pace()
    vendor = Vendor(when, no(status, headers={"retry-after": "7"}), ok(), ok())
    with pytest.raises(TransientVendorError):
        writer(vendor, pace).write(REQUEST)
    writer(vendor, pace).write(REQUEST)
    writer(vendor, pace).write(REQUEST)
    assert vendor.at == pytest.approx([0.0, 7.0, 7.0])


def test_a_pause_is_a_minute_at_most() -> None:
    when = StoppedTime()
    pace = when.pace()
    vendor = Vendor(when, no(429, headers={"retry-after": "86400"}), ok())
    with pytest.raises(TransientVendorError):
        writer(vendor, pace).write(REQUEST)
    writer(vendor, pace).write(REQUEST)
    assert vendor.at == pytest.approx([0.0, 60.0])


def test_an_account_without_credit_pauses_nobody() -> None:
    when = StoppedTime()
    pace = when.pace()
    vendor = Vendor(when, no(429, "insufficient_quota", {"retry-after": "30"}), ok())
    with pytest.raises(AccessError):
        writer(vendor, pace).write(REQUEST)
    writer(vendor, pace).write(REQUEST)
    assert when.slept == []


def test_a_refusal_that_asks_for_no_pause_empties_what_was_believed() -> None:
    when = StoppedTime()
    pace = when.pace()
    vendor = Vendor(
        when,
        ok(told("requests", 60, 30, "30s")),
        no(429, headers=told("requests", 60, 0, "who knows")),
        ok(),
    )
    writer(vendor, pace).write(REQUEST)
    with pytest.raises(TransientVendorError):
        writer(vendor, pace).write(REQUEST)
    writer(vendor, pace).write(REQUEST)
    assert vendor.at == pytest.approx([0.0, 0.0, 1.0])


def test_a_request_waits_for_the_tokens_that_it_may_take() -> None:
    when = StoppedTime()
    takes = estimated_tokens(
        len(REQUEST.instructions) + len(REQUEST.prompt), REQUEST.max_output_tokens
    )
    vendor = Vendor(when, ok(told("tokens", 60_000, takes - 100, "59.7s")), ok())
    paced = writer(vendor, when.pace())
    paced.write(REQUEST)
    paced.write(REQUEST)
    assert vendor.at == pytest.approx([0.0, 0.1])


def test_chat_completions_and_embeddings_keep_the_pace_too() -> None:
    when = StoppedTime()
    full = told("requests", 60, 0, "60s")
    chat = {
        "id": "c",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {
                    "role": "assistant",
                    "content": '{"hook": "h", "body": "b"}',
                },
            }
        ],
    }
    vendor = Vendor(
        when,
        no(404),
        lambda: httpx2.Response(200, json=chat, headers=full),
        lambda: httpx2.Response(200, json=chat),
    )
    asker = OpenAIWriter(
        "m", KEY, "http://elsewhere/v1", http_client=vendor.client, pace=when.pace()
    )
    asker.write(REQUEST)
    asker.write(REQUEST)
    assert vendor.at == pytest.approx([0.0, 0.0, 1.0])

    vectors = {"data": [{"index": 0, "embedding": [1.0]}], "model": "m"}
    vendor = Vendor(
        when,
        lambda: httpx2.Response(200, json=vectors, headers=full),
        lambda: httpx2.Response(200, json=vectors),
    )
    embedder = OpenAIEmbedder(
        KEY, dimensions=1, http_client=vendor.client, pace=when.pace()
    )
    embedder.embed(["salt"])
    embedder.embed(["salt"])
    assert vendor.at[1] - vendor.at[0] == pytest.approx(1.0)


def test_one_key_and_model_at_one_address_have_one_pace() -> None:
    pace = shared_pace("http://a/v1", KEY, "m")
    assert shared_pace("http://a/v1", KEY, "m") is pace
    others = [
        ("http://b/v1", KEY, "m"),
        ("http://a/v1", "k2", "m"),
        ("http://a/v1", KEY, "n"),
    ]
    assert all(shared_pace(*other) is not pace for other in others)
    assert KEY not in str(vars(rate_limit))


def test_writers_made_apart_share_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, str]] = []
    when = StoppedTime()
    pace = when.pace()

    def shared(*whose: str) -> RateLimiter:
        asked.append(whose)  # type: ignore[arg-type]
        return pace

    monkeypatch.setattr("ig_assets.adapters.openai.client.shared_pace", shared)
    for _ in range(2):
        asker = OpenAIWriter("m", KEY, "http://127.0.0.1:9/v1", timeout_s=1.0)
        with pytest.raises(TransientVendorError):
            asker.write(REQUEST)
    assert asked == [("http://127.0.0.1:9/v1", KEY, "m")] * 2


# ── within the ledger ─────────────────────────────────────────────────────────


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 5, 1)


def calls(warehouse: Warehouse) -> list[dict[str, Any]]:
    with warehouse.transaction() as con:
        return fetch_dicts(con, "SELECT * FROM api_calls ORDER BY called_at")


def nothing(con: Connection, answer: object) -> None:
    """Nothing is bought here."""


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return migrated_warehouse(tmp_path / "w.duckdb", Clock().now)


def test_a_halt_ends_the_wait_and_the_request_is_never_sent(
    warehouse: Warehouse,
) -> None:
    vendor = Vendor(StoppedTime(), ok(told("requests", 60, 0, "6h")), ok())
    paced = writer(vendor, RateLimiter())  # which would really wait a minute
    paced.write(REQUEST)
    halt = threading.Event()
    stop = threading.Timer(0.05, halt.set)

    def send() -> tuple[object, TokenUsage]:
        stop.start()
        return paced.write(REQUEST), TokenUsage(1)

    with pytest.raises(CancelledError):
        Ledger(warehouse, Clock()).pay(
            Call("generate", "openai", "gpt-5-mini", "h", 10),
            RunRef("r", "a"),
            send,
            nothing,
            halt,
        )
    assert len(vendor.at) == 1
    [call] = calls(warehouse)
    assert (call["status"], call["cost_usd"]) == ("failed", 0.0)
    assert call["error"] == "not sent: another call failed"


def test_waiting_for_a_turn_is_no_latency(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    when = StoppedTime()
    vendor = Vendor(when, ok(told("requests", 60, 0, "60s")), ok())
    pace = RateLimiter(monotonic=when.monotonic)
    paced = writer(vendor, pace)
    paced.write(REQUEST)
    monkeypatch.setattr(time, "perf_counter", when.monotonic)
    caller, sleep = threading.current_thread(), time.sleep

    def sleep_of_the_call(seconds: float) -> None:
        """The warehouse's own thread sleeps as it would."""
        (when.sleep if threading.current_thread() is caller else sleep)(seconds)

    monkeypatch.setattr(time, "sleep", sleep_of_the_call)

    def send() -> tuple[object, TokenUsage]:
        answer = paced.write(REQUEST)
        when.now += 0.25  # the vendor thinks
        return answer, TokenUsage(1)

    Ledger(warehouse, Clock()).pay(
        Call("generate", "openai", "gpt-5-mini", "h", 10),
        RunRef("r", "a"),
        send,
        nothing,
    )
    assert sum(when.slept) == pytest.approx(1.0)
    assert calls(warehouse)[0]["latency_ms"] == pytest.approx(250.0)
