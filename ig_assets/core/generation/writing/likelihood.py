"""Asks a model how likely it finds a given answer to a held-out prompt."""

from __future__ import annotations

from collections.abc import Sequence

from ig_assets.core.costs.ledger.ledger import Call, Ledger, RunRef
from ig_assets.core.generation.writing.held_out import held_out_prompt
from ig_assets.core.identity import fields_hash
from ig_assets.core.ports import AnswerLikelihood, GivesLikelihoods, TokenUsage
from ig_assets.warehouse.warehouse import Connection


def held_out_likelihood(
    ledger: Ledger,
    writer: GivesLikelihoods,
    prompt: str,
    examples: Sequence[str],
    answer: str,
    run: RunRef,
) -> AnswerLikelihood:
    """Return the likelihood of `answer`, a script as JSON, for one held-out prompt.

    The prompt is rendered as for `write_held_out`. Raises TransientVendorError,
    MalformedAnswerError and BudgetError.
    """
    asked = held_out_prompt(prompt, examples)
    key = {
        "provider": writer.provider,
        "model": writer.model,
        "instructions": asked.instructions,
        "prompt": asked.prompt,
        "answer": answer,
    }
    call = Call(
        operation="judge",
        provider=writer.provider,
        model=writer.model,
        request_hash=fields_hash(key),
        input_tokens=writer.count_tokens(asked.instructions + asked.prompt),
        output_tokens=writer.count_tokens(answer),
    )

    def send() -> tuple[AnswerLikelihood, TokenUsage]:
        found = writer.answer_likelihood(asked.instructions, asked.prompt, answer)
        return found, TokenUsage(found.prompt_tokens, found.tokens)

    def record_nothing(con: Connection, found: AnswerLikelihood) -> None:
        """Record nothing, since a likelihood is stored in its evaluation's row."""

    return ledger.pay(call, run, send, record_nothing)
