"""How lineage names a text without displaying it: by its first words."""

from __future__ import annotations

MOST_WORDS = 8
CUT = " …"


def first_words(text: str | None) -> str | None:
    """The first eight words, with … where there are more; None without a text."""
    if text is None:
        return None
    words = text.split()
    return " ".join(words[:MOST_WORDS]) + (CUT if len(words) > MOST_WORDS else "")
