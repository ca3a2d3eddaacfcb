"""Decodes a file's bytes: UTF-8, or UTF-16 with a byte order mark."""

from __future__ import annotations

import codecs

from ig_assets.core.corpus.scripts.screening.secret_scan import secret_kind
from ig_assets.core.corpus.scripts.script import InvalidSourceError

_LINE_ENDS = str.maketrans(
    {"\r": "\n", "\v": "\n", "\f": "\n", "\u2028": "\n", "\u2029": "\n\n"}
)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded(content: bytes) -> str:
    """Return the text of a file, with Unix line ends and without its byte order mark.

    Raises InvalidSourceError if the bytes are not a text, or are in another encoding.
    """
    encoding = "utf-16" if content.startswith(_UTF_16) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if b"\x00" in content and encoding != "utf-16":
            raise _binary() from None
        raise InvalidSourceError(
            "invalid UTF-8", f"Byte {error.start} is not UTF-8; save the file as UTF-8."
        ) from None
    if "\x00" in text:
        raise _binary()
    return with_line_feeds(text)


def with_line_feeds(text: str) -> str:
    """Return the text with one line feed per line end, and two per paragraph separator.

    Line ends are CR and U+2028, and also VT and FF, which Word and Google Slides copy
    for a soft return. The paragraph separator is U+2029. Apple's programs write both
    U+2028 and U+2029 (UAX #14, classes BK and CR). U+0085 stays, since it is mostly an
    ellipsis of Windows-1252.
    """
    return text.replace("\r\n", "\n").translate(_LINE_ENDS)


def refuse_secrets(text: str) -> None:
    """Raise InvalidSourceError if the text seems to contain a key or a token."""
    if kind := secret_kind(text):
        raise InvalidSourceError(
            "looks like a secret",
            f"The text seems to contain {kind}; remove it and revoke it.",
        )


def _binary() -> InvalidSourceError:
    return InvalidSourceError(
        "binary", "There are NUL bytes; save the file as UTF-8 text."
    )
