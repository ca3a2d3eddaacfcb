"""Measures whether a text answers its topic and brief.

It measures the share of their content words that the text has, and finds numbers in the
text that contradict the brief.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ig_assets.core.generation.gates.content_words import stems, words_of

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
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


def brief_coverage(text: str, topic: str, brief: str) -> float | None:
    """Return the share of the content words of topic and brief that the text has.

    The share is 0 to 1, or None if topic and brief have no content words, as in
    languages without spaces.
    """
    asked = stems(topic) | stems(brief)
    return len(asked & stems(text)) / len(asked) if asked else None


def contradicted_numbers(text: str, brief: str) -> list[str]:
    """Return the numbers of a text that contradict the brief, with their units.

    The unit of a number is the first four letters of the next word: `6 minu` for "6
    minutes". The brief is contradicted if both texts have numbers of a unit and share
    none of them.
    """
    asked, said = _counted(brief), _counted(text)
    return [
        f"{number} {unit}"
        for unit, numbers in said.items()
        if unit in asked and not numbers & asked[unit]
        for number in sorted(numbers)
    ]


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
