"""Keeps what a scan parsed: a bounded part of it in memory, the rest on disk.

A first sync may parse any number of scripts, and writes them only when all of them are
parsed, in one transaction. So full batches go to a temporary file. It has no name, so
that nothing of it is left whatever ends the process.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from os import SEEK_END
from tempfile import TemporaryFile
from typing import IO

from ig_assets.core.corpus.scripts.parse import FileContents

BATCH_BYTES = 32 << 20
"""Estimated memory of a batch. With more, a sync needs more memory; with less, homes on
a server get more and smaller writes."""
_SCRIPT_BYTES = 1_500  # of a script's objects, besides its words
_CHARACTER_BYTES = 2  # each word is in `text` and in a part of the script


@dataclass(frozen=True)
class ParsedFile:
    """A file that was parsed; `version` is None if the file store gives no version.

    `rest_hash` is the hash of the file without its script's reading, None if the two
    cannot be separated.
    """

    path: str
    content_hash: str
    version: str | None
    contents: FileContents
    rest_hash: str | None = None


class ParsedFiles:
    """Parsed files in the order in which they were added; `paths` are all their paths.

    They may be read several times, also while files are still added.
    """

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self._latest: list[ParsedFile] = []
        self._latest_bytes = 0
        self._disk: IO[bytes] | None = None
        self._places: list[int] = []  # of the batches in it

    def __len__(self) -> int:
        return len(self.paths)

    def add(self, file: ParsedFile) -> None:
        """Add a file. Raises OSError if the temporary file cannot be written."""
        self.paths.add(file.path)
        self._latest.append(file)
        self._latest_bytes += _bytes(file)
        if self._latest_bytes < BATCH_BYTES:
            return
        if self._disk is None:
            self._disk = TemporaryFile()
        self._places.append(self._disk.seek(0, SEEK_END))
        pickle.dump(self._latest, self._disk, pickle.HIGHEST_PROTOCOL)
        self._latest, self._latest_bytes = [], 0

    def batches(self) -> Iterator[list[ParsedFile]]:
        """Yield the files in batches, each of which is in memory only until the next.

        Raises OSError if the temporary file cannot be read.
        """
        for place in self._places:
            assert self._disk is not None
            self._disk.seek(place)
            yield pickle.load(self._disk)
        if self._latest:
            yield self._latest

    def __iter__(self) -> Iterator[ParsedFile]:
        for batch in self.batches():
            yield from batch


def _bytes(file: ParsedFile) -> int:
    """Return an estimate of the memory that a file needs."""
    return sum(
        _SCRIPT_BYTES + _CHARACTER_BYTES * len(script.text)
        for script in file.contents.scripts
    )
