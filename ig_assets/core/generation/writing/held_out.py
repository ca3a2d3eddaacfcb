"""Writes a text for a held-out prompt, for the comparison of two models."""

from __future__ import annotations

from collections.abc import Sequence

from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.generation import prompts
from ig_assets.core.generation.writing.asked import asked_prompt
from ig_assets.core.generation.writing.write import (
    Sampling,
    ScriptRequest,
    WriterAnswer,
    write_script,
)
from ig_assets.core.ports import Writer
from ig_assets.warehouse.warehouse import Connection


def write_held_out(
    ledger: Ledger,
    writer: Writer,
    prompt: str,
    examples: Sequence[str],
    sampling: Sampling,
    run: RunRef,
) -> str | None:
    """Return the text for one held-out prompt, or None if the answer cannot be used.

    The text is not recorded. Raises as `write_script` does.
    """
    rendered = held_out_prompt(prompt, examples)

    def record_nothing(con: Connection, written: WriterAnswer) -> None:
        """Record nothing, since no table stores a held-out text."""

    request = ScriptRequest(writer, rendered, sampling, "judge")
    written = write_script(ledger, request, run, record_nothing)
    return written.text or None


def held_out_prompt(prompt: str, examples: Sequence[str]) -> prompts.Prompt:
    """Render a held-out prompt as generation asks for a draft.

    A prompt that is no stored brief is put into the template `HELD_OUT`.
    """
    return asked_prompt(prompt, examples) or prompts.render(
        prompts.HELD_OUT,
        prompts.DRAFT_INSTRUCTIONS,
        prompt=prompt,
        examples=list(examples),
        language_name="the language of the brief",
    )
