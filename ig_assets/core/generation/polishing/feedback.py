"""Words the feedback to the polisher on a failed text: one sentence per failed gate."""

from __future__ import annotations

from collections.abc import Sequence

from ig_assets.core.corpus.scripts.labels import language_name
from ig_assets.core.generation.gates.banned_words import phrases_in
from ig_assets.core.generation.gates.gates import (
    Candidate,
    Figure,
    Gates,
    copied_words_of,
    failures,
)
from ig_assets.core.generation.gates.on_brief import added_words, contradicted_numbers
from ig_assets.core.generation.gates.spoken_length import words_per_minute

COPYING = ("novelty", "copied_words")

_MOST_NAMED = 8  # words that a sentence of feedback names

_OTHER_WORDS = "Say everything in new words: it was too near to an older script."
_NEW_BEATS = (
    "Sentences of an older script were taken out: write new beats of your own in their "
    "place."
)
_SENTENCES = {
    "structure": (
        "Give a hook of one short sentence, three or four beats and a call to action, "
        "all in plain words."
    ),
    "sibling_similarity": "Take another angle on the topic, in other words.",
    "novelty": _NEW_BEATS,
    "copied_words": _NEW_BEATS,
    "nearest_cosine": _OTHER_WORDS,
    "brief_coverage": "Say what the brief says, step by step: it was off the brief.",
    "repetition": "Say each thing once: two sentences said the same.",
    "on_screen": "Let on_screen_text be at most 6 words, in the script's language.",
}


def feedback(gates: Gates, text: Candidate, figures: Sequence[Figure]) -> str:
    """Return what to change in a text, at most one sentence per failed gate."""
    sentences = dict.fromkeys(
        _sentence(gates, text, figure) for figure in failures(figures)
    )
    return " ".join(sentences)


def _sentence(gates: Gates, text: Candidate, figure: Figure) -> str:
    if figure.gate == "spoken_seconds":
        return _length(gates, text.language, figure)
    if figure.gate == "contradicted_numbers":
        wrong = ", ".join(contradicted_numbers(text.text, text.known))
        return f"Keep the numbers of the brief: {wrong} is not in it."
    if figure.gate == "added_words":
        added = added_words(text.body, text.topic, text.brief)
        return f"Say only what the brief says: drop {_named(added)}."
    if figure.gate == "copied_example":
        return f"Write about the topic: drop {_named(copied_words_of(text))}."
    if figure.gate in ("language", "foreign_letters"):
        return f"Write in {language_name(text.language)}."
    if figure.gate == "banned_words":
        named = [p.phrase for p in phrases_in(gates.banned, text.text) if p.phrase]
        without = f": not {', '.join(map(repr, named))}" if named else ""
        return f"Make no promise that cannot be kept{without}."
    return _SENTENCES[figure.gate]


def _named(words: Sequence[str]) -> str:
    return ", ".join(words[:_MOST_NAMED])


def _length(gates: Gates, language: str, figure: Figure) -> str:
    """Return a sentence with the number of words to aim at, well within the bounds."""
    is_short = figure.figure is not None and figure.figure < gates.least_seconds
    least, most = gates.least_seconds, gates.most_seconds
    seconds = least + (most - least) * (1 / 3 if is_short else 2 / 3)
    words = round(seconds * words_per_minute(language) / 60, -1)
    return f"Make it {'longer' if is_short else 'shorter'}: about {words:.0f} words."
