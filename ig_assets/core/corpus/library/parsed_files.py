"""Keeps what a scan parsed: a bounded part of it in memory, the rest on disk.

A first sync may parse any number of scripts, and writes them only when all of them are
parsed, in one transaction. So full batches go to a temporary file, as columns of texts.
It has no name, so that nothing of it is left whatever ends the process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import SEEK_END
from tempfile import TemporaryFile
from typing import IO, NamedTuple

from ig_assets.core.corpus.scripts.parse import FileContents
from ig_assets.core.corpus.scripts.script import COUNTS, ParsedScript, Performance
from ig_assets.errors import InputError

BATCH_BYTES = 8 << 20
"""Estimated memory of a batch. With more, a sync needs more memory; with less, homes on
a server get more and smaller writes."""
_SCRIPT_BYTES = 1_500  # of a script's objects, besides its words
_CHARACTER_BYTES = 2  # each word is in `text` and in a part of the script

DESCRIPTIVE_COLUMNS = (
    "source_uri",
    "author",
    "topic",
    "hook_style",
    "hook",
    "body",
    "call_to_action",
    "text",
    "language",
)
SCRIPT_COLUMNS = ("script_id", "revision_hash", *DESCRIPTIVE_COLUMNS)
PARSED_COLUMNS = (*SCRIPT_COLUMNS, "file_uri", "content_hash", "stamp", "rest_hash")
MEASURES = (*COUNTS, "rate")
READING_COLUMNS = ("source", "as_of", *MEASURES)
LEFT_OUT_COLUMNS = ("file_uri", "source_uri", "kind", "pieces", "detail")
NO_LANGUAGE = "?"
"""Stands for a language that is NULL, since "" means that none was declared."""

Columns = dict[str, list[str]]


class Batch(NamedTuple):
    """Some parsed files as columns of texts, with "" in place of NULL.

    `scripts` has the columns `PARSED_COLUMNS`; `readings` has the id and the revision
    of a script beside `READING_COLUMNS`; `left_out` has the columns `LEFT_OUT_COLUMNS`.
    """

    scripts: Columns
    readings: Columns
    left_out: Columns


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
        """Add a file. Raises InputError if the temporary file cannot be written."""
        self.paths.add(file.path)
        self._latest.append(file)
        self._latest_bytes += _bytes(file)
        if self._latest_bytes < BATCH_BYTES:
            return
        try:
            self._write(_batch(self._latest))
        except OSError as error:
            raise InputError(
                f"The scripts that were read do not fit into the temporary folder "
                f"({error.strerror}); free space there, or point TMPDIR at another "
                "folder. Nothing was changed."
            ) from error
        self._latest, self._latest_bytes = [], 0

    def _write(self, batch: Batch) -> None:
        if self._disk is None:
            self._disk = TemporaryFile()
        self._places.append(self._disk.seek(0, SEEK_END))
        self._disk.write(json.dumps(batch).encode() + b"\n")
        self._disk.flush()

    def batches(self) -> Iterator[Batch]:
        """Yield the files in batches, each of which is in memory only until the next.

        Raises OSError if the temporary file cannot be read.
        """
        for place in self._places:
            assert self._disk is not None
            self._disk.seek(place)
            yield Batch(*json.loads(self._disk.readline()))
        if self._latest:
            yield _batch(self._latest)


def reading_columns(readings: Sequence[Performance | None]) -> Columns:
    """Return readings as {column: texts}; a missing reading is "" in each column."""
    columns = {
        "source": [reading.source if reading else "" for reading in readings],
        "as_of": [reading.as_of.isoformat() if reading else "" for reading in readings],
    }
    for name in MEASURES:
        columns[name] = [
            _text(getattr(reading, name)) if reading else "" for reading in readings
        ]
    return columns


def _text(value: float | None) -> str:
    return "" if value is None else repr(value)


def _bytes(file: ParsedFile) -> int:
    """Return an estimate of the memory that a file needs."""
    return sum(
        _SCRIPT_BYTES + _CHARACTER_BYTES * len(script.text)
        for script in file.contents.scripts
    )


def _batch(files: Sequence[ParsedFile]) -> Batch:
    scripts = [script for file in files for script in file.contents.scripts]
    reported = [script for script in scripts if script.performance]
    left_out = [
        (file.path, source_uri, left_out.kind, str(left_out.pieces), left_out.detail)
        for file in files
        for source_uri, left_out in file.contents.left_out
    ]
    return Batch(
        _script_columns(files, scripts),
        {
            "script_id": [script.script_id for script in reported],
            "revision_hash": [script.revision_hash for script in reported],
            **reading_columns([script.performance for script in reported]),
        },
        {
            name: [row[place] for row in left_out]
            for place, name in enumerate(LEFT_OUT_COLUMNS)
        },
    )


def _script_columns(
    files: Sequence[ParsedFile], scripts: Sequence[ParsedScript]
) -> Columns:
    columns = {
        name: [getattr(script, name) or "" for script in scripts]
        for name in SCRIPT_COLUMNS
    }
    columns["language"] = [
        NO_LANGUAGE if script.language is None else script.language
        for script in scripts
    ]
    of_scripts = [file for file in files for _ in file.contents.scripts]
    return columns | {
        "file_uri": [file.path for file in of_scripts],
        "content_hash": [file.content_hash for file in of_scripts],
        "stamp": [file.version or "" for file in of_scripts],
        "rest_hash": [file.rest_hash or "" for file in of_scripts],
    }
