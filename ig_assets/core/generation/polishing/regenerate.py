"""Turns one draft into a variant: polish, measure, retry, or reject."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ig_assets.core.corpus.scripts.labels import language_name
from ig_assets.core.costs.ledger.ledger import Ledger, RunRef
from ig_assets.core.generation import prompts
from ig_assets.core.generation.gates.gates import (
    Candidate,
    Figure,
    Gates,
    failures,
    measure,
    why_rejected,
)
from ig_assets.core.generation.gates.novelty import CorpusRuns
from ig_assets.core.generation.polishing.attempts import as_written, record_attempt
from ig_assets.core.generation.polishing.feedback import COPYING, feedback
from ig_assets.core.generation.writing.arms import WritingModel
from ig_assets.core.generation.writing.draft import WriterOf
from ig_assets.core.generation.writing.forms import (
    Brief,
    Form,
    draft_form,
    writes_facts_first,
)
from ig_assets.core.generation.writing.schema import (
    HOOK_STYLES,
    PolishedScript,
)
from ig_assets.core.generation.writing.write import (
    ANSWER_ATTEMPTS,
    MAX_OUTPUT_TOKENS,
    ScriptRequest,
    WriterAnswer,
    write_script,
)
from ig_assets.core.identity import seeded_unit
from ig_assets.core.models.registry import asked_provider
from ig_assets.warehouse.warehouse import Connection

_ITS_OWN = "it passed every gate, and the model that wrote it would have polished it"

NearestOf = Callable[[str, RunRef], float | None]
Row = dict[str, Any]


@dataclass(frozen=True)
class Polishing:
    """The services and settings of polishing; `model` is the one that polishes.

    `nearest` returns a text's cosine to the nearest script, or None. Without
    `keep_attempts`, polishing attempts are not stored; the ledger rows of their calls
    are.
    """

    ledger: Ledger
    writer_of: WriterOf
    model: WritingModel
    gates: Gates
    seed: int
    temperature: float
    nearest: NearestOf = lambda text, run: None
    regenerations: int = 1
    max_in_flight: int = 1
    keep_attempts: bool = True


@dataclass(frozen=True)
class Measured:
    """A text with its figures at the gates; a rejected answer has none."""

    written: WriterAnswer
    figures: Sequence[Figure] = ()

    @property
    def why_not(self) -> str | None:
        """Return why the text cannot be a variant, or None if it can."""
        return self.written.rejection or why_rejected(self.figures)


@dataclass(frozen=True)
class RegenerationResult:
    """The outcome of a draft; `kind` is polished, draft_kept or rejected.

    `attempts` counts requests; `is_polished_text` is False if the chosen text is the
    draft.
    """

    kind: str
    chosen: Measured
    attempts: int
    is_polished_text: bool = False


@dataclass(frozen=True)
class MonthState:
    """The texts with which the month's variants are compared, and stored attempts.

    `texts` is {topic_id: {arm: text}} of the variants that were accepted before.
    """

    corpus: CorpusRuns
    texts: dict[str, dict[str, str]]
    attempts: dict[str, dict[int, WriterAnswer]]


@dataclass(frozen=True)
class _Task:
    """The polisher's input: a text, feedback on the last attempt, and the brief."""

    draft: str
    feedback: str = ""
    brief: str = ""


