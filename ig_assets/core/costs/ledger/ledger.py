"""Keep the ledger: every call to a provider gets a row before it is sent.

A call is *reserved* with its estimated cost and tokens, sent, and settled in the
transaction that writes its result. If its process dies, the reservation stays visible
as `unknown` and keeps its share of the budget, since vendors have no idempotency keys.
Threads may share a ledger; writes that wait at the same moment share one transaction.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
)

from ig_assets.core.costs.budget import Budget, HeldBudgetError, check_budgets
from ig_assets.core.costs.cancellation import CancelledError, call_waits, sleep_unless
from ig_assets.core.costs.ledger.call_outcome import CallOutcome, failure, wait_for_next
from ig_assets.core.costs.ledger.group_commit import GroupCommit
from ig_assets.core.costs.ledger.in_flight_calls import InFlightCalls
from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.ports import Clock, TokenUsage
from ig_assets.errors import (
    IgAssetsError,
    TransientVendorError,
    WarehouseBusyError,
)
from ig_assets.warehouse.rows import insert_row, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

T = TypeVar("T")
Sleep = Callable[[float], None]
CALL_ATTEMPTS = 5
SETTLE_ATTEMPTS = 3

_SETTLE = """
    UPDATE api_calls
    SET status = ?, input_tokens = ?, cached_tokens = ?, output_tokens = ?,
        cost_usd = ?, latency_ms = ?, error = ?
    WHERE call_id = ?
