"""One draft on its way to a variant: polished, measured, polished again or given up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

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
from ig_assets.core.generation.polishing.feedback import COPYING, how_to_mend
from ig_assets.core.generation.writing.arms import WritingModel
from ig_assets.core.generation.writing.draft import WriterOf
from ig_assets.core.generation.writing.schema import (
    HOOK_STYLES,
    PolishedScript,
    language_name,
)
from ig_assets.core.generation.writing.write import (
    ATTEMPTS,
    Sampling,
    Written,
    write_script,
)
from ig_assets.core.identity import seeded_unit
from ig_assets.warehouse.warehouse import Connection

NearestOf = Callable[[str, RunRef], float | None]
Row = dict[str, Any]


@dataclass(frozen=True)
class Polishing:
    """Everything that polishing needs from outside; `model` does the polishing.

    `nearest` gives the cosine of a text to the nearest script, None where it has none.
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


@dataclass(frozen=True)
class Measured:
    """A text with its figures; without a text there are none."""

    written: Written
    figures: Sequence[Figure] = ()

    @property
    def why_not(self) -> str | None:
        return self.written.rejection or why_rejected(self.figures)


@dataclass(frozen=True)
class RegenerationResult:
    """How a draft ended: polished, draft_kept or rejected, after how many attempts."""

    kind: str
    chosen: Measured
    attempts: int
    is_polished_text: bool = False


@dataclass(frozen=True)
class Month:
    """What the variants of a month are measured against, and what is done already."""

    corpus: CorpusRuns
    texts: dict[str, dict[str, str]]
    attempts: dict[str, dict[int, Written]]


@dataclass(frozen=True)
class _Task:
    """What a polisher is given: a text, what to mend, and where need be the brief."""

    draft: str
    mend: str = ""
    brief: str = ""


@dataclass(frozen=True)
class OneDraft:
    """One draft on its way to a variant."""

    polishing: Polishing
    row: Row
    state: Month
    siblings: Sequence[str] | None
    run: RunRef
    halt: threading.Event

    def outcome(self) -> RegenerationResult:
        """Polish, fall back on the draft, polish again, or give up."""
        draft = as_written(self.row)
        if draft.rejection:
            return RegenerationResult("rejected", Measured(draft), 0)
        polished = self._attempt(0, _Task(self.row["text"]))
        if polished.why_not is None:
            return RegenerationResult("polished", polished, 1, True)
        drafted = self._measured(draft)
        if drafted.why_not is None:
            settings = draft.settings | {"kept_the_draft": polished.why_not}
            stands = replace(draft, settings=settings)
            return RegenerationResult("draft_kept", replace(drafted, written=stands), 1)
        failed = [drafted, polished]
        for number in range(1, self.polishing.regenerations + 1):
            if (polished.written.rejection or "").startswith("refused"):
                break
            polished = self._attempt(number, self._mended(failed))
            failed.append(polished)
            if polished.why_not is None:
                return RegenerationResult("polished", polished, number + 1, True)
        # An answer that came to nothing has no words to show.
        last = [each for each in failed if each.written.text][-1]
        rejected = replace(last.written, rejection=last.why_not)
        return RegenerationResult(
            "rejected",
            Measured(rejected, last.figures),
            attempts=len(failed) - 1,
            is_polished_text=last is not drafted,
        )

    def _mended(self, failed: Sequence[Measured]) -> _Task:
        """What to do about the last text, and the brief as material for it.

        What a draft copied would be copied again, so that it is taken out first.
        """
        last = [each for each in failed if each.written.text][-1]
        candidate = _candidate(last.written, self.row["language"])
        mend = how_to_mend(self.polishing.gates, candidate, last.figures)
        text = self.row["text"]
        if {figure.gate for figure in failures(last.figures)} & set(COPYING):
            text = self.state.corpus.own_sentences(text)
        return _Task(text, mend, self.row["brief"] or "")

    def _attempt(self, number: int, task: _Task) -> Measured:
        """What an attempt brought, paid for now or in an earlier run."""
        earlier = self.state.attempts.get(self.row["variant_id"], {}).get(number)
        written = earlier if earlier is not None else self._ask(number, task)
        return Measured(written) if written.rejection else self._measured(written)

    def _measured(self, written: Written) -> Measured:
        polishing = self.polishing
        figures = measure(
            polishing.gates,
            _candidate(written, self.row["language"]),
            self.state.corpus,
            self.siblings,
            lambda text: polishing.nearest(text, self._paid_for),
        )
        return Measured(written, figures)

    @property
    def _paid_for(self) -> RunRef:
        return replace(self.run, subject=self.row["variant_id"])

    def _ask(self, number: int, task: _Task) -> Written:
        polishing, row = self.polishing, self.row
        prompt = prompts.render(
            prompts.POLISH,
            prompts.DRAFT_INSTRUCTIONS,
            topic=row["topic"],
            language_name=language_name(row["language"]),
            hook_style=row["hook_style"],
            hook_hint=HOOK_STYLES[row["hook_style"]],
            draft=task.draft,
            brief=task.brief,
            mend=task.mend,
        )
        now = polishing.ledger.clock.now()

        def record(con: Connection, written: Written) -> None:
            record_attempt(
                con,
                row["variant_id"],
                number,
                written,
                polishing.model.model_id,
                now,
            )

        draw = seeded_unit(polishing.seed, "polish", row["variant_id"])
        seed = int(draw * 2**31) + number * ATTEMPTS
        return write_script(
            polishing.ledger,
            polishing.writer_of(polishing.model),
            prompt,
            Sampling(polishing.temperature, seed),
            "polish",
            self._paid_for,
            record,
            PolishedScript,
            self.halt,
        )


def _candidate(written: Written, language: str) -> Candidate:
    return Candidate(
        written.hook,
        written.beats,
        written.body,
        written.call_to_action,
        written.text,
        language,
    )
