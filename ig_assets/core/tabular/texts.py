"""Checks and repairs texts: double encoding, control and invisible characters."""

from __future__ import annotations

import re
import unicodedata

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")

# Bytes 80 to 9F as Windows-1252 shows them; the five that it leaves out stay controls.
_WINDOWS = {
    bytes([byte]).decode("cp1252"): byte
    for byte in range(0x80, 0xA0)
    if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
}
# A first byte of UTF-8 and one that follows it, each shown as a character.
_FOLLOWING = "\x80-\xbf" + "".join(map(re.escape, _WINDOWS))
_SUSPECT = re.compile(f"[\xc2-\xf4][{_FOLLOWING}]")
_CERTAIN = re.compile(
    f"\xf0\u0178[{_FOLLOWING}]{{2}}|\xf0\x9f[{_FOLLOWING}]{{2}}"
    f"|\xe2(?:\u20ac|\x80)[{_FOLLOWING}]|\xc3[\xa0-\xbf]"
)

# Shown as nothing, though Unicode calls some of them letters or symbols.
_BLANKS = frozenset("\u2800\u3164\u115f\u1160\uffa0\u034f")
_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Zs", "Zl", "Zp"))

_ROUNDS = 3


class SpoiltTextError(ValueError):
    """Raised if a text is damaged beyond repair; the message is a sentence."""


def repaired(text: str) -> tuple[str, bool]:
    """Return (text without double encoding, whether it had any).

    A text is repaired only as a whole: all of it must be valid UTF-8 when encoded as
    Latin-1 or Windows-1252. Raises SpoiltTextError if only a part is, and for control
    characters and U+FFFD, which replaces lost characters.
    """
    if text.isascii() and not _CONTROL.search(text):
        return text, False
    whole, rounds = text, 0
    while rounds < _ROUNDS and _SUSPECT.search(whole):
        again = _decoded_again(whole)
        if again is None:
            break
        whole, rounds = again, rounds + 1
    if _CONTROL.search(whole):
        raise SpoiltTextError(
            "The text has characters that stand for lost ones; export it again as "
            "UTF-8."
        )
    if not rounds and len(_CERTAIN.findall(whole)) >= 1:
        raise SpoiltTextError(
            "A part of the text was encoded twice; export it again as UTF-8."
        )
    return whole, rounds > 0


def visible(text: str) -> str:
    """Return the text without invisible characters at its ends.

    The result is "" if nothing is visible.
    """
    begin, end = 0, len(text)
    while begin < end and not _shows(text[begin]):
        begin += 1
    while end > begin and not _shows(text[end - 1]):
        end -= 1
    # A joiner or a variation selector belongs to the sign before it.
    while end < len(text) and text[end] in "\ufe0e\ufe0f\u200d":
        end += 1
    return text[begin:end]


def first_visible_line(text: str) -> str:
    """Return the first line with a visible character, or "".

    Invisible characters at its ends are removed.
    """
    return next(filter(None, map(visible, text.split("\n"))), "")


def _shows(sign: str) -> bool:
    return sign not in _BLANKS and unicodedata.category(sign) not in _INVISIBLE


def _decoded_again(text: str) -> str | None:
    try:
        raw = bytes(_WINDOWS.get(sign) or ord(sign) for sign in text)
        return raw.decode("utf-8")
    except ValueError:
        return None
