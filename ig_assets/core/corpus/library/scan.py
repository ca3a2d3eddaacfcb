"""Scans the library: which files are unchanged, and what the others contain."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from ig_assets.core.corpus.library.known_files import KnownFile
from ig_assets.core.corpus.library.later_readings import without_later_readings
from ig_assets.core.corpus.library.parsed_files import ParsedFile, ParsedFiles
from ig_assets.core.corpus.scripts.parse import (
    READER_VERSION,
    SUFFIXES,
    FileContents,
    oversize_reject,
    parse_file,
)
from ig_assets.core.corpus.scripts.reading_apart import ReadingApart, reading_apart
from ig_assets.core.corpus.scripts.script import Performance, Reject
from ig_assets.core.operations.present import Present
from ig_assets.core.ports import (
    VERSION_MARK,
    GivesVersions,
    LibraryFile,
    LibraryStore,
)

LINES_AT_ONCE = 1_000


class ReadAgain(NamedTuple):
    """A known file whose bytes were read again, although its script is unchanged.

    It was read because the file store gives another version, or none. `reading` is the
    performance in the file if it is new, None if the bytes are those of the last sync.
    """

    content_hash: str
    version: str | None
    rest_hash: str | None
    reading: Performance | None


@dataclass(frozen=True)
class LibraryState:
    """The library without its single files: equal if the files are the same.

    `version` is a digest of the versions of all files, None if the store does not give
    one for every file. `unread` are the paths of files of kinds that are not read,
    sorted.
    """

    version: str | None
    unread: list[str]


@dataclass(frozen=True)
class Listing(LibraryState):
    """The library as the store lists it: one file per path, sorted.

    `rejects` are files whose path differs from another file's only in its Unicode
    spelling. `fingerprint` is a digest of the paths, sizes and stamps of all files.
    """

    files: list[LibraryFile]
    rejects: tuple[Reject, ...]
    fingerprint: str


@dataclass
class LibraryScan:
    """The result of one scan: which files are `unchanged`, `parsed` or `unreadable`.

    A file with several scripts may be both parsed and unreadable. The scripts that an
    unreadable file had before are kept. `rejects` is {source_uri: reject}, and
    `rejected_in` is {source_uri: path of the parsed file that holds it}. `again` has
    the unchanged files whose stored hashes or performance must be updated.
    """

    unchanged: set[str] = field(default_factory=set)
    again: dict[str, ReadAgain] = field(default_factory=dict)
    parsed: ParsedFiles = field(default_factory=ParsedFiles)
    unreadable: set[str] = field(default_factory=set)
    rejects: dict[str, Reject] = field(default_factory=dict)
    rejected_in: dict[str, str] = field(default_factory=dict)

    def reject_file(self, reject: Reject) -> None:
        """Record a file that cannot be used at all."""
        self.unreadable.add(reject.source_uri)
        self.rejects.setdefault(reject.source_uri, reject)

    def add(
        self,
        file: LibraryFile,
        content: bytes,
        present: Present | None,
        known: KnownFile | None = None,
    ) -> None:
        """Parse a file's bytes, unless they are those of the `known` file.

        If only the performance in a known file has changed, the file counts as
        unchanged and is added to `again`. Readings after `present` are left out.
        """
        content_hash = hashlib.sha256(content).hexdigest()
        if known is not None and content_hash == known.content_hash:
            self.unchanged.add(file.path)
            if file.version not in (None, known.version):
                self.again[file.path] = ReadAgain(
                    content_hash, file.version, known.rest_hash, None
                )
            return
        apart = reading_apart(content)
        if apart and present and apart.performance.as_of > present.latest:
            apart = None
        if apart and known and apart.rest_hash == known.rest_hash:
            self.unchanged.add(file.path)
            self.again[file.path] = ReadAgain(content_hash, file.version, *apart)
            return
        contents = parse_file(file.path, content)
        if present is not None:
            contents = without_later_readings(contents, present)
        self.parsed.add(
            ParsedFile(
                file.path,
                content_hash,
                file.version,
                contents,
                _rest_hash(contents, apart),
            )
        )
        for reject in contents.rejects:
            self.rejects.setdefault(reject.source_uri, reject)
            self.rejected_in[reject.source_uri] = file.path
        if contents.unreadable:
            self.unreadable.add(file.path)


def _rest_hash(contents: FileContents, apart: ReadingApart | None) -> str | None:
    """Return the hash of a file without its script's performance, or None.

    It is None unless the parser found exactly one script, with the performance of
    `apart`.
    """
    if apart is None or len(contents.scripts) != 1:
        return None
    is_same = contents.scripts[0].performance == apart.performance
    return apart.rest_hash if is_same else None


def list_library(store: LibraryStore) -> Listing:
    """List the library without reading a file. Raises what the store's `files` raises.

    Files whose paths differ only in their Unicode spelling are rejected.
    """
    listed = sorted(store.files(SUFFIXES))
    files: dict[str, LibraryFile] = {}
    rejects, unread = [], []
    for file in listed:
        if not file.is_script:
            unread.append(file.path)
        elif files.setdefault(file.path, file) is not file:
            detail = "Two files have this name in two spellings; rename one of them."
            rejects.append(Reject(file.path, "duplicate path", detail))
    return Listing(
        None if rejects else _version(files.values()),
        unread,
        list(files.values()),
        tuple(rejects),
        _fingerprint(listed),
    )


def library_state(store: LibraryStore) -> LibraryState:
    """Return the library's state, which is a Listing unless the store `GivesVersions`.

    Such a store makes it in half the time and without keeping a file in memory; it does
    not look for doubled paths, with which a listing has no version. Raises what the
    store's `files` raises.
    """
    if not isinstance(store, GivesVersions):
        return list_library(store)
    digest, unread = _new_digest(), []
    for versions in store.versions(SUFFIXES):
        if versions is None:
            return LibraryState(None, [])
        digest.update(versions.lines.encode("utf-8"))
        unread += versions.unread
    return LibraryState(digest.hexdigest(), sorted(unread))


def scan_library(
    store: LibraryStore,
    listing: Listing | None = None,
    present: Present | None = None,
    known: Mapping[str, KnownFile] | None = None,
    rehash: bool = False,
) -> LibraryScan:
    """Read the listed files by path, and parse those that are not `known`.

    Without a listing the library is listed first. A known file of the same version is
    not read, unless `rehash` is set. A file that cannot be used becomes a reject, never
    an exception. A reading after `present` is left out, and the script's `left_out`
    records this. Raises what the store's `contents` raises.
    """
    listing, known = listing or list_library(store), known or {}
    scan = LibraryScan()
    for doubled in listing.rejects:
        scan.reject_file(doubled)
    to_read = []
    for file in listing.files:
        before = known.get(file.path)
        if file.problem is not None:
            scan.reject_file(Reject(file.path, *file.problem))
        elif before and file.version and file.version == before.version and not rehash:
            scan.unchanged.add(file.path)
        elif oversize := oversize_reject(file.path, file.size):
            scan.reject_file(oversize)
        else:
            to_read.append(file)
    for file, content in store.contents(to_read):
        if content is None:  # it changed since it was listed; the next sync reads it
            scan.unreadable.add(file.path)
        elif isinstance(content, bytes):
            scan.add(file, content, present, known.get(file.path))
        else:
            scan.reject_file(Reject(file.path, *content))
    return scan


def library_fingerprint(store: LibraryStore) -> str:
    """Return a hash of the files' paths, sizes and stamps, without reading a file.

    Raises what the store's `files` raises.
    """
    return _fingerprint(sorted(store.files(SUFFIXES)))


def _fingerprint(files: Iterable[LibraryFile]) -> str:
    return _digest(f"{f.path}\x1f{f.size}\x1f{f.stamp}\n" for f in files if f.is_script)


def _version(files: Collection[LibraryFile]) -> str | None:
    if any(file.version is None or file.problem is not None for file in files):
        return None
    return _digest(f"{file.path}{VERSION_MARK}{file.version}\n" for file in files)


def _digest(lines: Iterable[str]) -> str:
    """Return a hash of the lines, which need not be in memory together."""
    digest = _new_digest()
    rest = iter(lines)
    while some := "".join(islice(rest, LINES_AT_ONCE)):
        digest.update(some.encode("utf-8"))
    return digest.hexdigest()


def _new_digest() -> hashlib._Hash:
    return hashlib.sha256(f"reader {READER_VERSION}\n".encode())
