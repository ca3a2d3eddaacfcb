"""Reads one library file of any kind: its scripts, or why it has none."""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.core.corpus.scripts.markdown import markdown_script
from ig_assets.core.corpus.scripts.script import (
    MAX_BYTES,
    InvalidSourceError,
    ParsedScript,
    Reject,
)
from ig_assets.core.corpus.scripts.tables import TABLE_SUFFIXES, read_table

# What a file is read to say follows from its bytes and this number alone: count it
# up with every change of the readers, and every file is read again.
READER_VERSION = 3

SUFFIXES = (".md", ".txt", *TABLE_SUFFIXES)
MAX_TABLE_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class FileReading:
    """What a file says; with `hides` it may hold scripts that cannot be told now."""

    scripts: tuple[ParsedScript, ...]
    rejects: tuple[Reject, ...]
    hides: bool = False


def read_file(path: str, content: bytes) -> FileReading:
    """The scripts of a file's bytes. Whatever the bytes are, nothing is raised."""
    try:
        if reject := refuse_size(path, len(content)):
            return FileReading((), (reject,), hides=True)
        if _is_table(path):
            scripts, rejects, hides = read_table(path, content)
            return FileReading(tuple(scripts), tuple(rejects), hides)
        return FileReading((markdown_script(path, content),), ())
    except InvalidSourceError as refused:
        return FileReading((), (Reject(path, *refused.args),), hides=True)


def refuse_size(path: str, size: int) -> Reject | None:
    """The reject of a file that is too large to be read, if it is."""
    if size <= (MAX_TABLE_BYTES if _is_table(path) else MAX_BYTES):
        return None
    reason = "over 256 MiB" if _is_table(path) else "over 64 KiB"
    return Reject(path, reason, f"The file has {size} bytes.")


def _is_table(path: str) -> bool:
    return path.lower().endswith(TABLE_SUFFIXES)
