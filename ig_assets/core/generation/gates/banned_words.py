"""Reads the team's list of banned words and claims, and finds them in a text.

The list has one phrase or `/regular expression/` per line; `#` begins a comment.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ig_assets.errors import InputError


@dataclass(frozen=True)
class BannedPhrase:
    """One line of the list; `phrase` is None for a regular expression."""

    line: int
    phrase: str | None
    pattern: re.Pattern[str]

    def is_in(self, text: str) -> bool:
        """Return whether the text contains the phrase as whole words, in any case."""
        return self.words_in(text) is not None

    def words_in(self, text: str) -> str | None:
        """Return the first words of the text that match, or None."""
        normal = unicodedata.normalize("NFKC", text)
        if self.phrase is not None:
            normal = normal.casefold()
        found = self.pattern.search(normal)
        return None if found is None else found.group()


def read_banned(path: Path) -> tuple[BannedPhrase, ...]:
    """Read the phrases of a UTF-8 file. Raises InputError, naming the line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The list of banned words {path} cannot be read "
            f"({type(error).__name__}); correct IG_BANNED_WORDS or remove it."
        ) from None
    return parse_banned(text, str(path))


def parse_banned(text: str, source: str) -> tuple[BannedPhrase, ...]:
    """Parse the phrases of a text, which may be empty.

    Raises InputError, naming the line and `source`.
    """
    phrases = []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            phrases.append(_phrase(number, line))
        except re.error:
            raise InputError(
                f"Line {number} of {source} is not a regular expression that Python "
                "can read; correct it, or write it without slashes as plain words."
            ) from None
    return tuple(phrases)


def phrases_in(phrases: Sequence[BannedPhrase], text: str) -> list[BannedPhrase]:
    """Return the banned phrases that the text contains."""
    return [phrase for phrase in phrases if phrase.is_in(text)]


def _phrase(number: int, line: str) -> BannedPhrase:
    if len(line) > 2 and line.startswith("/") and line.endswith("/"):
        return BannedPhrase(number, None, re.compile(line[1:-1], re.IGNORECASE))
    words = unicodedata.normalize("NFKC", line).casefold().split()
    spaced = r"\s+".join(map(re.escape, words))
    # A word boundary is required only beside a letter or a digit ("100 %" has none).
    before = r"(?<!\w)" if re.match(r"\w", words[0]) else ""
    after = r"(?!\w)" if re.search(r"\w$", words[-1]) else ""
    return BannedPhrase(number, line, re.compile(f"{before}{spaced}{after}"))
