"""Format texts, errors, dates and amounts for a page."""

from __future__ import annotations

import re
from datetime import datetime

from ig_assets.core.operations.redaction import redact
from ig_assets.errors import IgAssetsError

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_PATH = re.compile(r"(?<![\w:/.])/(?:[^\s/'\"]+/)+([^\s/'\"]*)")


def plain(text: str | None) -> str:
    """Return the text escaped, so that Streamlit shows it without reading Markdown."""
    return _PUNCTUATION.sub(r"\\\1", text or "")


def sentence_of(error: BaseException) -> str:
    """Return an error as a sentence without secrets and without folders."""
    if isinstance(error, IgAssetsError):
        return without_paths(redact(str(error)))
    return f"Unexpected {type(error).__name__}; what was done is kept."


def without_paths(text: str) -> str:
    """Return the text with files named without their folders; web addresses stay."""
    return _PATH.sub(r"…/\1", text)


def simulated(text: str, is_simulated: bool) -> str:
    """Return the text, with " (simulated)" added if its audience is simulated."""
    return f"{text} (simulated)" if is_simulated else text


def style_words(style: str | None) -> str:
    """Return a hook style as words, e.g. "bold claim"."""
    return (style or "no style").replace("_", " ")


def as_day(value: datetime | None) -> str:
    """Return a time of the tables (UTC) for a person; a dash for None."""
    return "–" if value is None else f"{value:%d %b %Y %H:%M} UTC"


def usd(value: float | None) -> str:
    """Return an amount in USD with four decimals; None is an unknown price."""
    return "at an unknown price" if value is None else f"USD {value:.4f}"
