"""Asks a model which of two scripts is better, for one order of the scripts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from ig_assets.core.costs.ledger.ledger import Call, Ledger, RunRef
from ig_assets.core.generation import prompts
from ig_assets.core.identity import fields_hash
from ig_assets.core.ports import TokenUsage, Writer, WriteRequest
from ig_assets.errors import MalformedAnswerError, RefusedError
from ig_assets.warehouse.warehouse import Connection

MAX_OUTPUT_TOKENS = 16


class Judgement(BaseModel):
    """Which of the two scripts is better."""

    better: Literal["first", "second"] = Field(description="first or second")


def judge(
    ledger: Ledger,
    writer: Writer,
    brief: str,
    texts: tuple[str, str],
    seed: int,
    run: RunRef,
) -> int | None:
    """Return the position (0 or 1) of the better text; None without a usable answer.

    Raises TransientVendorError, AccessError and BudgetError.
    """
    asked = prompts.render(
        prompts.JUDGE,
        prompts.JUDGE_INSTRUCTIONS,
        brief=brief,
        first=texts[0],
        second=texts[1],
    )
    request = WriteRequest(
        instructions=asked.instructions,
        prompt=asked.prompt,
        schema=Judgement,
        max_output_tokens=MAX_OUTPUT_TOKENS,
        temperature=0.0,
        seed=seed,
    )
    key = {
        "provider": writer.provider,
        "model": writer.model,
        "instructions": asked.instructions,
        "prompt": asked.prompt,
        "schema": Judgement.__name__,
        "seed": seed,
    }
    call = Call(
        operation="judge",
        provider=writer.provider,
        model=writer.model,
        request_hash=fields_hash(key),
        input_tokens=writer.count_tokens(asked.instructions + asked.prompt),
        output_tokens=MAX_OUTPUT_TOKENS + writer.reasoning_tokens,
    )

    def send() -> tuple[int, TokenUsage]:
        answer = writer.write(request)
        found = answer.parsed
        assert isinstance(found, Judgement)
        return int(found.better == "second"), answer.usage

    def record_nothing(con: Connection, found: int) -> None:
        """Record nothing, since the row of the evaluation stores the judgement."""

    try:
        return ledger.pay(call, run, send, record_nothing)
    except (MalformedAnswerError, RefusedError):
        return None
