"""Reads one named value of a note or a row as text."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from ig_assets.core.corpus.scripts.script import BROKEN, InvalidSourceError


def passage(fields: Mapping[str, Any], name: str) -> str:
    """Return a value as text of any number of lines; "" if it is missing.

    Raises InvalidSourceError if the value is not a text, or has NUL or surrogate
    characters.
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
    """Return a value as text of one line; "" if it is missing.

    Raises InvalidSourceError if the value is not one line of text.
    """
    value = passage(fields, name)
    if "\n" in value or "\r" in value:
        raise InvalidSourceError(BROKEN, f"`{name}` is not one line of text.")
    return value
