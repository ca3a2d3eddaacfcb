"""Makes one paid request for a script, repeats it at most once, records the answer.

The request is identified by a hash of its content.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ig_assets.core.costs.ledger.ledger import CALL_ATTEMPTS, Call, Ledger, RunRef
from ig_assets.core.costs.ledger.retry_exhausted import add_attempt_count
from ig_assets.core.generation.prompts import Prompt
from ig_assets.core.generation.writing.schema import (
    Answered,
    AnswerSchema,
    ScriptAnswer,
    Spoken,
    as_answered,
    caption,
    script_text,
    shots_of,
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
ANSWER_ATTEMPTS = 2


@dataclass(frozen=True)
class WriterAnswer:
    """A script as a writer returned it, or empty texts with the reason in `rejection`.

    `beats` are the sentences of the body, None if they are not known separately;
    `shots` are what the camera shows at each beat, None if unknown. `rejection` begins
    with "malformed" or "refused".
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
    shots: tuple[str, ...] | None = None


Finish = Callable[[Answered], Spoken]


@dataclass(frozen=True)
class Sampling:
    """The settings for sampling tokens."""

    temperature: float
    seed: int


@dataclass(frozen=True)
class ScriptRequest:
    """A request for one script, and the operation under which its cost is booked.

    If the prompt is too long for the model, the answer is a rejection; with
    `may_shorten`, ContextTooLongError is raised instead, so that the caller can shorten
    it. `finish` makes the script of an answer, such as by choosing among several hooks.
    """

    writer: Writer
    prompt: Prompt
    sampling: Sampling
    operation: str
    schema: AnswerSchema = ScriptAnswer
    may_shorten: bool = False
    finish: Finish = as_answered
    max_output_tokens: int = MAX_OUTPUT_TOKENS


Record = Callable[[Connection, WriterAnswer], None]


def write_script(
    ledger: Ledger,
    request: ScriptRequest,
    run: RunRef,
    record: Record,
    halt: threading.Event | None = None,
) -> WriterAnswer:
    """Request one script; `record` writes it in the transaction that settles the call.

    If an answer is cut off or does not fit the schema, a second one is requested with
    the next seed. If that fails too, or the vendor refuses, a rejection is recorded and
    returned. Raises TransientVendorError, AccessError, BudgetError, CancelledError once
    `halt` is set, and with `may_shorten` ContextTooLongError.
    """
    problem = ""
    for number in range(ANSWER_ATTEMPTS):
        attempt = _Attempt(request, number)
        try:
            with add_attempt_count(CALL_ATTEMPTS):
                return ledger.pay(attempt.call, run, attempt.send, record, halt)
        except MalformedAnswerError as error:
            problem = f"malformed: {error}"
        except RefusedError as error:
            if request.may_shorten and isinstance(error, ContextTooLongError):
                raise
            problem = f"refused: {error}"
            break
    rejected = attempt.rejected(problem)
    with ledger.warehouse.transaction() as con:
        record(con, rejected)
    return rejected


class _Attempt:
    """One call for a script: the request, its key, and its answer."""

    def __init__(self, request: ScriptRequest, number: int) -> None:
        self._prompt, self._writer = request.prompt, request.writer
        self._finish = request.finish
        seed = request.sampling.seed + number
        self._settings: dict[str, object] = {
            "temperature": request.sampling.temperature,
            "seed": seed,
            "max_output_tokens": request.max_output_tokens,
            "attempt": number,
        }
        self._sent = WriteRequest(
            instructions=request.prompt.instructions,
            prompt=request.prompt.prompt,
            schema=request.schema,
            max_output_tokens=request.max_output_tokens,
            temperature=request.sampling.temperature,
            seed=seed,
        )
        self.call = self._call(request.operation)

    def _call(self, operation: str) -> Call:
        writer, sent = self._writer, self._sent
        key = {
            "provider": writer.provider,
            "model": writer.model,
            "instructions": sent.instructions,
            "prompt": sent.prompt,
            "schema": sent.schema.__name__,
            "settings": self._settings,
        }
        return Call(
            operation=operation,
            provider=writer.provider,
            model=writer.model,
            request_hash=fields_hash(key),
            input_tokens=writer.count_tokens(sent.instructions + sent.prompt),
            output_tokens=sent.max_output_tokens + writer.reasoning_tokens,
        )

    def send(self) -> tuple[WriterAnswer, TokenUsage]:
        """Send the request and return the script with its token usage.

        Raises MalformedAnswerError if a part of the script is empty.
        """
        answer = self._writer.write(self._sent)
        script = answer.parsed
        assert isinstance(script, Answered)
        spoken = self._finish(script)
        hook, action = spoken.hook, spoken.call_to_action
        beats = spoken_beats(spoken.beats, but_not=(hook, action))
        if not (hook and beats and action):
            raise MalformedAnswerError(
                "the hook, the body or the call to action is empty",
                answer.usage.input_tokens,
                answer.usage.output_tokens,
            )
        body, on_screen, shots = " ".join(beats), None, None
        if spoken.on_screen_text is not None:
            on_screen = caption(spoken.on_screen_text)
        if spoken.shots is not None:
            shots = shots_of(spoken.shots, len(beats))
        settings = self._settings
        if spoken.from_brief:
            settings = settings | {"from_brief": list(spoken.from_brief)}
        written = WriterAnswer(
            hook,
            body,
            action,
            script_text(hook, body, action),
            answer.model,
            self.call.request_hash,
            settings,
            beats=tuple(beats),
            on_screen_text=on_screen,
            prompt_hash=self._prompt.prompt_hash,
            shots=shots,
        )
        return written, answer.usage

    def rejected(self, problem: str) -> WriterAnswer:
        """Return an answer that records the problem in place of a script."""
        return WriterAnswer(
            *("", "", "", ""),
            self._writer.model,
            self.call.request_hash,
            self._settings,
            rejection=problem,
            prompt_hash=self._prompt.prompt_hash,
        )
