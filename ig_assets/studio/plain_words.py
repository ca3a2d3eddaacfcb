"""Words of a page: texts as they are, errors without folders, days and amounts."""

from __future__ import annotations

import re
from datetime import datetime

from ig_assets.core.operations.redaction import redact
from ig_assets.errors import IgAssetsError

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_PATH = re.compile(r"(?<![\w:/.])/(?:[^\s/'\"]+/)+([^\s/'\"]*)")


def plain(text: str | None) -> str:
    """A text as it is, where Streamlit would read Markdown, colours or formulas."""
    return _PUNCTUATION.sub(r"\\\1", text or "")


def sentence_of(error: BaseException) -> str:
    """What a person hears: no secret, and of a file its name alone."""
    if isinstance(error, IgAssetsError):
        return without_paths(redact(str(error)))
    return f"Unexpected {type(error).__name__}; what was done is kept."


def without_paths(text: str) -> str:
    """The text with files named without their folders; web addresses stay."""
    return _PATH.sub(r"…/\1", text)


def simulated(text: str, is_simulated: bool) -> str:
    """The text, marked where it is about the simulated audience."""
    return f"{text} (simulated)" if is_simulated else text


def style_words(style: str | None) -> str:
    """A hook style as words, e.g. "bold claim"."""
    return (style or "no style").replace("_", " ")


def as_day(value: datetime | None) -> str:
    """A day and time of the tables (UTC) for a person, a dash where there is none."""
    return "–" if value is None else f"{value:%d %b %Y %H:%M} UTC"


def usd(value: float | None) -> str:
    """An amount with enough digits to see small ones."""
    return "at an unknown price" if value is None else f"USD {value:.4f}"
