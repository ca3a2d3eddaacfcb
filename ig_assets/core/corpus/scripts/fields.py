"""Reads one named value of a note or a row as words."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from ig_assets.core.corpus.scripts.script import BROKEN, InvalidSourceError


def passage(fields: Mapping[str, Any], name: str) -> str:
    """A text of any number of lines; empty where it is missing.

    Raises InvalidSourceError.
    """
    value = fields.get(name) or ""
    if not isinstance(value, str):
        raise InvalidSourceError(BROKEN, f"`{name}` is not a plain text.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        value = "\x00"
    if "\x00" in value:
        raise InvalidSourceError(BROKEN, f"`{name}` has NUL or surrogate characters.")
    return unicodedata.normalize("NFC", value.strip())


def word(fields: Mapping[str, Any], name: str) -> str:
    """A text of one line; empty where it is missing. Raises InvalidSourceError."""
    value = passage(fields, name)
    if "\n" in value or "\r" in value:
        raise InvalidSourceError(BROKEN, f"`{name}` is not one line of text.")
    return value
