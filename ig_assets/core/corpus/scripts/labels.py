"""What a library says of its scripts, brought to one spelling: styles and languages."""

from __future__ import annotations

import re

# As ISO 639-1 names them, in English and in themselves.
_LANGUAGES = {
    "arabic": "ar",
    "catalan": "ca",
    "chinese": "zh",
    "czech": "cs",
    "danish": "da",
    "dansk": "da",
    "deutsch": "de",
    "dutch": "nl",
    "english": "en",
    "español": "es",
    "finnish": "fi",
    "français": "fr",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "hebrew": "he",
    "hindi": "hi",
    "hungarian": "hu",
    "indonesian": "id",
    "italian": "it",
    "italiano": "it",
    "japanese": "ja",
    "korean": "ko",
    "nederlands": "nl",
    "norwegian": "no",
    "polish": "pl",
    "polski": "pl",
    "portuguese": "pt",
    "português": "pt",
    "romanian": "ro",
    "russian": "ru",
    "spanish": "es",
    "svenska": "sv",
    "swedish": "sv",
    "thai": "th",
    "turkish": "tr",
    "ukrainian": "uk",
    "vietnamese": "vi",
}

# Language, script, region and variants of a BCP 47 tag (RFC 5646), which `-` joins;
# extensions and private use say nothing of a script.
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
)


def hook_style_of(told: str) -> str:
    """A hook style in lower case with underscores; a team's own styles are kept."""
    return re.sub(r"[\s_-]+", "_", told.strip().casefold()).strip("_")


def language_of(told: str) -> str | None:
    """A BCP 47 tag as it is written (`en`, `pt-BR`), None where it is none.

    A language's name is its tag; empty stays empty.
    """
    asked = told.strip().casefold().replace("_", "-")
    if not asked:
        return ""
    if asked in _LANGUAGES:
        return _LANGUAGES[asked]
    found = _TAG.fullmatch(asked)
    if found is None:
        return None
    script, region = found["script"] or "", found["region"] or ""
    parts = (found["language"], script.title(), region.upper())
    return "-".join(filter(None, parts)) + found["variants"]
