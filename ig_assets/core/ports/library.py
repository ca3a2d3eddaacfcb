"""Port: where script files lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol


class InvalidFile(NamedTuple):
    """Why the store does not give a file out."""

    reason: str
    detail: str


class LibraryFile(NamedTuple):
    """One file: its path below the library, and what the store opens it by.

    `stamp` changes when the file does. The same `version` means the same bytes, so that
    they need not be read again; None where the store cannot promise that. Of a file
    that is no script's only the path is known.
    """

    path: str
    address: str
    size: int
    stamp: str
    version: str | None = None
    problem: InvalidFile | None = None
    is_script: bool = True


class LibraryStore(Protocol):
    """Where script files lie; `location` is how a person knows it, without secrets."""

    location: str

    def files(self, suffixes: tuple[str, ...]) -> list[LibraryFile]:
        """All files, or an error: a part of a list would look like deleted files.

        Those without one of the suffixes are no scripts' files. Reads no file. Raises
        InputError, AccessError, TransientVendorError.
        """
        ...

    def contents(
        self, files: Iterable[LibraryFile]
    ) -> Iterator[tuple[LibraryFile, bytes | InvalidFile | None]]:
        """The bytes of each; None where it went or changed since it was listed.

        Raises AccessError, TransientVendorError when the store itself is gone.
        """
        ...
