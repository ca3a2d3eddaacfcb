"""The ledger: reserved before sent, settled with its outcome, never over budget."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.costs.budget import Budget
from ig_assets.core.costs.cancellation import CancelledError
from ig_assets.core.costs.ledger.ledger import (
    CALL_ATTEMPTS,
    Call,
    Ledger,
    RunRef,
)
from ig_assets.core.ports import TokenUsage
from ig_assets.errors import (
    AccessError,
    BudgetError,
    MalformedAnswerError,
    RefusedError,
    TransientVendorError,
    WarehouseBusyError,
)
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection
from ig_assets_tests.factories.warehouses import migrated_warehouse

RUN = RunRef("run-1", "script_drafts", "2026-05")
PAID = Call("generate", "openai", "gpt-5-mini", "h1", 1_000_000, 0)
LOCAL = replace(PAID, provider="local", model="qwen2.5")
UNPRICED = replace(PAID, provider="elsewhere", model="unpriced-1")
PRICE = 0.25  # USD for a million input tokens of gpt-5-mini, read from genai-prices


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 5, 1, 9)


class Books:
    """A ledger whose waits are noted and not waited."""

    def __init__(self, folder: Path) -> None:
        self.warehouse = migrated_warehouse(folder / "l.duckdb", Clock().now)
        self.waited: list[float] = []
        self.sent: list[int] = []

    def ledger(self, budget_usd: float | None = None) -> Ledger:
        ever = () if budget_usd is None else (Budget("ever", "usd", budget_usd),)
        return Ledger(self.warehouse, Clock(), ever, self.waited.append)

    def calls(self) -> list[dict[str, Any]]:
        with self.warehouse.transaction() as con:
            return fetch_dicts(con, "SELECT * FROM api_calls ORDER BY called_at")

    def scripts(self) -> int:
        with self.warehouse.transaction() as con:
            return len(con.execute("SELECT * FROM scripts").fetchall())

    def answers(
        self, *failures: Exception, usage: TokenUsage = TokenUsage(10, 5)
    ) -> Callable[[], tuple[str, TokenUsage]]:
        """Fails as told, then answers."""
        left = list(failures)

        def send() -> tuple[str, TokenUsage]:
            self.sent.append(len(self.calls()))
            if left:
                raise left.pop(0)
            return "an answer", usage

        return send


def record(con: Connection, answer: str) -> None:
    merge_rows(con, "scripts", [{"script_id": answer, "revision_hash": "r"}])


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def test_a_call_is_a_row_before_it_is_sent_and_settled_after(books: Books) -> None:
    usage = TokenUsage(1_000_000, 0, 0)
    assert books.ledger().pay(PAID, RUN, books.answers(usage=usage), record) == (
        "an answer"
    )
    assert books.sent == [1], "one row was there when it was sent"
    [call] = books.calls()
    assert call["status"] == "done" and call["input_tokens"] == 1_000_000
    assert call["cost_usd"] == pytest.approx(PRICE) == call["reserved_usd"]
    assert (call["run_id"], call["asset"], call["month"]) == (
        "run-1",
        "script_drafts",
        "2026-05",
    )
    assert call["latency_ms"] >= 0 and call["error"] is None


def test_outcome_and_settlement_are_one_transaction(books: Books) -> None:
    class Crash(Exception):
        pass

    def crash(con: Connection, answer: str) -> None:
        record(con, answer)
        raise Crash

    ledger = books.ledger()
    with pytest.raises(Crash):
        ledger.pay(PAID, RUN, books.answers(), crash)
    assert books.scripts() == 0
    assert [c["status"] for c in books.calls()] == ["reserved"]
    # A step begins by asking; its own run may have died in an earlier attempt.
    assert ledger.mark_unknown(RUN) == 1
    [call] = books.calls()
    assert call["status"] == "unknown" and "ended before" in call["error"]
    assert call["cost_usd"] is None and call["reserved_usd"] == pytest.approx(PRICE)
    assert books.scripts() == 0


def test_a_call_in_flight_at_an_interrupt_is_unknown_until_it_is_answered(
    books: Books,
) -> None:
    ledger, usage = books.ledger(), TokenUsage(1_000_000, 0, 0)
    seen: list[str] = []

    def send() -> tuple[str, TokenUsage]:
        with pytest.raises(KeyboardInterrupt), ledger.interruptible(RUN):
            raise KeyboardInterrupt
        seen.extend(call["status"] for call in books.calls())
        return "an answer", usage

    ledger.pay(PAID, RUN, send, record)
    assert seen == ["unknown"]
    [call] = books.calls()
    assert call["status"] == "done" and call["error"] is None
    assert call["cost_usd"] == pytest.approx(PRICE) and books.scripts() == 1


def test_a_failure_is_no_interrupt_and_leaves_the_calls_to_their_answers(
    books: Books,
) -> None:
    ledger = books.ledger()
    ledger.reserve(PAID, RUN)
    with pytest.raises(ValueError, match="wrong"), ledger.interruptible(RUN):
        raise ValueError("wrong")
    assert [call["status"] for call in books.calls()] == ["reserved"]


def test_only_dead_runs_of_the_same_asset_and_month_are_marked(books: Books) -> None:
    ledger = books.ledger()
    for run in (
        RUN,
        replace(RUN, asset="script_variants"),
        replace(RUN, month="2026-06"),
        replace(RUN, month=None),
    ):
        ledger.reserve(PAID, run)
    assert ledger.mark_unknown(replace(RUN, run_id="run-2")) == 1
    assert ledger.mark_unknown(RunRef("run-2", "script_drafts", None)) == 1
    assert ledger.mark_unknown(RunRef("run-3", "script_drafts", None)) == 0


def test_transient_failures_are_tried_five_times_and_each_is_a_row(
    books: Books,
) -> None:
    busy = TransientVendorError("busy", outcome_unknown=False)
    with pytest.raises(TransientVendorError):
        books.ledger().pay(PAID, RUN, books.answers(*[busy] * 9), record)
    assert CALL_ATTEMPTS == 5
    assert books.sent == [1, 2, 3, 4, 5]
    assert [c["status"] for c in books.calls()] == ["failed"] * 5
    assert len(books.waited) == 4 and all(1 <= wait <= 10 for wait in books.waited)


def test_a_later_attempt_may_succeed(books: Books) -> None:
    failures = [TransientVendorError("busy", outcome_unknown=False)] * 2
    books.ledger().pay(PAID, RUN, books.answers(*failures), record)
    assert sorted(c["status"] for c in books.calls()) == ["done", "failed", "failed"]
    assert books.scripts() == 1


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 0.0), (7.5, 7.5), (900.0, 60.0)])
def test_the_vendor_s_wait_is_honoured_up_to_a_minute(
    books: Books, asked: float, waited: float
) -> None:
    books.ledger().pay(
        PAID, RUN, books.answers(TransientVendorError("busy", asked)), record
    )
    assert books.waited == [waited]


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (RefusedError("no"), "failed"),
        (AccessError("no key"), "failed"),
        (MalformedAnswerError("cut", 1_000_000, 0), "failed"),
        (RefusedError("read and declined", 1_000_000, 0), "failed"),
    ],
)
def test_a_final_failure_is_tried_once(
    books: Books, failure: Exception, status: str
) -> None:
    with pytest.raises(type(failure)):
        books.ledger().pay(PAID, RUN, books.answers(failure), record)
    [call] = books.calls()
    assert call["status"] == status and call["error"] == str(failure)
    tokens = getattr(failure, "input_tokens", None) or 0
    assert call["input_tokens"] == tokens
    assert call["cost_usd"] == pytest.approx(PRICE if tokens else 0.0)


def test_an_answer_that_tells_no_tokens_keeps_its_share_of_the_budget(
    books: Books,
) -> None:
    with pytest.raises(MalformedAnswerError):
        books.ledger().pay(
            PAID, RUN, books.answers(MalformedAnswerError("no JSON")), record
        )
    [call] = books.calls()
    assert call["status"] == "unknown" and call["error"] == "no JSON"
    assert call["cost_usd"] is None and call["reserved_usd"] == pytest.approx(PRICE)


def test_an_answer_that_was_paid_for_waits_for_a_busy_warehouse(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = books.ledger()
    real, busy = books.warehouse.transaction, [True, True]

    def sometimes() -> AbstractContextManager[Connection]:
        if len(books.sent) == 1 and busy:
            busy.pop()
            raise WarehouseBusyError("an analyst has it open")
        return real()

    def send() -> tuple[str, TokenUsage]:
        books.sent.append(1)
        return "an answer", TokenUsage(10, 5)

    monkeypatch.setattr(books.warehouse, "transaction", sometimes)
    assert ledger.pay(PAID, RUN, send, record) == "an answer"
    assert busy == [] and [c["status"] for c in books.calls()] == ["done"]
    assert books.scripts() == 1


def test_once_halted_a_call_is_not_tried_again(books: Books) -> None:
    halt = threading.Event()

    def send() -> tuple[str, TokenUsage]:
        books.sent.append(1)
        halt.set()
        raise TransientVendorError("busy", outcome_unknown=False)

    with pytest.raises(CancelledError):
        books.ledger().pay(PAID, RUN, send, record, halt)
    assert books.sent == [1]
    assert [c["status"] for c in books.calls()] == ["failed"]


def test_a_halt_ends_the_wait_for_the_next_attempt(books: Books) -> None:
    halt = threading.Event()
    ledger = Ledger(books.warehouse, Clock())

    def send() -> tuple[str, TokenUsage]:
        threading.Thread(target=halt.set).start()
        raise TransientVendorError("busy", retry_after_s=60.0, outcome_unknown=False)

    with pytest.raises(CancelledError):
        ledger.pay(PAID, RUN, send, record, halt)


def test_a_call_that_may_have_been_billed_keeps_its_share_of_the_budget(
    books: Books,
) -> None:
    broken = TransientVendorError("the connection broke", 0.0, outcome_unknown=True)
    with pytest.raises(BudgetError):
        books.ledger(PRICE * 2.5).pay(PAID, RUN, books.answers(*[broken] * 5), record)
    assert [c["status"] for c in books.calls()] == ["unknown"] * 2
    assert all(c["cost_usd"] is None for c in books.calls())


def test_beyond_the_budget_nothing_is_sent_and_nothing_reserved(books: Books) -> None:
    ledger = books.ledger(PRICE * 1.5)
    usage = TokenUsage(1_000_000)
    ledger.pay(PAID, RUN, books.answers(usage=usage), record)
    with pytest.raises(BudgetError, match="it was not sent"):
        ledger.pay(PAID, RUN, books.answers(), record)
    assert len(books.sent) == len(books.calls()) == 1


def test_what_was_reserved_too_much_is_given_back(books: Books) -> None:
    ledger = books.ledger(PRICE * 1.5)
    for _ in range(3):
        ledger.pay(PAID, RUN, books.answers(usage=TokenUsage(1000)), record)
    assert len(books.sent) == 3


def test_eight_threads_never_exceed_one_budget(books: Books) -> None:
    ledger = books.ledger(PRICE * 5 + 1e-9)
    together = threading.Barrier(8)

    def send() -> tuple[str, TokenUsage]:
        return "an answer", TokenUsage(1_000_000)

    def pay(_: int) -> bool:
        together.wait()
        try:
            ledger.pay(PAID, RUN, send, record)
        except BudgetError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        went = list(pool.map(pay, range(8)))
    assert sum(went) == 5
    assert sum(c["cost_usd"] for c in books.calls()) == pytest.approx(PRICE * 5)


def test_what_calls_in_flight_only_reserve_is_waited_for(books: Books) -> None:
    """Each takes a tenth of what it reserves, so that all eight fit into two."""
    ledger = books.ledger(PRICE * 2 + 1e-9)
    answers = []

    def send() -> tuple[str, TokenUsage]:
        answers.append(1)
        return "an answer", TokenUsage(100_000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ledger.pay(PAID, RUN, send, record), range(8)))
    assert len(answers) == 8
    assert sum(c["cost_usd"] for c in books.calls()) == pytest.approx(PRICE * 0.8)


def test_what_another_process_holds_is_told_apart_from_what_is_spent(
    books: Books,
) -> None:
    books.ledger(PRICE * 1.5).reserve(PAID, RUN)
    with pytest.raises(BudgetError, match="USD 0.0000 .* is spent, USD .* held by"):
        books.ledger(PRICE * 1.5).pay(PAID, RUN, books.answers(), record)


def test_a_price_that_nobody_knows_is_null_and_not_nothing(books: Books) -> None:
    books.ledger().pay(UNPRICED, RUN, books.answers(), record)
    [call] = books.calls()
    assert call["cost_usd"] is None and call["reserved_usd"] is None
    with pytest.raises(BudgetError, match="No price is known for unpriced-1"):
        books.ledger(100.0).pay(UNPRICED, RUN, books.answers(), record)


def test_work_on_the_machine_costs_nothing_even_without_a_budget(books: Books) -> None:
    books.ledger(0.0).pay(LOCAL, RUN, books.answers(), record)
    [call] = books.calls()
    assert call["cost_usd"] == call["reserved_usd"] == 0.0
