"""One paid request for a script: keyed by what is sent, repaired once, recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ig_assets.core.costs.ledger.ledger import ATTEMPTS as CALL_ATTEMPTS
from ig_assets.core.costs.ledger.ledger import Call, Ledger, RunRef
from ig_assets.core.costs.ledger.retry_exhausted import add_attempt_count
from ig_assets.core.generation.prompts import Prompt
from ig_assets.core.generation.writing.schema import (
    PolishedScript,
    ScriptAnswer,
    caption,
    script_text,
    spoken_beats,
)
from ig_assets.core.identity import fields_hash
from ig_assets.core.ports import TokenUsage, Writer, WriteRequest
from ig_assets.errors import (
    ContextTooLongError,
    MalformedAnswerError,
    RefusedError,
)
from ig_assets.warehouse.warehouse import Connection

MAX_OUTPUT_TOKENS = 400
ATTEMPTS = 2


@dataclass(frozen=True)
class Written:
    """A script as a writer returned it; `rejection` says why there is none.

    `beats` are the sentences of the body, None where they were not kept apart.
    """

    hook: str
    body: str
    call_to_action: str
    text: str
    model: str
    request_hash: str
    settings: dict[str, object]
    rejection: str | None = None
    beats: tuple[str, ...] | None = None
    on_screen_text: str | None = None
    prompt_hash: str = ""


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn."""

    temperature: float
    seed: int


def write_script(
    ledger: Ledger,
    writer: Writer,
    prompt: Prompt,
    sampling: Sampling,
    operation: str,
    run: RunRef,
    record: Callable[[Connection, Written], None],
    schema: type[ScriptAnswer] | type[PolishedScript] = ScriptAnswer,
    halt: threading.Event | None = None,
    may_shorten: bool = False,
) -> Written:
    """Ask for one script; `record` writes it in the transaction that settles it.

    An answer that is cut or not the schema is asked for once more with the next
    seed. If that fails too, or the vendor refuses, a rejection is recorded and
    returned. Raises TransientVendorError, AccessError, BudgetError, and HaltedError
    once `halt` is set; with `may_shorten` ContextTooLongError, for a shorter prompt.
    """
    problem = ""
    for attempt in range(ATTEMPTS):
        seed = sampling.seed + attempt
        settings: dict[str, object] = {
            "temperature": sampling.temperature,
            "seed": seed,
            "max_output_tokens": MAX_OUTPUT_TOKENS,
            "attempt": attempt,
        }
        request = WriteRequest(
            instructions=prompt.instructions,
            prompt=prompt.prompt,
            schema=schema,
            max_output_tokens=MAX_OUTPUT_TOKENS,
            temperature=sampling.temperature,
            seed=seed,
        )
        call = _call(writer, request, operation, settings)
        try:
            with add_attempt_count(CALL_ATTEMPTS):
                return ledger.pay(
                    call,
                    run,
                    lambda: _send(
                        writer, request, call.request_hash, prompt.prompt_hash, settings
                    ),
                    record,
                    halt,
                )
        except MalformedAnswerError as error:
            problem = f"malformed: {error}"
        except RefusedError as error:
            if may_shorten and isinstance(error, ContextTooLongError):
                raise
            problem = f"refused: {error}"
            break
    rejected = Written(
        "",
        "",
        "",
        "",
        writer.model,
        call.request_hash,
        settings,
        rejection=problem,
        prompt_hash=prompt.prompt_hash,
    )
    with ledger.warehouse.transaction() as con:
        record(con, rejected)
    return rejected


def _call(
    writer: Writer, request: WriteRequest, operation: str, settings: dict[str, object]
) -> Call:
    return Call(
        operation=operation,
        provider=writer.provider,
        model=writer.model,
        request_hash=fields_hash(
            {
                "provider": writer.provider,
                "model": writer.model,
                "instructions": request.instructions,
                "prompt": request.prompt,
                "schema": request.schema.__name__,
                "settings": settings,
            }
        ),
        input_tokens=writer.count_tokens(request.instructions + request.prompt),
        output_tokens=request.max_output_tokens + writer.reasoning_tokens,
    )


def _send(
    writer: Writer,
    request: WriteRequest,
    request_hash: str,
    prompt_hash: str,
    settings: dict[str, object],
) -> tuple[Written, TokenUsage]:
    answer = writer.write(request)
    script = answer.parsed
    assert isinstance(script, (ScriptAnswer, PolishedScript))
    hook = script.hook.strip()
    action = script.call_to_action.strip()
    beats = spoken_beats(script.beats, but_not=(hook, action))
    if not (hook and beats and action):
        raise MalformedAnswerError(
            "the hook, the body or the call to action is empty",
            answer.usage.input_tokens,
            answer.usage.output_tokens,
        )
    body = " ".join(beats)
    written = Written(
        hook,
        body,
        action,
        script_text(hook, body, action),
        answer.model,
        request_hash,
        settings,
        beats=tuple(beats),
        on_screen_text=(
            caption(script.on_screen_text)
            if isinstance(script, PolishedScript)
            else None
        ),
        prompt_hash=prompt_hash,
    )
    return written, answer.usage
