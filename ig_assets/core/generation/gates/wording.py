"""Measures the wording of a text: repetition, foreign letters, on-screen text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import combinations

from ig_assets.core.generation.gates.content_words import sentences_of, words_of
from ig_assets.core.generation.gates.language import belief_in

MOST_ON_SCREEN_WORDS = 6
MOST_ON_SCREEN_LETTERS = 48  # two lines of a reel at a size that is read on a phone

_LEAST_WORDS = 4
_LEAST_JOINED = 3
_LEAST_WORDS_FOR_LANGUAGE = 4
_LEAST_BELIEF = 0.02

# The scripts of languages besides Latin, as the first word of their letters' names in
# the Unicode character database.
_SCRIPTS = {
    "ar": {"ARABIC"},
    "bg": {"CYRILLIC"},
    "el": {"GREEK"},
    "fa": {"ARABIC"},
    "he": {"HEBREW"},
    "hi": {"DEVANAGARI"},
    "ja": {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"},
    "ko": {"HANGUL", "CJK"},
    "mr": {"DEVANAGARI"},
    "ru": {"CYRILLIC"},
    "sr": {"CYRILLIC"},
    "th": {"THAI"},
    "uk": {"CYRILLIC"},
    "zh": {"CJK"},
}
_LATIN = frozenset(
    "af ca cs cy da de en es et eu fi fr ga gl hr hu id is it lt lv ms mt nb nl nn no "
    "pl pt ro sk sl sq sv sw tl tr vi".split()
)


# Words without which few sentences do, and which begin or end no other word by rule.
_JOINABLE = frozenset(
    "the is are and of to your my it "
    "der die das den dem des und eine einen im am "
    "el la los las y de del en con que al su tu un una".split()
)
_INNER_CAPITAL = re.compile(r"[a-zß-öø-ÿ'’][A-ZÀ-ÖØ-Þ]")


def repetition(text: str) -> float:
    """Return the largest similarity (0 to 1) of two sentences of a text.

    It is the Jaccard similarity of their sets of words, over sentences of four words or
    more.
    """
    sets = [set(words_of(sentence)) for sentence in sentences_of(text)]
    long = [words for words in sets if len(words) >= _LEAST_WORDS]
    shares = (len(a & b) / len(a | b) for a, b in combinations(long, 2))
    return max(shares, default=0.0)


def is_latin(language: str) -> bool:
    """Return whether a language is known to be written in Latin letters."""
    return language.lower().split("-")[0] in _LATIN


def foreign_letters(text: str, language: str, known: str = "") -> int | None:
    """Return the number of letters that are not of the language's script.

    Latin letters and letters of `known` (the topic and the brief) are never foreign.
    None for a language whose script is not known here.
    """
    code = language.lower().split("-")[0]
    if code not in _SCRIPTS and code not in _LATIN:
        return None
    own = _SCRIPTS.get(code, set()) | {"LATIN"}
    allowed = set(known)
    return sum(
        letter.isalpha() and letter not in allowed and _script_of(letter) not in own
        for letter in text
    )


def joined_words(text: str, known: str) -> list[str]:
    """Return the words of a text that are two words run together, as `eltiempo`.

    A word is so if it is not in `known` but is a word of `known` with a word as `the`
    before or after it, or if a capital follows a small letter. Two other words may make
    a compound, as in German.
    """
    words = set(words_of(known))
    return [
        word
        for word in text.split()
        if not set(words_of(word)) <= words
        and (
            _INNER_CAPITAL.search(word)
            or any(_is_joined(each, words) for each in words_of(word))
        )
    ]


def _is_joined(word: str, words: set[str]) -> bool:
    halves = ((word[:cut], word[cut:]) for cut in range(1, len(word)))
    return word not in words and any(
        (first in _JOINABLE and last in words and len(last) >= _LEAST_JOINED)
        or (last in _JOINABLE and first in words and len(first) >= _LEAST_JOINED)
        for first, last in halves
    )


def on_screen_faults(
    text: str, language: str, known: str = "", spoken: Sequence[str] = ()
) -> list[str]:
    """Return what is wrong with an on-screen text.

    That is its length, its letters, its language, or words that are run together.

    The language is judged only for at least four words none of which is also spoken,
    since a few words say little about it.
    """
    faults = []
    words = text.split()
    if len(words) > MOST_ON_SCREEN_WORDS or len(text) > MOST_ON_SCREEN_LETTERS:
        faults.append("too long")
    if foreign_letters(text, language, known):
        faults.append("foreign letters")
    if joined_words(text, "\n".join((known, *spoken))):
        faults.append("words run together")
    shared = set(words_of(text)) & {word for part in spoken for word in words_of(part)}
    if len(words) >= _LEAST_WORDS_FOR_LANGUAGE and not shared:
        belief = belief_in(language, text)
        if belief is not None and belief < _LEAST_BELIEF:
            faults.append("another language")
    return faults


def _script_of(letter: str) -> str:
    return unicodedata.name(letter, "?").split()[0]
