"""Measures whether a text answers its topic and brief.

It measures the content words shared with them, those added to them, and the numbers
that contradict them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ig_assets.core.generation.gates.content_words import (
    STEM_LETTERS,
    added_stems,
    stems,
    words_of,
)

# Numbers from one to twelve are often written as words.
_NUMBER_WORDS: Mapping[str, str] = {
    word: str(number)
    for words in (
        "one two three four five six seven eight nine ten eleven twelve",
        "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
        "uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
    )
    for number, word in enumerate(words.split(), start=1)
}
_UNIT_LETTERS = 4
# A brief of fewer does not say all that a text of 15 seconds has to say.
_LEAST_STEPS = 3
_LEAST_STEMS = 8

_STEP_END = re.compile(r"(?<=\w)[,;:.!?]+(?:\s+|$)")
_JOINS = re.compile(
    r"^(?:and then|and|then|und dann|und|dann|y luego|y después|y|luego|después)\s+",
    re.IGNORECASE,
)
# A clause that begins so belongs to the step before it.
_GOES_ON = re.compile(
    r"^(?:because|since|while|until|unless|so that|which|where|when|if|but|or|not|like|"
    r"weil|damit|bis|solange|während|wenn|sobald|aber|oder|denn|sonst|wo|"
    r"porque|para|hasta|mientras|cuando|si|pero|o|sino|donde)\s",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


def brief_coverage(text: str, topic: str, brief: str) -> float | None:
    """Return the share of the content words of topic and brief that the text has.

    The share is 0 to 1, or None if topic and brief have no content words, as in
    languages without spaces.
    """
    asked = stems(topic) | stems(brief)
    return len(asked & stems(text)) / len(asked) if asked else None


def steps_of(brief: str) -> list[str]:
    """Return the steps of a brief in its own words, without their end marks.

    A step ends at a punctuation mark. A single word joins the step after it (`flour,
    water and salt`), and a clause of reason, time or condition the step before it; a
    leading `and` or `then` is dropped.
    """
    steps: list[str] = []
    held = ""
    for part, mark in _clauses(brief):
        clause = f"{held}{part}"
        if len(part.split()) == 1 and mark == ",":
            held = f"{clause}, "
            continue
        held = ""
        if steps and _GOES_ON.match(clause):
            steps[-1] = f"{steps[-1]}, {clause}"
        else:
            steps.append(_JOINS.sub("", clause))
    last = held.rstrip(", ")
    return [*steps, last] if last else steps


def is_full(brief: str) -> bool:
    """Return whether a brief says enough for a text that adds nothing to it.

    It has at least three steps, or eight content words.
    """
    return len(steps_of(brief)) >= _LEAST_STEPS or len(stems(brief)) >= _LEAST_STEMS


def added_share(body: str, topic: str, brief: str) -> float | None:
    """Return the share of the body's content words that topic and brief do not have.

    The share is 0 to 1; None for a brief that is not full, which a text has to add to,
    and for a body without content words.
    """
    if not is_full(brief):
        return None
    said, new = added_stems(body, f"{topic} {brief}")
    return len(new) / len(said) if said else None


def added_words(body: str, topic: str, brief: str) -> list[str]:
    """Return the content words that the body adds, as it writes them, in order."""
    _, new = added_stems(body, f"{topic} {brief}")
    return list(dict.fromkeys(w for w in words_of(body) if w[:STEM_LETTERS] in new))


def _clauses(brief: str) -> Iterator[tuple[str, str]]:
    """Yield each clause with the first punctuation mark after it, empty at the end."""
    begin = 0
    for end in _STEP_END.finditer(brief):
        if part := brief[begin : end.start()].strip():
            yield part, end.group()[0]
        begin = end.end()
    if part := brief[begin:].strip():
        yield part, ""


def contradicted_numbers(text: str, brief: str) -> list[str]:
    """Return what the text counts differently from the brief, e.g. `6 minutes`.

    A number counts the word after it. It is a contradiction if the brief counts the
    same word and the text states none of the brief's numbers for it.
    """
    asked, said = _counted(brief), _counted(text)
    return [
        f"{number} {unit}"
        for unit, numbers in said.items()
        if unit in asked and not numbers & asked[unit]
        for number in sorted(numbers)
    ]


def numbers_in(text: str) -> set[str]:
    """Return the numbers of a text in figures, words from one to twelve too."""
    numbers = (_NUMBER_WORDS.get(word, word) for word in words_of(text))
    return {number for number in numbers if _NUMBER.fullmatch(number)}


def _counted(text: str) -> dict[str, set[str]]:
    """Return {counted word: the numbers before it}."""
    counted: dict[str, set[str]] = {}
    for number, unit in _pairs(words_of(text)):
        counted.setdefault(unit, set()).add(number)
    return counted


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    for word, after in zip(words, words[1:], strict=False):
        number = _NUMBER_WORDS.get(word, word)
        if _NUMBER.fullmatch(number) and len(after) >= _UNIT_LETTERS:
            if after not in _NUMBER_WORDS and not after[0].isdigit():
                yield number.replace(",", "."), after[:_UNIT_LETTERS]
