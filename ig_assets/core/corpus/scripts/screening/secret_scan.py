"""Finds what looks like a key, a token or a password, before a text is stored."""

from __future__ import annotations

import re

from ig_assets.core.operations.secret_forms import SECRET_FORMS

_PASSWORD_MARKS = ("ass", "ASS", "pwd", "PWD", "Pwd")
_ASSIGNED = re.compile(
    r"(?<![a-z])(?P<name>password|passphrase|passwd|pwd)[\"'`]?"
    r"(?P<sign>[ \t]*[=:][ \t]*)(?P<quote>[\"'`]?)(?P<value>[^\s\"'`]+)",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"[<{\[($%*•…].*|your.*|my[_-].*|x{3,}|example|changeme|none|null|true|false",
    re.IGNORECASE,
)
_SIGNS = frozenset("0123456789#$%&@^_+~!*")


def secret_kind(text: str) -> str | None:
    """Return the kind of secret that a text seems to contain, or None.

    The kind is worded for a message, for example "a password".
    """
    for form in SECRET_FORMS:
        if form.may_be_in(text) and form.pattern.search(text):
            return form.kind
    if any(mark in text for mark in _PASSWORD_MARKS):
        if any(map(_is_password, _ASSIGNED.finditer(text))):
            return "a password"
    return None


def _is_password(found: re.Match[str]) -> bool:
    """Return whether a match assigns a password, instead of being a sentence about one.

    The value must follow `=` or a technical name, be one quoted word, or mix letters
    with digits or signs. Placeholders are not passwords.
    """
    value = found["value"].rstrip(".,;:!?)…")
    if len(value) < 4 or _PLACEHOLDER.fullmatch(value):
        return False
    is_quoted = bool(found["quote"]) and found.string.startswith(
        found["quote"], found.end()
    )
    return (
        found["sign"] == "="
        or found["name"].casefold() in ("passwd", "pwd")
        or is_quoted
        or any(_is_mixed(part) for part in value.split("-"))
    )


def _is_mixed(part: str) -> bool:
    """Return whether letters are mixed with digits or signs.

    `hunter2` is mixed; `12` and `characters` are not.
    """
    letters = set(part)
    return len(part) >= 6 and bool(letters & _SIGNS) and not letters <= _SIGNS
