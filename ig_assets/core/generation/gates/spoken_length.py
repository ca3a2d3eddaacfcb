"""How long a text takes to speak: its words over the language's usual rate.

No model is asked: its guess would be no measurement. 150 words a minute is the usual
rate of English conversation (National Center for Voice and Speech). The other
languages have it in the proportion in which the same texts were read aloud in them,
words a minute: en 228, es 218, fr 195, it 188, pt 181, de 179, all seventeen 184
(Trauzettel-Klosinski and Dietz, IReST, Invest. Ophthalmol. Vis. Sci. 53, 2012).
Chinese and Japanese, which put no spaces, are counted in characters (255 and 357).
"""

from __future__ import annotations

import re

WORDS_PER_MINUTE = {"en": 150, "es": 143, "fr": 128, "it": 124, "pt": 119, "de": 118}
CHARACTERS_PER_MINUTE = {"zh": 168, "ja": 235}
OTHERWISE = 121

_WORD = re.compile(r"[^\W_]+(?:['’.,-][^\W_]+)*", re.UNICODE)
_CHARACTER = re.compile(r"[^\W_]", re.UNICODE)


def spoken_seconds(text: str, language: str) -> float:
    """Seconds that one person takes to speak the text, by its language's code."""
    code = language.lower().split("-")[0]
    if code in CHARACTERS_PER_MINUTE:
        return 60.0 * len(_CHARACTER.findall(text)) / CHARACTERS_PER_MINUTE[code]
    return 60.0 * len(_WORD.findall(text)) / words_per_minute(language)


def words_per_minute(language: str) -> int:
    """The usual speaking rate of a language."""
    return WORDS_PER_MINUTE.get(language.lower().split("-")[0], OTHERWISE)
