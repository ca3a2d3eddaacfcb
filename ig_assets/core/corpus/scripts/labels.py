"""Normalises labels of scripts, so that a hook style or language has one spelling."""

from __future__ import annotations

import re

# By ISO 639-1 code: the English name first, then the language's own.
LANGUAGE_NAMES: dict[str, tuple[str, ...]] = {
    "ar": ("Arabic",),
    "ca": ("Catalan",),
    "cs": ("Czech",),
    "da": ("Danish", "Dansk"),
    "de": ("German", "Deutsch"),
    "el": ("Greek",),
    "en": ("English",),
    "es": ("Spanish", "Español"),
    "fi": ("Finnish",),
    "fr": ("French", "Français"),
    "he": ("Hebrew",),
    "hi": ("Hindi",),
    "hu": ("Hungarian",),
    "id": ("Indonesian",),
    "it": ("Italian", "Italiano"),
    "ja": ("Japanese",),
    "ko": ("Korean",),
    "nl": ("Dutch", "Nederlands"),
    "no": ("Norwegian",),
    "pl": ("Polish", "Polski"),
    "pt": ("Portuguese", "Português"),
    "ro": ("Romanian",),
    "ru": ("Russian",),
    "sv": ("Swedish", "Svenska"),
    "th": ("Thai",),
    "tr": ("Turkish",),
    "uk": ("Ukrainian",),
    "vi": ("Vietnamese",),
    "zh": ("Chinese",),
}
_CODES = {
    name.casefold(): code for code, names in LANGUAGE_NAMES.items() for name in names
}

# Language, script, region and variants of a BCP 47 tag (RFC 5646), joined by `-`;
# extensions and private use are not supported.
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
)


def hook_style_of(label: str) -> str:
    """Return a hook style in lower case with underscores; unknown styles are kept."""
    return re.sub(r"[\s_-]+", "_", label.strip().casefold()).strip("_")


def language_of(label: str) -> str | None:
    """Return a BCP 47 tag in its usual case (`en`, `pt-BR`), or None.

    None means that the label is neither a tag nor the name of a known language, which
    becomes its tag. An empty label stays empty.
    """
    folded = label.strip().casefold().replace("_", "-")
    if not folded:
        return ""
    if folded in _CODES:
        return _CODES[folded]
    found = _TAG.fullmatch(folded)
    if found is None:
        return None
    script, region = found["script"] or "", found["region"] or ""
    parts = (found["language"], script.title(), region.upper())
    return "-".join(filter(None, parts)) + found["variants"]


def language_name(code: str) -> str:
    """Return the English name of an ISO 639-1 code; an unknown code stays as it is."""
    return LANGUAGE_NAMES.get(code.lower(), (code,))[0]
