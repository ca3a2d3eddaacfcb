"""Settles calls that were `submitted` and are answered hours later, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ig_assets.core.ports import TokenUsage
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection


@dataclass(frozen=True)
class Settled:
    """How one submitted call ended; `cost_usd` is None where it is unknown."""

    call_id: str
    status: str
    usage: TokenUsage
    cost_usd: float | None
    error: str | None = None


def settle_submitted(con: Connection, calls: Sequence[Settled]) -> None:
    """Write what the calls brought, in the transaction of what they paid for.

    They have no latency: hours in a queue say nothing of how fast a vendor answers.
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
