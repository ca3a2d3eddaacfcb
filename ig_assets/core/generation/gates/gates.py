"""The gates: what a variant must measure up to, each with its figure and its bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ig_assets.core.generation.gates.banned_words import BannedPhrase, said
from ig_assets.core.generation.gates.language import belief_in
from ig_assets.core.generation.gates.novelty import CorpusRuns, sibling_similarity
from ig_assets.core.generation.gates.spoken_length import spoken_seconds
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

Nearest = Callable[[str], float | None]

# Each gate and what its figure is, as a person reads it.
GATES = {
    "structure": "parts that are missing or unspeakable",
    "spoken_seconds": "spoken seconds",
    "sibling_similarity": "similarity to a sibling",
    "novelty": "novelty",
    "copied_words": "words in a row from one script",
    "banned_words": "banned words and claims",
    "language": "belief in the language asked for",
    "nearest_cosine": "cosine to the nearest script",
}
LEAST_BEATS = 2  # three are asked for; one may have repeated the hook
MOST_HOOK_WORDS = 25  # twelve are asked for; with more it is the script itself
_MARKUP = re.compile(r"```|[{}]")  # what is left of an answer's wrapping
_COUNTED = ("structure", "copied_words", "banned_words")


@dataclass(frozen=True)
class Gates:
    """The bounds. Shares and cosines are 0 to 1, lengths in seconds and words.

    A run of 15 words is longer than any phrase that people share by chance and than
    most hooks; 0.92 is the cosine of near duplicates everywhere in this house.
    """

    novelty_floor: float
    sibling_ceiling: float = 0.8
    least_seconds: float = 15.0
    most_seconds: float = 60.0
    most_copied_words: int = 15
    language_floor: float = 0.5
    cosine_ceiling: float = 0.92
    banned: tuple[BannedPhrase, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A text that wants to be a variant; `beats` is None where nobody kept them."""

    hook: str
    beats: tuple[str, ...] | None
    body: str
    call_to_action: str
    text: str
    language: str


@dataclass(frozen=True)
class Figure:
    """What a gate measured; without a figure it was not measured and not failed."""

    gate: str
    figure: float | None
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def passed(self) -> bool | None:
        """Whether the figure keeps to its bounds, None where there is none."""
        if self.figure is None:
            return None
        return not (self._is_low or self._is_high)

    @property
    def why_not(self) -> str | None:
        """One clause that says how it failed, None where it did not."""
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
        told = f"{GATES[self.gate]} {self.figure:.{digits}f} is {side} "
        return told + f"{bound:.{digits}f}{self.note}"


def measure(
    gates: Gates,
    candidate: Candidate,
    corpus: CorpusRuns,
    siblings: Sequence[str] | None,
    nearest: Nearest,
) -> list[Figure]:
    """One figure a gate. `siblings` is None for an arm that may resemble its pair.

    `nearest`, which may cost a call, is asked only of a text that passes all else.
    """
    text = candidate.text
    alike = None if siblings is None else sibling_similarity(text, siblings)
    spoken = said(gates.banned, text)
    lines = ", ".join(str(phrase.line) for phrase in spoken)
    figures = [
        Figure("structure", faulty_parts(candidate), at_most=0.0),
        Figure(
            "spoken_seconds",
            spoken_seconds(text, candidate.language),
            gates.least_seconds,
            gates.most_seconds,
        ),
        Figure("sibling_similarity", alike, at_most=gates.sibling_ceiling),
        Figure("novelty", corpus.novelty(text), at_least=gates.novelty_floor),
        Figure(
            "copied_words",
            corpus.longest_shared_run(text),
            at_most=gates.most_copied_words,
        ),
        Figure(
            "banned_words",
            len(spoken),
            at_most=0.0,
            note=f" (line {lines} of the list)",
        ),
        Figure(
            "language",
            belief_in(candidate.language, text),
            at_least=gates.language_floor,
        ),
    ]
    passes = all(figure.passed is not False for figure in figures)
    cosine = nearest(text) if passes else None
    return [*figures, Figure("nearest_cosine", cosine, at_most=gates.cosine_ceiling)]


def faulty_parts(candidate: Candidate) -> int:
    """How many of hook, body in beats and call to action nobody could speak as such.

    They are missing, hold markup, or a hook is as long as a script.
    """
    hook, beats = candidate.hook, candidate.beats
    is_hook = len(hook.split()) <= MOST_HOOK_WORDS
    is_body = beats is None or len(beats) >= LEAST_BEATS
    parts = [
        hook if is_hook else "",
        candidate.body if is_body else "",
        candidate.call_to_action,
    ]
    return sum(not part.strip() or bool(_MARKUP.search(part)) for part in parts)


def failures(figures: Sequence[Figure]) -> list[Figure]:
    """The figures that keep a text from being a variant."""
    return [figure for figure in figures if figure.passed is False]


def why_rejected(figures: Sequence[Figure]) -> str | None:
    """The failures as one line, None where all passed."""
    clauses = [figure.why_not for figure in figures]
    return "; ".join(clause for clause in clauses if clause) or None


def record_figures(
    con: Connection, variant_id: str, figures: Sequence[Figure], now: datetime
) -> None:
    """Write the figures of a variant, the unmeasured ones as NULL."""
    key = {"variant_id": variant_id}
    rows = [key | figure_columns(figure, now) for figure in figures]
    merge_rows(con, "variant_figures", rows)


def figure_columns(figure: Figure, now: datetime) -> dict[str, object]:
    """A figure as the columns that every table of figures has."""
    return {
        "gate": figure.gate,
        "figure": figure.figure,
        "at_least": figure.at_least,
        "at_most": figure.at_most,
        "passed": figure.passed,
        "measured_at": now,
    }
