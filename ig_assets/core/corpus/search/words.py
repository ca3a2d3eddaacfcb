"""Prepares the words of a text for a lexical search: folds them and finds their stems.

A query may be in any of the library's languages and does not say which. One light
stemmer therefore serves English, German and Spanish: it removes endings of inflection
only. Two stems are akin if one begins with the other, as in compounds (Hund,
Hundefotos). Words of other languages are compared as they are.
"""

from __future__ import annotations

import re
import unicodedata

LEAST_AKIN = 4  # letters that a shorter stem needs to be part of a compound
AKIN_SHARE = 0.5  # what a word that is only akin counts, beside 1 for the same stem

# Endings, and how many letters must be left: a chain is no chair.
_ENDINGS = (
    (("ings", "ing", "ies", "ied", "ed"), 3),
    (("ern", "es", "en", "er", "em", "ar", "ir", "as", "os"), 4),
    (("s",), 3),
    (("e", "n", "a", "o", "y", "i"), 4),
)
_WORD = re.compile(r"\w+")

# Words of grammar: they say nothing of a topic, and a small library has too few texts
# to tell that by their frequency.
_GRAMMAR = """
    a after all also am an and any are as at be been before but by can could did do
    does doing don for from get gets had has have he her here his how if in into is
    isn it its just ll may me might more most much must my no not of off on once one
    only or our out over own re she should so some such than that the their them then
    there these they this those to too until up us ve very was we were what when where
    which while who why will with within without won would you your
    aber als am an auch auf aus bei bis da das dass dein deine dem den denn der des
    die dir doch du durch ein eine einem einen einer eines er es euch für gegen hab
    habe haben hast hat ich ihr im in ist ja kann kein keine man mehr mein meine mich
    mir mit nach nicht noch nur ob oder ohne schon sehr sein seine sich sie sind so um
    und uns unter vom von vor war was weil wenn wer werden wie wir wird wo wurde zu
    zum zur über
    al algo como con cual cuando cuanta cuanto de del donde el ella en entre era eres
    es esa ese eso esta este esto ha hace hay la las le les lo los mas me mi mis mucho
    muy más ni no nos o para pero por porque que quien qué se ser si sin sobre son su
    sus sí también te tiene tu tus un una unas uno unos y ya yo
"""


def fold(text: str) -> str:
    """Return a text in lower case without accents, with ss for ß."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in letters if not unicodedata.combining(c))


GRAMMAR = frozenset(_WORD.findall(fold(_GRAMMAR)))


def stem(word: str) -> str:
    """Return the stem of a folded word: at least three letters, or the word itself.

    Endings are removed until none is left; then a doubled last letter becomes one, and
    a last v becomes f. So knives and knife have one stem, as do planning and plan, and
    tomatoes and tomato.
    """
    while True:
        shorter = _shorter(word)
        if shorter == word:
            return word[:-1] + "f" if word.endswith("v") else word
        word = shorter


def query_stems(text: str) -> list[str]:
    """Return the distinct stems of a query, in their order, without function words.

    A query of function words alone (such as "the") keeps them.
    """
    words = [word for word in _WORD.findall(fold(text)) if len(word) > 1]
    telling = [word for word in words if word not in GRAMMAR]
    return list(dict.fromkeys(stem(word) for word in telling or words))


def kinship(stem_of_text: str, stem_of_query: str) -> float:
    """Return how much a word of a text counts for a word of a query: 1, 0.5 or 0."""
    if stem_of_text == stem_of_query:
        return 1.0
    shorter, longer = sorted((stem_of_text, stem_of_query), key=len)
    akin = len(shorter) >= LEAST_AKIN and longer.startswith(shorter)
    return AKIN_SHARE if akin else 0.0


def _shorter(word: str) -> str:
    for endings, least in _ENDINGS:
        for ending in endings:
            if word.endswith(ending) and len(word) - len(ending) >= least:
                return word[: -len(ending)]
    if len(word) > 3 and word[-1] == word[-2]:
        return word[:-1]
    return word
