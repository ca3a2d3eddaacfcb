"""Compute hashes and ids from content, the same on every machine."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta

ID_LENGTH = 16


def normalise_text(text: str) -> str:
    """Return the text that identity is computed on.

    It is in NFC with Unix line ends, without trailing blanks on lines and without
    blanks at its edges. Letter case, emoji and inner spacing are content and stay.
    """
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line.rstrip() for line in lines.split("\n")).strip()


def text_hash(text: str) -> str:
    """Return the SHA-256 (hex) of the normalised text."""
    return hashlib.sha256(normalise_text(text).encode("utf-8")).hexdigest()


def words_hash(text: str) -> str:
    """Return the SHA-256 (hex) of the words; letter case and blanks make no difference.

    Receipts of earlier versions have only this hash; see `forgotten_hashes`.
    """
    folded = unicodedata.normalize("NFC", text).casefold()
    words = " ".join(unicodedata.normalize("NFC", folded).split())
    return hashlib.sha256(words.encode("utf-8")).hexdigest()


def letters_hash(text: str) -> str:
    """Return the SHA-256 (hex) of the letters and digits of a text.

    Punctuation, blanks, emoji, letter case, compatible forms of letters (NFKC) and
    hashtags at the end make no difference. A text without letters and digits gets its
    `words_hash`.
    """
    plain = unicodedata.normalize("NFKC", _EMOJI.sub(" ", text)).casefold()
    parts = unicodedata.normalize("NFKC", plain).replace("#", " #").split()
    while parts and (parts[-1].startswith("#") or not _letters(parts[-1])):
        parts.pop()
    letters = _letters("".join(parts))
    if not letters:
        return words_hash(text)
    return hashlib.sha256(letters.encode("utf-8")).hexdigest()


_EMOJI = re.compile(r"[^\d#*]\ufe0f")  # also a letter that is displayed as a picture


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def forgotten_hashes(text: str) -> frozenset[str]:
    """Return the hashes by which the words of a forgotten script are recognised.

    These are `letters_hash` and `words_hash`, since receipts of earlier versions have
    only `words_hash`.
    """
    return frozenset((words_hash(text), letters_hash(text)))


def fields_hash(fields: Mapping[str, object]) -> str:
    """Return the SHA-256 (hex) of JSON with sorted keys; values must be JSON types."""
    payload = json.dumps(
        dict(fields), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
    return hashlib.sha256(payload.encode("utf-8")).hexdigest()


def stable_id(kind: str, *parts: object) -> str:
    """Return a deterministic id: the first 16 hex digits of a hash of its arguments."""
    return fields_hash({"kind": kind, "parts": [str(p) for p in parts]})[:ID_LENGTH]


def seeded_unit(seed: int, *parts: object) -> float:
    """Return a pseudo-random number in [0, 1) that depends on seed and parts alone.

    It is the same on every machine.
    """
    digest = hashlib.sha256("\x1f".join([str(seed), *map(str, parts)]).encode())
    return int.from_bytes(digest.digest()[:8], "big") / 2**64


def next_instant(now: datetime, last: datetime | None) -> datetime:
    """Return `now`, or a microsecond after `last` if `now` is not later.

    Rows that are ordered by time thus keep the order in which they were written.
    """
    return now if last is None else max(now, last + timedelta(microseconds=1))
