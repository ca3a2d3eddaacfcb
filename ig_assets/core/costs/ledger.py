"""The ledger: every call of every provider is a row before it is sent.

A call is *reserved* with its estimated cost, sent, and settled in the same
transaction as what it paid for. A reservation whose process died stays visible as
`unknown` and keeps its share of the budget, since vendors have no idempotency keys.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
)
from tenacity.wait import wait_exponential

from ig_assets.core.costs.prices import call_cost_usd
from ig_assets.core.ports import Clock, Usage
from ig_assets.errors import (
    BudgetError,
    IgAssetsError,
    MalformedAnswerError,
    TransientVendorError,
)
from ig_assets.warehouse.connection import Connection, Warehouse
from ig_assets.warehouse.rows import merge_rows

T = TypeVar("T")
Sleep = Callable[[float], None]
ATTEMPTS = 5
_BACK_OFF = wait_exponential(multiplier=1, min=1, max=10)


@dataclass(frozen=True)
class RunRef:
    """On whose behalf a call is made; `subject` is the variant it is for, if one."""

    run_id: str
    asset: str
    month: str | None = None
    subject: str | None = None


@dataclass(frozen=True)
class Call:
    """One call as it will be sent: what it is keyed by and what it should take."""

    operation: str
    provider: str
    model: str
    request_hash: str
    input_tokens: int
    output_tokens: int = 0


class Ledger:
    """Reserves, retries and settles paid calls on one warehouse."""

    def __init__(
        self,
        warehouse: Warehouse,
        clock: Clock,
        budget_usd: float | None = None,
        sleep: Sleep = time.sleep,
    ) -> None:
        self.warehouse = warehouse
        self.clock = clock
        self.budget_usd = budget_usd
        self._sleep = sleep

    def pay(
        self,
        call: Call,
        run: RunRef,
        send: Callable[[], tuple[T, Usage]],
        record: Callable[[Connection, T], None],
    ) -> T:
        """Send one call and write its outcome with what it paid for.

        `record` writes the outcome inside the transaction that settles the call.
        Transient failures are tried five times, 1 to 10 s apart or as the vendor
        asks; each attempt is a row. Raises BudgetError before anything is sent,
        and the VendorError of the last attempt.
        """
        for attempt in Retrying(
            retry=retry_if_exception_type(TransientVendorError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        ):
            with attempt:
                return self._once(call, run, send, record)
        raise AssertionError("unreachable")  # pragma: no cover

    def _once(
        self,
        call: Call,
        run: RunRef,
        send: Callable[[], tuple[T, Usage]],
        record: Callable[[Connection, T], None],
    ) -> T:
        call_id = self.reserve(call, run)
        started = time.perf_counter()
        try:
            answer, usage = send()
        except IgAssetsError as error:
            self._close(call_id, call, error, _elapsed_ms(started))
            raise
        latency_ms = _elapsed_ms(started)
        with self.warehouse.transaction() as con:
            record(con, answer)
            self._settle(con, call_id, call, usage, latency_ms, "done", None)
        return answer

    def reserve(self, call: Call, run: RunRef) -> str:
        """Write the intent row with its share of the budget; return its id.

        Raises BudgetError when the budget would be exceeded.
        """
        expected = Usage(call.input_tokens, call.output_tokens)
        cost = call_cost_usd(call.provider, call.model, expected)
        call_id = uuid.uuid4().hex
        with self.warehouse.transaction() as con:
            self._check_budget(con, cost)
            merge_rows(
                con,
                "api_calls",
                [
                    {
                        "call_id": call_id,
                        "request_hash": call.request_hash,
                        "run_id": run.run_id,
                        "asset": run.asset,
                        "month": run.month,
                        "subject": run.subject,
                        "operation": call.operation,
                        "provider": call.provider,
                        "model": call.model,
                        "status": "reserved",
                        "reserved_usd": cost,
                        "called_at": self.clock.now(),
                    }
                ],
            )
        return call_id

    def _check_budget(self, con: Connection, cost: float | None) -> None:
        if self.budget_usd is None:
            return
        (spent,) = con.execute(
            "SELECT coalesce(sum(coalesce(cost_usd, reserved_usd)), 0) FROM api_calls"
        ).fetchall()[0]
        if cost is None or spent + cost > self.budget_usd:
            raise BudgetError(
                f"Budget reached: USD {spent:.4f} of IG_BUDGET_USD "
                f"{self.budget_usd:.2f} is spent or reserved and the next call would "
                f"take {'an unknown amount' if cost is None else f'{cost:.4f}'}; "
                "nothing was sent. Raise the budget to go on."
            )

    def mark_unknown(self, run: RunRef) -> int:
        """Reservations left by dead runs of this asset and month become `unknown`.

        Call it at the start of a step that holds the asset's pool, before its first
        call, so that no live step can own them. Returns how many there were.
        """
        with self.warehouse.transaction() as con:
            rows = con.execute(
                "SELECT call_id FROM api_calls WHERE status = 'reserved' "
                "AND asset = ? AND month IS NOT DISTINCT FROM ?",
                [run.asset, run.month],
            ).fetchall()
            for (call_id,) in rows:
                con.execute(
                    "UPDATE api_calls SET status = 'unknown', "
                    "error = 'the process ended before the answer' WHERE call_id = ?",
                    [call_id],
                )
        return len(rows)

    def _close(
        self, call_id: str, call: Call, error: IgAssetsError, latency_ms: float
    ) -> None:
        status, usage = "failed", Usage()
        if isinstance(error, TransientVendorError):
            status = "unknown" if error.outcome_unknown else "failed"
        elif isinstance(error, MalformedAnswerError):
            usage = Usage(error.input_tokens or 0, error.output_tokens or 0)
        with self.warehouse.transaction() as con:
            self._settle(con, call_id, call, usage, latency_ms, status, str(error))

    def _settle(
        self,
        con: Connection,
        call_id: str,
        call: Call,
        usage: Usage,
        latency_ms: float,
        status: str,
        error: str | None,
    ) -> None:
        cost = call_cost_usd(call.provider, call.model, usage)
        con.execute(
            """
            UPDATE api_calls
            SET status = ?, input_tokens = ?, cached_tokens = ?, output_tokens = ?,
                cost_usd = ?, latency_ms = ?, error = ?
            WHERE call_id = ?
            """,
            [
                status,
                usage.input_tokens,
                usage.cached_tokens,
                usage.output_tokens,
                None if status == "unknown" else cost,
                latency_ms,
                error,
                call_id,
            ],
        )


def _elapsed_ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000.0


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, TransientVendorError) and error.retry_after_s is not None:
        return min(error.retry_after_s, 60.0)
    return _BACK_OFF(state)
