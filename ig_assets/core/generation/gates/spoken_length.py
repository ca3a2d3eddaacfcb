"""Estimates the speaking time of a text: its words over the language's usual rate.

150 words per minute is the usual rate of English conversation (National Center for
Voice and Speech). Other languages are scaled by the rates at which the same texts were
read aloud, in words per minute: en 228, es 218, fr 195, it 188, pt 181, de 179, mean of
seventeen languages 184 (Trauzettel-Klosinski and Dietz, IReST, Invest. Ophthalmol. Vis.
Sci. 53, 2012).
Chinese and Japanese, written without spaces, are counted in characters (255, 357).
"""

from __future__ import annotations

import re

WORDS_PER_MINUTE = {"en": 150, "es": 143, "fr": 128, "it": 124, "pt": 119, "de": 118}
CHARACTERS_PER_MINUTE = {"zh": 168, "ja": 235}
OTHERWISE = 121

_WORD = re.compile(r"[^\W_]+(?:['’.,-][^\W_]+)*", re.UNICODE)
_CHARACTER = re.compile(r"[^\W_]", re.UNICODE)


def spoken_seconds(text: str, language: str) -> float:
    """Return the seconds to speak the text; `language` is a code: en or pt-BR."""
    code = language.lower().split("-")[0]
    if code in CHARACTERS_PER_MINUTE:
        return 60.0 * len(_CHARACTER.findall(text)) / CHARACTERS_PER_MINUTE[code]
    return 60.0 * len(_WORD.findall(text)) / words_per_minute(language)


def words_per_minute(language: str) -> int:
    """Return the usual speaking rate of a language in words per minute."""
    return WORDS_PER_MINUTE.get(language.lower().split("-")[0], OTHERWISE)
