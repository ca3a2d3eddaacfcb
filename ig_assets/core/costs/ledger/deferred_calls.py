"""Settle calls that a vendor answers hours after they were submitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ig_assets.core.ports import TokenUsage
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection


@dataclass(frozen=True)
class Settled:
    """How one submitted call ended; `cost_usd` is None if it is unknown."""

    call_id: str
    status: str
    usage: TokenUsage
    cost_usd: float | None
    error: str | None = None


def settle_submitted(con: Connection, calls: Sequence[Settled]) -> None:
    """Write the outcomes of submitted calls, in the caller's transaction.

    The same transaction must also write the calls' results. Latency stays NULL: hours
    in a queue say nothing about how fast a vendor answers.
    """
    rows = [
        {
            "call_id": call.call_id,
            "status": call.status,
            "input_tokens": call.usage.input_tokens,
            "cached_tokens": call.usage.cached_tokens,
            "output_tokens": call.usage.output_tokens,
            "cost_usd": call.cost_usd,
            "error": call.error,
        }
        for call in calls
    ]
    merge_rows(con, "api_calls", rows)
