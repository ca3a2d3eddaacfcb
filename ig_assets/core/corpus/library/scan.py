"""Looks at the library: which files are as they were, and what the others say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ig_assets.core.corpus.scripts.parse import (
    READER_VERSION,
    SUFFIXES,
    FileReading,
    read_file,
    refuse_size,
)
from ig_assets.core.corpus.scripts.script import ParsedScript, Reject
from ig_assets.core.ports import LibraryFile, LibraryStore


class KnownFile(NamedTuple):
    """What is known of a file whose scripts are all in the tables."""

    content_hash: str
    stamp: str | None


@dataclass(frozen=True)
class ReadFile:
    """A file that was read, and what it says; `stamp` is None where it is not exact."""

    path: str
    content_hash: str
    stamp: str | None
    reading: FileReading


@dataclass
class LibraryReading:
    """What one look found: every file is unchanged, read, or hidden, or two of these.

    `hidden` files cannot be told just now, as a whole or in part: what they said
    before stays. `rejects` has one a source, by source_uri.
    """

    unchanged: set[str] = field(default_factory=set)
    read: list[ReadFile] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    rejects: dict[str, Reject] = field(default_factory=dict)

    @property
    def scripts(self) -> list[ParsedScript]:
        """The scripts of the files that were read, by path."""
        return [script for file in self.read for script in file.reading.scripts]

    def refuse(self, file: LibraryFile, reject: Reject) -> None:
        """Note a file that gives nothing now."""
        self.hidden.add(file.path)
        self.rejects.setdefault(reject.source_uri, reject)


def read_library(
    store: LibraryStore, known: Mapping[str, KnownFile] | None = None
) -> LibraryReading:
    """Read every script file, in the order of their paths; parse what is not known.

    A file that cannot be used becomes a reject, never an exception. Raises what the
    store's `files` and `contents` raise.
    """
    known = known or {}
    reading = LibraryReading()
    wanted = []
    for file in _listed(store, reading):
        before = known.get(file.path)
        if file.problem is not None:
            reading.refuse(file, Reject(file.path, *file.problem))
        elif before and file.is_exact and file.stamp == before.stamp:
            reading.unchanged.add(file.path)
        elif reject := refuse_size(file.path, file.size):
            reading.refuse(file, reject)
        else:
            wanted.append(file)
    for file, content in store.contents(wanted):
        if content is None:
            reading.hidden.add(file.path)  # the next look tells
        elif isinstance(content, bytes):
            _take(reading, file, content, known.get(file.path))
        else:
            reading.refuse(file, Reject(file.path, *content))
    return reading


def library_fingerprint(store: LibraryStore) -> str:
    """A hash of the files' paths, sizes and stamps; reads no file.

    Raises what the store's `files` raises.
    """
    digest = hashlib.sha256(f"reader {READER_VERSION}\n".encode())
    for file in sorted(store.files(SUFFIXES)):
        line = f"{file.path}\x1f{file.size}\x1f{file.stamp}\n"
        digest.update(line.encode("utf-8"))
    return digest.hexdigest()


def _listed(store: LibraryStore, reading: LibraryReading) -> list[LibraryFile]:
    """The files by path, one a path: spellings of a name may differ in Unicode only."""
    files: dict[str, LibraryFile] = {}
    for file in sorted(store.files(SUFFIXES)):
        if files.setdefault(file.path, file) is not file:
            detail = "Two files have this name in two spellings; rename one of them."
            reading.refuse(file, Reject(file.path, "duplicate path", detail))
    return list(files.values())


def _take(
    reading: LibraryReading, file: LibraryFile, content: bytes, known: KnownFile | None
) -> None:
    content_hash = hashlib.sha256(content).hexdigest()
    stamp = file.stamp if file.is_exact else None
    # A new stamp of the same bytes is worth writing down only where it spares reading.
    if known and known.content_hash == content_hash and known.stamp == stamp:
        reading.unchanged.add(file.path)
        return
    said = read_file(file.path, content)
    reading.read.append(ReadFile(file.path, content_hash, stamp, said))
    for reject in said.rejects:
        reading.rejects.setdefault(reject.source_uri, reject)
    if said.hides:
        reading.hidden.add(file.path)
