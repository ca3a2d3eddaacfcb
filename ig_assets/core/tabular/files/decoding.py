"""Decodes files as UTF-8, or as UTF-16 if they have a byte order mark of it."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ig_assets.core.tabular.table import UnreadableTableError

CHARACTERS = 1 << 16
"""Number of characters that are read at once, so that cells stay in the CPU cache."""

_GZIP = b"\x1f\x8b"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Bytes that Windows-1252 does not define, and those of its letters and quotes.
_NOT_WINDOWS = frozenset(b"\x81\x8d\x8f\x90\x9d")

Content = Path | bytes


@contextmanager
def opened(content: Content) -> Iterator[BinaryIO]:
    """Open the bytes of a file, decompressed if they are gzip.

    Raises UnreadableTableError if the gzip data are broken, and OSError.
    """
    raw: BinaryIO = (
        io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")
    )
    with raw:
        zipped = raw.read(2) == _GZIP
        raw.seek(0)
        try:
            if zipped:
                yield cast(BinaryIO, gzip.GzipFile(fileobj=raw))
            else:
                yield raw
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise UnreadableTableError(
                "it is not complete gzip; copy or export it again"
            ) from None


def encoding_of(start: bytes) -> str:
    """Return the encoding of a file, from its first bytes.

    Raises UnreadableTableError if they are not text.
    """
    if start.startswith(_UTF_16):
        return "utf-16"
    if b"\x00" in start[:4]:
        raise UnreadableTableError(
            "there are NUL bytes; save the file as UTF-8 text", "binary", 1
        )
    return "utf-8-sig"


def encoding_name(encoding: str) -> str:
    """Return the name of an encoding for display."""
    return "UTF-16" if encoding == "utf-16" else "UTF-8"


def blocks(content: Content) -> Iterator[list[str]]:
    """Yield the lines of a text file without line ends, some hundred lines at a time.

    Line ends may be those of Unix, Windows or old Macs. Raises UnreadableTableError
    with the line of the first byte that cannot be decoded.
    """
    line = 1
    with opened(content) as raw:
        start = raw.read(4)
        raw.seek(0)
        encoding = encoding_of(start)
        text = io.TextIOWrapper(raw, encoding=encoding, newline=None)
        try:
            while True:
                block = text.read(CHARACTERS)
                if not block:
                    break
                if not block.endswith("\n"):
                    block += text.readline()
                lines = block.removesuffix("\n").split("\n")
                yield lines
                line += len(lines)
        except UnicodeDecodeError as error:
            raise _wrong_encoding(content, encoding, line, error) from None
        finally:
            text.detach()


def _wrong_encoding(
    content: Content, encoding: str, line: int, error: UnicodeDecodeError
) -> UnreadableTableError:
    if encoding == "utf-16":
        return UnreadableTableError(
            "it begins like UTF-16 and is not; save it as UTF-8", "encoding", line
        )
    line, guess = _first_wrong_line(content)
    return UnreadableTableError(
        f"it is not UTF-8; save it as UTF-8 (in Excel: CSV UTF-8). Line {line} "
        f"{guess}",
        "encoding",
        line,
    )


def _first_wrong_line(content: Content) -> tuple[int, str]:
    """Return (first line that is not UTF-8, clause on its encoding)."""
    with opened(content) as raw:
        for number, line in enumerate(raw, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = f"has the byte 0x{line[error.start]:02X}"
                if b"\x00" in line:
                    return number, f"{byte} and NUL bytes"
                if _NOT_WINDOWS & set(line):
                    return number, f"{byte} of an unknown encoding"
                return number, f"{byte}, as in Windows-1252"
    return 1, "has a byte of an unknown encoding"
