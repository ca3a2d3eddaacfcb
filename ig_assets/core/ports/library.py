"""Port to the store of the script files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, runtime_checkable


class InvalidFile(NamedTuple):
    """The reason why the store cannot return a file."""

    reason: str
    detail: str


class LibraryFile(NamedTuple):
    """One file: its path below the library, and the address by which it is opened.

    `stamp` changes if the file changes. The same `version` means the same bytes, so
    that they need not be read again; it is None if the store cannot guarantee that. If
    the file is not of a kind that holds scripts (`is_script`), only its path is known.
    """

    path: str
    address: str
    size: int
    stamp: str
    version: str | None = None
    problem: InvalidFile | None = None
    is_script: bool = True


class FileVersions(NamedTuple):
    """The versions of some files, as lines of path, `VERSION_MARK`, version.

    `unread` are the paths of files that may not hold scripts.
    """

    lines: str
    unread: list[str]


VERSION_MARK = "\x1f"
"""Stands between path and version in `FileVersions`; a newline ends each line."""


class LibraryStore(Protocol):
    """A store of script files; `location` is its name for people, without secrets."""

    location: str

    def files(self, suffixes: tuple[str, ...]) -> list[LibraryFile]:
        """Return all files without reading them, or raise.

        It never returns a part of the list, since missing files would count as deleted.
        A file with one of the suffixes may hold scripts (`is_script`). Raises
        InputError, AccessError, TransientVendorError.
        """
        ...

    def contents(
        self, files: Iterable[LibraryFile]
    ) -> Iterator[tuple[LibraryFile, bytes | InvalidFile | None]]:
        """Yield (file, its bytes) for each file.

        The bytes are None if the file has changed or disappeared since it was listed,
        and an InvalidFile if the store does not return them. Raises AccessError and
        TransientVendorError if the store itself cannot be reached.
        """
        ...


@runtime_checkable
class GivesVersions(Protocol):
    """A store that gives the versions of its files faster than it lists them."""

    def versions(self, suffixes: tuple[str, ...]) -> Iterator[FileVersions | None]:
        """Yield what `files` would return, some files at a time, ordered by path.

        None stands for a file without a version, or that cannot be read; what follows
        it may be left out. Raises what `files` raises.
        """
        ...
