"""Scans the library: which files are unchanged, and what the others contain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ig_assets.core.corpus.library.known_files import KnownFile
from ig_assets.core.corpus.scripts.parse import (
    READER_VERSION,
    SUFFIXES,
    FileContents,
    oversize_reject,
    parse_file,
)
from ig_assets.core.corpus.scripts.script import ParsedScript, Reject
from ig_assets.core.ports import LibraryFile, LibraryStore


@dataclass(frozen=True)
class ParsedFile:
    """A file that was parsed; `stamp` is None where the store's is not exact."""

    path: str
    content_hash: str
    stamp: str | None
    contents: FileContents


@dataclass
class LibraryScan:
    """Result of one scan. A file is `unchanged`, `parsed` or `unreadable`.

    A file with several scripts may be both parsed and unreadable. The scripts that an
    unreadable file had before are kept. `rejects` has one per source, by source_uri.
    `unread` are the paths of files of kinds that are not read, sorted. `fingerprint`
    is that of the files as they were listed, before any was read.
    """

    unchanged: set[str] = field(default_factory=set)
    parsed: list[ParsedFile] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)
    rejects: dict[str, Reject] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    fingerprint: str = ""

    @property
    def scripts(self) -> list[ParsedScript]:
        """The scripts of the files that were parsed, by path."""
        return [script for file in self.parsed for script in file.contents.scripts]

    def reject_file(self, reject: Reject) -> None:
        """Record a file that cannot be used at all."""
        self.unreadable.add(reject.source_uri)
        self.rejects.setdefault(reject.source_uri, reject)

    def add(
        self, file: LibraryFile, content: bytes, known: KnownFile | None = None
    ) -> None:
        """Parse a file's bytes, unless they are the `known` ones."""
        content_hash = hashlib.sha256(content).hexdigest()
        stamp = file.stamp if file.is_exact else None
        # A new stamp of the same bytes is stored only where it saves the next read.
        if known == KnownFile(content_hash, stamp):
            self.unchanged.add(file.path)
            return
        contents = parse_file(file.path, content)
        self.parsed.append(ParsedFile(file.path, content_hash, stamp, contents))
        for reject in contents.rejects:
            self.rejects.setdefault(reject.source_uri, reject)
        if contents.unreadable:
            self.unreadable.add(file.path)


def scan_library(
    store: LibraryStore, known: Mapping[str, KnownFile] | None = None
) -> LibraryScan:
    """List every script file by path; parse those that are not `known`.

    A file that cannot be used becomes a reject, never an exception. Raises what the
    store's `files` and `contents` raise.
    """
    known = known or {}
    scan = LibraryScan()
    to_read = []
    for file in _listed(store, scan):
        before = known.get(file.path)
        if file.problem is not None:
            scan.reject_file(Reject(file.path, *file.problem))
        elif before and file.is_exact and file.stamp == before.stamp:
            scan.unchanged.add(file.path)
        elif reject := oversize_reject(file.path, file.size):
            scan.reject_file(reject)
        else:
            to_read.append(file)
    for file, content in store.contents(to_read):
        if content is None:  # it changed since it was listed; the next sync reads it
            scan.unreadable.add(file.path)
        elif isinstance(content, bytes):
            scan.add(file, content, known.get(file.path))
        else:
            scan.reject_file(Reject(file.path, *content))
    return scan


def library_fingerprint(store: LibraryStore) -> str:
    """A hash of the files' paths, sizes and stamps; reads no file.

    Raises what the store's `files` raises.
    """
    return _fingerprint(store.files(SUFFIXES))


def _fingerprint(files: Iterable[LibraryFile]) -> str:
    digest = hashlib.sha256(f"reader {READER_VERSION}\n".encode())
    for file in sorted(file for file in files if file.is_script):
        line = f"{file.path}\x1f{file.size}\x1f{file.stamp}\n"
        digest.update(line.encode("utf-8"))
    return digest.hexdigest()


def _listed(store: LibraryStore, scan: LibraryScan) -> list[LibraryFile]:
    """One file per path, sorted; two names may differ in Unicode spelling only."""
    files: dict[str, LibraryFile] = {}
    listed = sorted(store.files(SUFFIXES))
    scan.fingerprint = _fingerprint(listed)
    for file in listed:
        if not file.is_script:
            scan.unread.append(file.path)
        elif files.setdefault(file.path, file) is not file:
            detail = "Two files have this name in two spellings; rename one of them."
            scan.reject_file(Reject(file.path, "duplicate path", detail))
    return list(files.values())
