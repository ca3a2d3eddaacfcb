"""The gates: figures that a variant must keep within bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ig_assets.core.costs.prices import LOCAL_PROVIDERS
from ig_assets.core.generation.gates.banned_words import BannedPhrase, phrases_in
from ig_assets.core.generation.gates.language import belief_in
from ig_assets.core.generation.gates.novelty import (
    CorpusRuns,
    copied_from_example,
    sibling_similarity,
)
from ig_assets.core.generation.gates.on_brief import (
    says_its_steps,
    added_share,
    brief_coverage,
    contradicted_numbers,
)
from ig_assets.core.generation.gates.spoken_length import spoken_seconds
from ig_assets.core.generation.gates.wording import (
    foreign_letters,
    on_screen_faults,
    repetition,
)
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

Nearest = Callable[[str], float | None]

# Each gate with the name of its figure in messages.
GATES = {
    "structure": "parts that are missing or unspeakable",
    "spoken_seconds": "spoken seconds",
    "sibling_similarity": "similarity to a sibling",
    "novelty": "novelty",
    "copied_words": "words in a row from one script",
    "banned_words": "banned words and claims",
    "language": "belief in the language asked for",
    "foreign_letters": "letters of another script",
    "brief_coverage": "share of the brief's words",
    "added_words": "share of words that the brief does not have",
    "copied_example": "words of the prompt's example",
    "contradicted_numbers": "numbers that contradict the brief",
    "repetition": "likeness of two of its sentences",
    "on_screen": "faults of the on-screen text",
    "nearest_cosine": "cosine to the nearest script",
}
LEAST_BEATS = 2  # three are requested; one may have repeated the hook
MOST_HOOK_WORDS = 25  # twelve are requested; a longer one is a script
_MARKUP = re.compile(r"```|[{}]")  # remains of JSON or Markdown around an answer
_COUNTED = (
    "structure",
    "copied_words",
    "banned_words",
    "foreign_letters",
    "copied_example",
    "contradicted_numbers",
    "on_screen",
)


ADDED_CEILING = 0.45
"""Largest share of added words for a local model.