"""


@dataclass(frozen=True)
class RunRef:
    """The run, asset and month to which a call belongs.

    `subject` is the id of the variant for which the call is made, or None.
    """

    run_id: str
    asset: str
    month: str | None = None
    subject: str | None = None


@dataclass(frozen=True)
class Call:
    """One call before it is sent, with the expected numbers of tokens.

    `request_hash` identifies the request. `price_share` is the share of the normal
    price that the vendor charges, usually 1.
    """

    operation: str
    provider: str
    model: str
    request_hash: str
    input_tokens: int
    output_tokens: int = 0
    price_share: float = 1.0

    def cost_usd(self, usage: TokenUsage) -> float | None:
        """Return the cost (USD) of this usage, or None if the price is unknown."""
        cost = call_cost_usd(self.provider, self.model, usage)
        return None if cost is None else cost * self.price_share


class Ledger:
    """Reserves, retries and settles paid calls on one warehouse.

    `clock` is the loop's clock, which may be simulated. Days and months of budgets are
    those of `money_clock`.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        clock: Clock,
        budgets: Sequence[Budget] = (),
        sleep: Sleep | None = None,
        money_clock: Clock | None = None,
    ) -> None:
        self.warehouse = warehouse
        self.clock = clock
        self.money_clock = money_clock or clock
        self.budgets = tuple(budgets)
        self._sleep = sleep
        self._commits = GroupCommit(warehouse)
        self._in_flight = InFlightCalls()

    def pay(
        self,
        call: Call,
        run: RunRef,
        send: Callable[[], tuple[T, TokenUsage]],
        record: Callable[[Connection, T], None],
        halt: threading.Event | None = None,
    ) -> T:
        """Send one call; write its outcome and its result in one transaction.

        `send` returns the answer and its usage. `record` writes the answer by key,
        inside the transaction that settles the call. After a transient failure the call
        is sent again, at most five times in all, 1 to 10 seconds apart or as the vendor
        asks; each attempt is a row. No attempt starts once `halt` is set. Raises
        BudgetError before anything is sent, the VendorError of the last attempt, and
        CancelledError.
        """
        for attempt in Retrying(
            retry=retry_if_exception_type(TransientVendorError),
            stop=stop_after_attempt(CALL_ATTEMPTS),
            wait=wait_for_next,
            sleep=self._sleep or partial(sleep_unless, halt),
            reraise=True,
        ):
            with attempt:
                if halt is not None and halt.is_set():
                    raise CancelledError
                return self._once(call, run, send, record, halt)
        raise AssertionError("unreachable")  # pragma: no cover

    def _once(
        self,
        call: Call,
        run: RunRef,
        send: Callable[[], tuple[T, TokenUsage]],
        record: Callable[[Connection, T], None],
        halt: threading.Event | None,
    ) -> T:
        call_id = self._reserve_when_it_fits(call, run, halt)
        try:
            return self._send(call_id, call, send, record, halt)
        finally:
            self._in_flight.end()

    def _reserve_when_it_fits(
        self, call: Call, run: RunRef, halt: threading.Event | None
    ) -> str:
        """Reserve a call; wait first if only calls in flight prevent this.

        Calls in flight reserve the most that they can use, and usually use less. Only
        calls of this ledger are waited for.
        """
        while True:
            ended = self._in_flight.ended
            self._in_flight.begin()
            try:
                return self.reserve(call, run)
            except HeldBudgetError:
                self._in_flight.end(was_sent=False)
                if not self._in_flight.wait_for_one(ended):
                    raise
            except BaseException:
                self._in_flight.end(was_sent=False)
                raise
            if halt is not None and halt.is_set():
                raise CancelledError

    def _send(
        self,
        call_id: str,
        call: Call,
        send: Callable[[], tuple[T, TokenUsage]],
        record: Callable[[Connection, T], None],
        halt: threading.Event | None,
    ) -> T:
        started = time.perf_counter()
        with call_waits(halt) as waits:
            try:
                answer, usage = send()
            except (IgAssetsError, CancelledError) as error:
                failed = failure(error, _elapsed_ms(started, waits.seconds))
                self._settle(call_id, call, failed, lambda con: None)
                raise
        done = CallOutcome("done", usage, _elapsed_ms(started, waits.seconds))
        self._settle(call_id, call, done, lambda con: record(con, answer))
        return answer

    def reserve(self, call: Call, run: RunRef) -> str:
        """Write the row of a call with its share of the budget; return its id.

        Raises BudgetError if the call would exceed a budget.
        """
        row = self._row(call, run, "reserved")

        def write(con: Connection) -> None:
            self._check_budgets(con, [row], run)
            insert_row(con, "api_calls", row)

        self._commits.run(write)
        return str(row["call_id"])

    def reserve_submitted(
        self, con: Connection, calls: Sequence[Call], run: RunRef
    ) -> list[str]:
        """Reserve calls that are answered hours later; return their ids in order.

        The function runs in the caller's transaction, which also records that the calls
        are about to be sent. Their status is `submitted` and not `reserved`: they
        outlive their process, and the vendor can be asked about them. Raises
        BudgetError if all of them together exceed a budget.
        """
        rows = [self._row(call, run, "submitted") for call in calls]
        self._check_budgets(con, rows, run)
        merge_rows(con, "api_calls", rows)
        return [str(row["call_id"]) for row in rows]

    def _row(self, call: Call, run: RunRef, status: str) -> dict[str, Any]:
        expected = TokenUsage(call.input_tokens, call.output_tokens)
        return {
            "call_id": uuid.uuid4().hex,
            "request_hash": call.request_hash,
            "run_id": run.run_id,
            "asset": run.asset,
            "month": run.month,
            "subject": run.subject,
            "operation": call.operation,
            "provider": call.provider,
            "model": call.model,
            "status": status,
            "reserved_usd": call.cost_usd(expected),
            "reserved_tokens": call.input_tokens + call.output_tokens,
            "called_at": self.clock.now(),
            "sent_at": self.money_clock.now(),
        }

    def _check_budgets(
        self, con: Connection, rows: Sequence[Mapping[str, Any]], run: RunRef
    ) -> None:
        """Raise BudgetError if rows of one operation together exceed a budget."""
        if not self.budgets or not rows:
            return
        costs = [row["reserved_usd"] for row in rows]
        check_budgets(
            con,
            self.budgets,
            rows[0]["operation"],
            rows[0]["model"],
            None if None in costs else sum(costs),
            sum(row["reserved_tokens"] for row in rows),
            self.money_clock.now(),
            run.run_id,
        )

    @contextmanager
    def interruptible(self, run: RunRef) -> Iterator[None]:
        """Settle the calls in flight as `unknown` if the block is interrupted.

        Ctrl-C and Terminate do not wait for answers (`run_bounded`). If a call is
        answered before the process ends, it is still settled by its answer.
        """
        try:
            yield
        except Exception:
            raise
        except BaseException:
            with suppress(WarehouseBusyError):  # the next run marks them
                self.mark_unknown(run, "the step was stopped before the answer")
            raise

    def mark_unknown(
        self, run: RunRef, why: str = "the process ended before the answer"
    ) -> int:
        """Mark reservations of dead runs of this asset and month; return their number.

        Their status becomes `unknown`. Call this at the start of a step that holds the
        asset's pool, before the step's first call: no living step can own such
        reservations then.
        """
        with self.warehouse.transaction() as con:
            rows = con.execute(
                "SELECT call_id FROM api_calls WHERE status = 'reserved' "
                "AND asset = ? AND month IS NOT DISTINCT FROM ?",
                [run.asset, run.month],
            ).fetchall()
            for (call_id,) in rows:
                con.execute(
                    "UPDATE api_calls SET status = 'unknown', error = ? "
                    "WHERE call_id = ?",
                    [why, call_id],
                )
        return len(rows)

    def _settle(
        self,
        call_id: str,
        call: Call,
        outcome: CallOutcome,
        record: Callable[[Connection], None],
    ) -> None:
        """Write a call's outcome and its result in one transaction.

        If the warehouse is busy, this is tried three times, since the call has been
        paid for.
        """
        usage = outcome.usage
        cost = call.cost_usd(usage)
        values = [
            outcome.status,
            usage.input_tokens,
            usage.cached_tokens,
            usage.output_tokens,
            None if outcome.status == "unknown" else cost,
            outcome.latency_ms,
            outcome.error,
            call_id,
        ]

        def write(con: Connection) -> None:
            record(con)
            con.execute(_SETTLE, values)

        for attempt in Retrying(
            retry=retry_if_exception_type(WarehouseBusyError),
            stop=stop_after_attempt(SETTLE_ATTEMPTS),
            reraise=True,
        ):
            with attempt:
                self._commits.run(write)


def _elapsed_ms(started: float, waited_s: float) -> float:
    return (time.perf_counter() - started - waited_s) * 1000.0
