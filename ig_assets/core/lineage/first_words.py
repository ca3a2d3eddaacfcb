"""Name a text by its first words, without showing all of it."""

from __future__ import annotations

MOST_WORDS = 8
CUT = " …"


def first_words(text: str | None) -> str | None:
    """Return the first eight words, with … if there are more; None without a text."""
    if text is None:
        return None
    words = text.split()
    return " ".join(words[:MOST_WORDS]) + (CUT if len(words) > MOST_WORDS else "")
