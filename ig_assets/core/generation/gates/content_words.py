"""Extracts the content words of a text, as stems that group the forms of a word.

A content word is a number or a word of at least four letters that is not a stop word;
its stem is its first five letters. This is crude, but needs no model and works the same
in every language with spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

STEM_LETTERS = 5
SHORTEST = 4

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:[.,]\d+)?")
_SENTENCE_END = re.compile(r"(?<=[.!?…:])\s+|\n+")

# Stop words in the languages of the sample library.
_EMPTY = frozenset(
    # English
    "about after again also always before both could does each every from have here "
    "into just like make more most much never only other over same should some such "
    "than that their them then there these they this those through under until used "
    "very want well were what when where which while will with without would your "
    "yours yourself don't "
    # German
    "aber alle allem allen aller alles also auch auf beim bitte damit dann dass "
    "dein deine deinem deinen deiner denn diese diesem diesen dieser dieses doch dort "
    "durch eine einem einen einer eines einfach euch haben hier ihre immer jede jeden "
    "jeder jetzt kann kannst kein keine machen mehr mein meine nach nicht noch nur "
    "oder ohne sehr sein seine sich sind solange sondern unter viel wann warum wenn "
    "werden wird wirst wieder zum zur über "
    # Spanish
    "antes aquí cada como cómo cuál cuando cuándo desde después dónde donde ella ellos "
    "entre esta está están este esto hasta luego mejor menos mucho nada nunca otra "
    "otro para pero poco porque puede puedes quien quién siempre sino sobre solo "
    "también tanto tiene tienes todas todo todos tras unas unos usar usted".split()
)


_SHORT = frozenset(
    "and the for not but you are how why its all our out off "
    "und der die das den dem des ein für mit von aus bei ist wie was vor bis "
    "los las una uno del por con sin que más muy sus ".split()
)


def words_of(text: str) -> list[str]:
    """Return all words and numbers of a text, in lower case."""
    return [found.replace("’", "'") for found in _WORD.findall(text.lower())]


def is_empty_word(word: str) -> bool:
    """Return whether a word in lower case is a stop word."""
    return word in _EMPTY or word in _SHORT


# Words that order sentences and say nothing of their own: of the first sentence, of the
# last, and of those between.
_OPENING = frozenset("first firstly start zuerst zunächst erst erstens primero".split())
_CLOSING = frozenset(
    "finally last lastly zuletzt schließlich finalmente último última".split()
)
_ORDER = (
    _OPENING
    | _CLOSING
    | frozenset(
        "second secondly third then next after step zweitens drittens dann danach "
        "schritt segundo tercero luego después entonces paso".split()
    )
)


def content_words(text: str) -> list[str]:
    """Return the numbers and content words of a text in order, in lower case."""
    return [
        word
        for word in words_of(text)
        if word[0].isdigit() or (len(word) >= SHORTEST and word not in _EMPTY)
    ]


def stems(text: str) -> set[str]:
    """Return the first `STEM_LETTERS` characters of each content word and number."""
    return {word[:STEM_LETTERS] for word in content_words(text)}


def added_stems(text: str, known: str) -> tuple[set[str], set[str]]:
    """Return the stems of a text, and those of them that `known` does not have.

    Words that only order sentences are left out. Two words are the same here if their
    first four letters are, so that other forms of a verb add nothing.
    """
    asked = {word[:SHORTEST] for word in content_words(known)}
    said = {word for word in content_words(text) if word not in _ORDER}
    new = {word[:STEM_LETTERS] for word in said if word[:SHORTEST] not in asked}
    return {word[:STEM_LETTERS] for word in said}, new


def is_order_word(word: str) -> bool:
    """Return whether a word in lower case only orders sentences, as `first`."""
    return word in _ORDER


def is_in_place(sentence: str, number: int, of: int) -> bool:
    """Return whether the words of order fit the sentence's place, from 0, among `of`.

    `first` is for the first sentence alone, `finally` for the last, `then` for any but
    the first.
    """
    words = {word for word in words_of(sentence) if word in _ORDER}
    opens, closes = words & _OPENING, words & _CLOSING
    if opens or closes:
        return (not opens or number == 0) and (not closes or number == of - 1)
    return number > 0 or not words


def sentences_of(text: str) -> Iterator[str]:
    """Yield the sentences of a text, without empty ones."""
    return (part for part in map(str.strip, _SENTENCE_END.split(text)) if part)
