"""Parses one library file of any kind: its scripts, or why it has none."""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.core.corpus.scripts.markdown import markdown_script
from ig_assets.core.corpus.scripts.script import (
    MAX_BYTES,
    InvalidSourceError,
    ParsedScript,
    Reject,
)
from ig_assets.core.corpus.scripts.tables import TABLE_SUFFIXES, parse_table

# A file's contents follow from its bytes and this number alone: increment it with
# every change of the parsers, so that every file is parsed anew.
READER_VERSION = 4

SUFFIXES = (".md", ".txt", *TABLE_SUFFIXES)
MAX_TABLE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class FileContents:
    """The scripts and rejects of one file.

    `unreadable` where the file may hold scripts whose ids cannot be read; the scripts
    that it had before are then kept.
    """

    scripts: tuple[ParsedScript, ...]
    rejects: tuple[Reject, ...]
    unreadable: bool = False


def parse_file(path: str, content: bytes) -> FileContents:
    """The scripts in a file's bytes. Never raises, whatever the bytes are."""
    try:
        if reject := oversize_reject(path, len(content)):
            return FileContents((), (reject,), unreadable=True)
        if _is_table(path):
            scripts, rejects, unreadable = parse_table(path, content)
            return FileContents(tuple(scripts), tuple(rejects), unreadable)
        return FileContents((markdown_script(path, content),), ())
    except InvalidSourceError as error:
        reject = Reject(path, error.reason, error.detail)
        return FileContents((), (reject,), unreadable=True)


def oversize_reject(path: str, size: int) -> Reject | None:
    """The reject of a file of `size` bytes, None where that is small enough."""
    if size <= (MAX_TABLE_BYTES if _is_table(path) else MAX_BYTES):
        return None
    reason = "over 256 MiB" if _is_table(path) else "over 64 KiB"
    return Reject(path, reason, f"The file has {size} bytes.")


def _is_table(path: str) -> bool:
    return path.lower().endswith(TABLE_SUFFIXES)
