"""Classify the outcome of an attempt at a paid call, and say when to try again."""

from __future__ import annotations

from dataclasses import dataclass

from tenacity import RetryCallState
from tenacity.wait import wait_exponential

from ig_assets.core.costs.cancellation import CancelledError
from ig_assets.core.ports import TokenUsage
from ig_assets.errors import (
    IgAssetsError,
    MalformedAnswerError,
    RefusedError,
    TransientVendorError,
)

LONGEST_WAIT_S = 60.0
_BACK_OFF = wait_exponential(multiplier=1, min=1, max=10)


@dataclass(frozen=True)
class CallOutcome:
    """The outcome of one attempt, as its ledger row records it.

    `status` is done, failed or unknown (the attempt may have been billed); latency is
    in milliseconds.
    """

    status: str
    usage: TokenUsage
    latency_ms: float
    error: str | None = None


def failure(error: IgAssetsError | CancelledError, latency_ms: float) -> CallOutcome:
    """Return the outcome to record for a failed attempt.

    The status is `unknown` if the vendor may have billed the attempt: its answer never
    came, or came without readable token counts.
    """
    status, usage = "failed", TokenUsage()
    if isinstance(error, CancelledError):
        return CallOutcome(status, usage, latency_ms, "not sent: another call failed")
    if isinstance(error, TransientVendorError):
        status = "unknown" if error.outcome_unknown else "failed"
    elif isinstance(error, MalformedAnswerError) and error.input_tokens is None:
        status = "unknown"
    elif isinstance(error, (MalformedAnswerError, RefusedError)):
        usage = TokenUsage(error.input_tokens or 0, error.output_tokens or 0)
    return CallOutcome(status, usage, latency_ms, str(error))


def wait_for_next(state: RetryCallState) -> float:
    """Return the seconds to wait before the next attempt.

    The vendor's requested wait is used, up to 60; without one the wait is 1 to 10 and
    grows with each attempt.
    """
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, TransientVendorError) and error.retry_after_s is not None:
        return min(error.retry_after_s, LONGEST_WAIT_S)
    return _BACK_OFF(state)
