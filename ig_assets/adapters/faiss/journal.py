"""The file of one FAISS namespace: a journal of checksummed records, append-only.

After a header come records: what changed as JSON, then the vectors it brought. One
counts once it is whole on the disk (length, checksum, fsync), so that a process may
be killed at any moment: replay stops at the first broken record, and the next append
cuts it off. A rewrite, which makes one base of what still counts, replaces the file
as a whole under a new generation. Callers hold the index's lock.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MAGIC = b"igfaiss2"
_HEADER = struct.Struct("<8s16s")  # magic, generation
# Magic, bytes and checksum of the JSON, bytes and checksum of the vectors; then the
# checksum of all that.
_LENGTHS = struct.Struct("<4sQIQI")
_RECORD = struct.Struct("<4sQIQII")
_RECORD_MAGIC = b"igrc"
RECORDS_START = _HEADER.size

Change = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """One record of the file; its vectors are read when they are needed."""

    change: Change
    start: int
    end: int
    vectors_at: int
    vectors_length: int
    vectors_checksum: int


class Journal:
    """One file; knows nothing of what its records mean."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def generation(self) -> bytes | None:
        """What names this base of the file; None where there is no usable file."""
        try:
            with self.path.open("rb") as file:
                header = file.read(_HEADER.size)
        except FileNotFoundError:
            return None
        if len(header) < _HEADER.size:
            return None
        magic, generation = _HEADER.unpack(header)
        return bytes(generation) if magic == _MAGIC else None

    def size(self) -> int:
        """Bytes of the file, 0 without one."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def records(self, start: int) -> Iterator[Record]:
        """The whole records from an offset on; their vectors are skipped unread."""
        size = self.size()
        with self.path.open("rb") as file:
            while (record := _read(file, start, size)) is not None:
                yield record
                start = record.end

    def vectors(self, record: Record) -> bytes | None:
        """The bytes of a record's vectors; None where they are broken."""
        with self.path.open("rb") as file:
            file.seek(record.vectors_at)
            content = file.read(record.vectors_length)
        whole = len(content) == record.vectors_length
        return (
            content
            if whole and zlib.crc32(content) == record.vectors_checksum
            else None
        )

    def append(self, end: int, change: Change, vectors: bytes = b"") -> Record:
        """Write one record at `end`, where the last whole one ends, and sync it."""
        with self.path.open("r+b") as file:
            file.truncate(end)
            file.seek(end)
            record = _write(file, end, change, vectors)
            file.flush()
            os.fsync(file.fileno())
        return record

    def cut(self, end: int) -> None:
        """Forget every record from an offset on."""
        with self.path.open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())

    def rewrite(self, parts: Iterable[tuple[Change, bytes]]) -> None:
        """Replace the file by these records; a crash leaves the old one whole."""
        partial = self.path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(_HEADER.pack(_MAGIC, os.urandom(16)))
            end = RECORDS_START
            for change, vectors in parts:
                end = _write(file, end, change, vectors).end
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self.path)
        _sync_folder(self.path.parent)


def _read(file: Any, start: int, size: int) -> Record | None:
    file.seek(start)
    header = file.read(_RECORD.size)
    if len(header) < _RECORD.size:
        return None
    magic, length, checksum, vectors, vectors_checksum, own = _RECORD.unpack(header)
    if magic != _RECORD_MAGIC or zlib.crc32(header[: _LENGTHS.size]) != own:
        return None
    vectors_at = start + _RECORD.size + length
    if vectors_at + vectors > size:
        return None
    content = file.read(length)
    if zlib.crc32(content) != checksum:
        return None
    return Record(
        change=json.loads(content),
        start=start,
        end=vectors_at + vectors,
        vectors_at=vectors_at,
        vectors_length=vectors,
        vectors_checksum=vectors_checksum,
    )


def _write(file: Any, start: int, change: Change, vectors: bytes) -> Record:
    content = json.dumps(change, ensure_ascii=False).encode("utf-8")
    checksum = zlib.crc32(vectors)
    lengths = _LENGTHS.pack(
        _RECORD_MAGIC, len(content), zlib.crc32(content), len(vectors), checksum
    )
    file.write(lengths + struct.pack("<I", zlib.crc32(lengths)))
    file.write(content)
    file.write(vectors)
    vectors_at = start + _RECORD.size + len(content)
    return Record(
        change=change,
        start=start,
        end=vectors_at + len(vectors),
        vectors_at=vectors_at,
        vectors_length=len(vectors),
        vectors_checksum=checksum,
    )


def _sync_folder(folder: Path) -> None:
    """Make the replaced name itself durable, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
