"""Books the cost of a fine-tune job: reserved before it starts, settled at its end."""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.core.costs.ledger.deferred_calls import Settled, settle_submitted
from ig_assets.core.costs.ledger.ledger import Call, Ledger, RunRef
from ig_assets.core.ports import (
    TokenUsage,
    Trainer,
    TrainingEstimate,
    TrainingRequest,
    TrainingState,
)
from ig_assets.errors import BudgetError
from ig_assets.warehouse.warehouse import Connection

TRAIN = "train"

_OPEN = """
SELECT call_id, reserved_usd, reserved_tokens
FROM api_calls
WHERE operation = 'train' AND request_hash = ? AND status = 'submitted'
"""


@dataclass(frozen=True)
class _PricedCall(Call):
    """A call whose whole price is known before it is made."""

    price_usd: float | None = None

    def cost_usd(self, usage: TokenUsage) -> float | None:
        """Return the whole price (USD), whatever the usage is."""
        return self.price_usd


def reserve_training(
    ledger: Ledger | None,
    trainer: Trainer,
    request: TrainingRequest,
    estimate: TrainingEstimate,
    run: RunRef,
) -> None:
    """Reserve the estimated cost of a job, once per intent.

    Raises BudgetError if a budget forbids it, if a budget limits dollars and the
    estimate has no price, or if there is no ledger.
    """
    if ledger is None:
        raise BudgetError(
            f"{trainer.provider} costs money, and there is no ledger to reserve it in; "
            "the job was not started."
        )
    call = _PricedCall(
        TRAIN,
        trainer.provider,
        trainer.base_model,
        request.intent_key,
        input_tokens=estimate.tokens,
        price_usd=estimate.cost_usd,
    )
    with ledger.warehouse.transaction() as con:
        if not con.execute(_OPEN, [request.intent_key]).fetchall():
            ledger.reserve_submitted(con, [call], run)


def settle_training(con: Connection, intent_key: str, state: TrainingState) -> None:
    """Write the cost of a job that has ended, in the transaction that writes its state.

    A refused job costs nothing. If the provider reports neither price nor tokens, a job
    that succeeded costs the estimate. The cost of one that failed or was cancelled is
    then unknown, so its whole reservation counts as spent.
    """
    for call_id, reserved_usd, reserved_tokens in con.execute(
        _OPEN, [intent_key]
    ).fetchall():
        settle_submitted(
            con, [_settled(str(call_id), reserved_usd, int(reserved_tokens), state)]
        )


def _settled(
    call_id: str,
    reserved_usd: float | None,
    reserved_tokens: int,
    state: TrainingState,
) -> Settled:
    if state.status == "refused":
        return Settled(call_id, "failed", TokenUsage(0), 0.0, "refused")
    tokens, cost = state.trained_tokens, state.cost_usd
    if tokens is None and state.status != "succeeded":
        return Settled(call_id, "unknown", TokenUsage(0), cost, state.status)
    tokens = reserved_tokens if tokens is None else tokens
    if cost is None and reserved_usd is not None:
        cost = reserved_usd * tokens / max(reserved_tokens, 1)
    status = "done" if state.status == "succeeded" else "failed"
    error = None if status == "done" else state.status
    return Settled(call_id, status, TokenUsage(tokens), cost, error)