The least one (in steps of 0.05) that refused none of 14 texts that a blind reader would
have posted after a light edit; it refuses 8 of 34 that she would not (2026-11-30).
"""


@dataclass(frozen=True)
class Gates:
    """The bounds of the gates: shares and cosines 0 to 1, lengths in seconds and words.

    A run of 15 words is longer than phrases that people share by chance and than most
    hooks; 0.92 is the cosine of near-duplicates everywhere in this project. The floor
    of coverage and the ceiling of repetition are chosen by hand, not calibrated. The
    share of added words has no ceiling by default, since a larger model may add to a
    brief what is right; `ADDED_CEILING` is for small local models. With `speaks_briefs`
    the bodies of a topic are its brief, spoken step by step, so that variants are
    compared by their hooks, which is what their test compares.
    """

    novelty_floor: float
    sibling_ceiling: float = 0.8
    least_seconds: float = 15.0
    most_seconds: float = 60.0
    most_copied_words: int = 15
    language_floor: float = 0.5
    coverage_floor: float = 0.25
    added_ceiling: float | None = None
    repetition_ceiling: float = 0.7
    cosine_ceiling: float = 0.92
    banned: tuple[BannedPhrase, ...] = ()
    speaks_briefs: bool = False

    def of_provider(self, provider: str | None) -> Gates:
        """Return the gates for texts of a model of a provider; None is unknown."""
        is_local = provider in LOCAL_PROVIDERS
        ceiling = ADDED_CEILING if is_local else None
        return replace(self, added_ceiling=ceiling, speaks_briefs=is_local)


@dataclass(frozen=True)
class Candidate:
    """A text that may become a variant; `beats` is None if only `body` is known.

    `topic` and `brief` are those of the writer's request, empty if unknown.
    """

    hook: str
    beats: tuple[str, ...] | None
    body: str
    call_to_action: str
    text: str
    language: str
    topic: str = ""
    brief: str = ""
    on_screen_text: str | None = None

    @property
    def known(self) -> str:
        """The words given to the writer: the topic, and the brief on the next line."""
        return f"{self.topic}\n{self.brief}"


@dataclass(frozen=True)
class Figure:
    """The result of a gate; without a figure the gate has neither passed nor failed."""

    gate: str
    figure: float | None
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def passed(self) -> bool | None:
        """Whether the figure is within its bounds, None without a figure."""
        if self.figure is None:
            return None
        return not (self._is_low or self._is_high)

    @property
    def why_not(self) -> str | None:
        """A clause on how the gate failed; None if it did not fail."""
        if self._is_low:
            return self._sentence("below", self.at_least)
        if self._is_high:
            return self._sentence("above", self.at_most)
        return None

    @property
    def _is_low(self) -> bool:
        return (
            self.figure is not None
            and self.at_least is not None
            and self.figure < self.at_least
        )

    @property
    def _is_high(self) -> bool:
        return (
            self.figure is not None
            and self.at_most is not None
            and self.figure > self.at_most
        )

    def _sentence(self, side: str, bound: float | None) -> str:
        digits = 0 if self.gate in _COUNTED else 2
        clause = f"{GATES[self.gate]} {self.figure:.{digits}f} is {side} "
        return clause + f"{bound:.{digits}f}{self.note}"


def measure(
    gates: Gates,
    candidate: Candidate,
    corpus: CorpusRuns,
    siblings: Sequence[str] | None,
    nearest: Nearest,
) -> list[Figure]:
    """Measure a text at all gates; return one figure per gate.

    `siblings` are the texts that it must differ from; None for an arm that may resemble
    its pair (canary or control). `nearest` may cost a call and is measured only if all
    other gates pass.
    """
    text = candidate.text
    alike = None if siblings is None else _alike(gates, candidate, siblings)
    structure, spoken, *words = measure_words(gates, candidate)
    figures = [
        structure,
        spoken,
        Figure("sibling_similarity", alike, at_most=gates.sibling_ceiling),
        Figure("novelty", corpus.novelty(text), at_least=gates.novelty_floor),
        Figure(
            "copied_words",
            corpus.longest_shared_run(text),
            at_most=gates.most_copied_words,
        ),
        *words,
    ]
    passes = all(figure.passed is not False for figure in figures)
    cosine = nearest(text) if passes else None
    return [*figures, Figure("nearest_cosine", cosine, at_most=gates.cosine_ceiling)]


def _alike(gates: Gates, candidate: Candidate, siblings: Sequence[str]) -> float:
    if gates.speaks_briefs and says_its_steps(candidate.brief, candidate.language):
        # The hook is the first paragraph of a text.
        hooks = [text.partition("\n")[0] for text in siblings]
        return sibling_similarity(candidate.hook, hooks)
    return sibling_similarity(candidate.text, siblings)


def measure_words(gates: Gates, candidate: Candidate) -> list[Figure]:
    """Return the figures that depend on the candidate's words and its brief alone.

    Structure and spoken length come first. No other text is needed, so that a stored
    variant can be measured again when the corpus has changed.
    """
    text, brief, on_screen = candidate.text, candidate.brief, candidate.on_screen_text
    parts = (candidate.hook, candidate.body, candidate.call_to_action)
    banned = phrases_in(gates.banned, f"{text}\n\n{on_screen or ''}")
    lines = ", ".join(str(phrase.line) for phrase in banned)
    return [
        Figure("structure", faulty_parts(candidate), at_most=0.0),
        Figure(
            "spoken_seconds",
            spoken_seconds(text, candidate.language),
            gates.least_seconds,
            gates.most_seconds,
        ),
        Figure(
            "banned_words",
            len(banned),
            at_most=0.0,
            note=f" (line {lines} of the list)",
        ),
        Figure(
            "language",
            belief_in(candidate.language, text),
            at_least=gates.language_floor,
        ),
        Figure(
            "foreign_letters",
            foreign_letters(text, candidate.language, candidate.known),
            at_most=0.0,
        ),
        Figure(
            "brief_coverage",
            brief_coverage(text, candidate.topic, brief),
            at_least=gates.coverage_floor,
        ),
        Figure(
            "added_words",
            added_share(candidate.body, candidate.topic, brief, candidate.language),
            at_most=gates.added_ceiling,
        ),
        Figure(
            "copied_example",
            len(copied_words_of(candidate)),
            at_most=0.0,
        ),
        Figure(
            "contradicted_numbers",
            len(contradicted_numbers(text, candidate.known)) if brief else None,
            at_most=0.0,
        ),
        Figure("repetition", repetition(text), at_most=gates.repetition_ceiling),
        Figure(
            "on_screen",
            (
                len(
                    on_screen_faults(
                        on_screen, candidate.language, candidate.known, parts
                    )
                )
                if on_screen
                else None
            ),
            at_most=0.0,
        ),
    ]


def copied_words_of(candidate: Candidate) -> list[str]:
    """Return the words that the candidate has from the example of a prompt."""
    shown = f"{candidate.text}\n{candidate.on_screen_text or ''}"
    return copied_from_example(shown, candidate.language, candidate.known)


def faulty_parts(candidate: Candidate) -> int:
    """Return how many of hook, body and call to action cannot be spoken."""
    return len(part_faults(candidate))


def part_faults(candidate: Candidate) -> dict[str, str]:
    """Return {part: fault} for the parts that cannot be spoken.

    A part is faulty if it is missing or contains markup; so is a hook of more than 25
    words and a body of fewer than two beats.
    """
    hook, beats = candidate.hook, candidate.beats
    parts = {
        "hook": hook,
        "body": candidate.body,
        "call to action": candidate.call_to_action,
    }
    faults = {}
    for name, part in parts.items():
        marks = _MARKUP.search(part)
        if not part.strip():
            faults[name] = "is missing"
        elif marks is not None:
            faults[name] = f"holds the sign {marks.group()}, which cannot be spoken"
    words = len(hook.split())
    if words > MOST_HOOK_WORDS:
        faults["hook"] = f"has {words} words; {MOST_HOOK_WORDS} at most"
    if beats is not None and len(beats) < LEAST_BEATS:
        faults["body"] = f"has fewer than {LEAST_BEATS} beats"
    return faults


def failures(figures: Sequence[Figure]) -> list[Figure]:
    """Return the figures that are out of bounds."""
    return [figure for figure in figures if figure.passed is False]


def why_rejected(figures: Sequence[Figure]) -> str | None:
    """Return the failures as one line, or None if all gates passed."""
    clauses = [figure.why_not for figure in figures]
    return "; ".join(clause for clause in clauses if clause) or None


def record_figures(
    con: Connection, variant_id: str, figures: Sequence[Figure], now: datetime
) -> None:
    """Write the figures of a variant, unmeasured ones as NULL."""
    key = {"variant_id": variant_id}
    rows = [key | figure_columns(figure, now) for figure in figures]
    merge_rows(con, "variant_figures", rows)


def figure_columns(figure: Figure, now: datetime) -> dict[str, object]:
    """Return a figure as the columns that all tables of figures share."""
    return {
        "gate": figure.gate,
        "figure": figure.figure,
        "at_least": figure.at_least,
        "at_most": figure.at_most,
        "passed": figure.passed,
        "measured_at": now,
    }