@dataclass(frozen=True)
class DraftPolisher:
    """Turns one draft into a variant.

    `siblings` are the texts of the topic's other arms that it must differ from, or
    None.
    """

    polishing: Polishing
    row: Row
    state: MonthState
    siblings: Sequence[str] | None
    run: RunRef
    halt: threading.Event

    def outcome(self) -> RegenerationResult:
        """Return the polished text, or the draft, or a text polished with feedback.

        These are tried in this order until one passes all gates; otherwise the draft is
        rejected. Faults of the draft that can be measured without a call are stated in
        the first request, which may make a second attempt unnecessary. A draft that
        passes is kept unpolished if the polisher is the small model that wrote it.
        """
        draft = as_written(self.row)
        if draft.rejection:
            return RegenerationResult("rejected", Measured(draft), 0)
        drafted = self._measured(draft, is_free=not self._writes_again)
        if self._writes_again and drafted.why_not is None:
            settings = draft.settings | {"kept_the_draft": _ITS_OWN}
            kept = replace(draft, settings=settings)
            return RegenerationResult("draft_kept", replace(drafted, written=kept), 0)
        first = self._next_task([drafted]) if drafted.why_not else self._task()
        polished = self._attempt(0, first)
        if polished.why_not is None:
            return RegenerationResult("polished", polished, 1, True)
        if drafted.why_not is None:
            drafted = self._measured(draft)
        if drafted.why_not is None:
            settings = draft.settings | {"kept_the_draft": polished.why_not}
            kept = replace(draft, settings=settings)
            return RegenerationResult("draft_kept", replace(drafted, written=kept), 1)
        failed = [drafted, polished]
        for number in range(1, self.polishing.regenerations + 1):
            if (polished.written.rejection or "").startswith("refused"):
                break
            polished = self._attempt(number, self._next_task(failed))
            failed.append(polished)
            if polished.why_not is None:
                return RegenerationResult("polished", polished, number + 1, True)
        # A malformed answer has no text, so the last one with a text is recorded.
        last = [each for each in failed if each.written.text][-1]
        rejected = replace(last.written, rejection=last.why_not)
        return RegenerationResult(
            "rejected",
            Measured(rejected, last.figures),
            attempts=len(failed) - 1,
            is_polished_text=last is not drafted,
        )

    @property
    def _writes_again(self) -> bool:
        """Return whether the polisher is the small model that was asked for the draft.

        Such a model does not improve its own text if it passes. It repairs a failed
        text best by writing again from the brief, with the faults listed.
        """
        model, row = self.polishing.model, self.row
        return (
            writes_facts_first(model.provider, row["language"])
            and asked_provider(row["provider"], model.provider) == model.provider
        )

    @property
    def _gates(self) -> Gates:
        """The gates, with the bounds of the provider that was asked for the draft."""
        base = self.polishing.model.provider
        return self.polishing.gates.of_provider(
            asked_provider(self.row["provider"], base)
        )

    def _task(self, text: str | None = None, feedback: str = "") -> _Task:
        words = self.row["text"] if text is None else text
        return _Task(words, feedback, self.row["brief"] or "")

    def _next_task(self, failed: Sequence[Measured]) -> _Task:
        """Return a task with the draft, feedback on the last text, and the brief.

        If the last text was copied, copied sentences are removed from the draft, since
        they would be copied again.
        """
        last = [each for each in failed if each.written.text][-1]
        candidate = self._candidate(last.written)
        sentences = feedback(self._gates, candidate, last.figures)
        text = self.row["text"]
        if {figure.gate for figure in failures(last.figures)} & set(COPYING):
            text = self.state.corpus.without_copied_sentences(text)
        return self._task(text, sentences)

    def _attempt(self, number: int, task: _Task) -> Measured:
        """Return the measured answer of an attempt: a new one, or a stored one."""
        earlier = self.state.attempts.get(self.row["variant_id"], {}).get(number)
        written = earlier if earlier is not None else self._ask(number, task)
        return Measured(written) if written.rejection else self._measured(written)

    def _measured(self, written: WriterAnswer, is_free: bool = False) -> Measured:
        """Return the text with its figures; `is_free` skips what may cost a call."""
        polishing = self.polishing
        nearest: NearestOf = polishing.nearest
        if is_free:
            nearest = _without_a_call
        figures = measure(
            self._gates,
            self._candidate(written),
            self.state.corpus,
            self.siblings,
            lambda text: nearest(text, self._paid_for),
        )
        return Measured(written, figures)

    @property
    def _paid_for(self) -> RunRef:
        return replace(self.run, subject=self.row["variant_id"])

    def _ask(self, number: int, task: _Task) -> WriterAnswer:
        polishing, row = self.polishing, self.row
        form = self._form(task)
        now = polishing.ledger.clock.now()

        def record(con: Connection, written: WriterAnswer) -> None:
            if not polishing.keep_attempts:
                return
            record_attempt(
                con,
                row["variant_id"],
                number,
                written,
                polishing.model.model_id,
                now,
            )

        draw = seeded_unit(polishing.seed, "polish", row["variant_id"])
        seed = int(draw * 2**31) + number * ANSWER_ATTEMPTS
        request = ScriptRequest(
            polishing.writer_of(polishing.model),
            form.prompt,
            form.sampling(polishing.temperature, seed),
            "polish",
            form.schema,
            finish=form.finish,
            max_output_tokens=form.max_output_tokens,
        )
        return write_script(
            polishing.ledger, request, self._paid_for, record, self.halt
        )

    def _form(self, task: _Task) -> Form:
        row = self.row
        if self._writes_again:
            brief = Brief(
                row["topic"],
                row["brief"] or "",
                row["audience"] or "",
                row["brand_voice"] or "",
                row["language"],
                row["hook_style"],
            )
            provider = self.polishing.model.provider
            return draft_form(brief, provider, [], [], row["is_control"], task.feedback)
        prompt = prompts.render(
            prompts.POLISH,
            prompts.DRAFT_INSTRUCTIONS,
            topic=row["topic"],
            language_name=language_name(row["language"]),
            hook_style=row["hook_style"],
            hook_hint=HOOK_STYLES[row["hook_style"]],
            draft=task.draft,
            brief=task.brief,
            mend=task.feedback,
        )
        return Form(prompt, PolishedScript, MAX_OUTPUT_TOKENS)

    def _candidate(self, written: WriterAnswer) -> Candidate:
        return Candidate(
            written.hook,
            written.beats,
            written.body,
            written.call_to_action,
            written.text,
            self.row["language"],
            self.row["topic"],
            self.row["brief"] or "",
            written.on_screen_text,
        )


def _without_a_call(text: str, run: RunRef) -> None:
    """Return None in place of a cosine.

    This leaves the gate of the nearest script unmeasured.
    """
