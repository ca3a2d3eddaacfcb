"""The embedded vector index: FAISS, exact cosine, one file a namespace.

The file is derived data: a header with a checksum, then entry ids and metadata as
JSON, then the vectors as FAISS writes them. It is replaced as a whole, so that ids
and vectors cannot disagree, and a broken file counts as an empty store, which the
next reconcile fills again from the embedding cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from ig_assets.core.ports import IndexEntry, Match
from ig_assets.errors import InputError, TransientVendorError

_MAGIC = b"igfaiss1"
_HEADER = struct.Struct("<8s32sQ")  # magic, SHA-256 of the rest, bytes of JSON

Metadata = Mapping[str, str | float | bool]
Rows = npt.NDArray[np.float32]


@dataclass
class _Store:
    """One namespace in memory; `numbers` are FAISS's ids of our entry ids."""

    vectors: Any = None
    numbers: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, Metadata] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)


class FaissIndex:
    """Fulfils VectorIndex in a folder; safe between threads and processes."""

    def __init__(self, folder: Path, name: str, lock_timeout_s: float = 60.0) -> None:
        self.name = name
        self._folder = Path(folder) / quote(name, safe="")
        self._timeout_s = lock_timeout_s
        self._mutex = threading.Lock()
        self._loaded: dict[str, tuple[tuple[int, int, int], _Store]] = {}

    def upsert(self, namespace: str, entries: Sequence[IndexEntry]) -> list[str]:
        """Insert or replace; return the ids that did NOT make it.

        An entry does not make it when its vector is not finite, is zero, or has
        other dimensions than the namespace.
        """
        latest = {entry.entry_id: entry for entry in entries}
        if not latest:
            return []
        with self._held():
            store = self._load(namespace)
            dimensions = store.vectors.d if store.numbers else None
            good: dict[str, Rows] = {}
            for entry_id, entry in latest.items():
                vector = _unit(entry.vector)
                if vector is None or dimensions not in (None, len(vector)):
                    continue
                dimensions = len(vector)
                good[entry_id] = vector
            if good and dimensions is not None:
                _remove(store, good)
                _add(store, good, dimensions)
                store.metadata.update({i: dict(latest[i].metadata) for i in good})
                self._save(namespace, store)
        return [entry_id for entry_id in latest if entry_id not in good]

    def delete(self, namespace: str, entry_ids: Sequence[str]) -> None:
        """Delete; unknown ids are no error."""
        with self._held():
            store = self._load(namespace)
            known = [i for i in dict.fromkeys(entry_ids) if i in store.numbers]
            if known:
                _remove(store, known)
                self._save(namespace, store)

    def list_ids(self, namespace: str) -> Iterator[str]:
        """Every id the store holds, in the order of their names."""
        with self._held():
            ids = sorted(self._load(namespace).numbers)
        return iter(ids)

    def query(self, namespace: str, vector: Sequence[float], k: int) -> list[Match]:
        """The k nearest by cosine, best first; equal ones by id.

        Raises InputError when the vector has other dimensions than the namespace.
        """
        sought = _unit(vector)
        with self._held():
            store = self._load(namespace)
            if k < 1 or sought is None or not store.numbers:
                return []
            if len(sought) != store.vectors.d:
                raise InputError(
                    f"The query has {len(sought)} dimensions and the index "
                    f"{store.vectors.d}; use the model that made the index."
                )
            found = min(k, len(store.numbers))
            similarities, numbers = store.vectors.search(sought[None, :], found)
        matches = [
            Match(store.names[int(number)], float(np.clip(similarity, -1.0, 1.0)))
            for similarity, number in zip(similarities[0], numbers[0], strict=True)
        ]
        return sorted(matches, key=lambda match: (-match.similarity, match.entry_id))

    def metadata(self, namespace: str, entry_id: str) -> Metadata | None:
        """What the store knows about an entry besides its vector."""
        with self._held():
            return self._load(namespace).metadata.get(entry_id)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """One thread of one process at a time; both waits are bounded."""
        self._folder.mkdir(parents=True, exist_ok=True)
        busy = TransientVendorError(
            f"The vector index {self.name} is held by another process for more than "
            f"{self._timeout_s:.0f} s; try again.",
            outcome_unknown=False,
        )
        if not self._mutex.acquire(timeout=self._timeout_s):
            raise busy
        try:
            with FileLock(self._folder / ".lock", timeout=self._timeout_s):
                yield
        except Timeout:
            raise busy from None
        finally:
            self._mutex.release()

    def _path(self, namespace: str) -> Path:
        return self._folder / f"{quote(namespace, safe='')}.faiss"

    def _load(self, namespace: str) -> _Store:
        path = self._path(namespace)
        try:
            stamp = _stamp(path)
        except FileNotFoundError:
            self._loaded.pop(namespace, None)
            return _Store()
        loaded = self._loaded.get(namespace)
        if loaded is None or loaded[0] != stamp:
            loaded = (stamp, _unpacked(path.read_bytes()))
            self._loaded[namespace] = loaded
        return loaded[1]

    def _save(self, namespace: str, store: _Store) -> None:
        """Replace the file as a whole; on failure what is on disk counts."""
        self._loaded.pop(namespace, None)
        path = self._path(namespace)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            for part in _packed(store):
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        _sync_folder(self._folder)
        self._loaded[namespace] = (_stamp(path), store)


def _unit(vector: Sequence[float]) -> Rows | None:
    row = np.asarray(vector, dtype=np.float32).reshape(-1)
    length = float(np.linalg.norm(row.astype(np.float64)))
    if not np.isfinite(length) or length == 0.0:
        return None
    return (row / np.float32(length)).astype(np.float32)


def _add(store: _Store, rows: Mapping[str, Rows], dimensions: int) -> None:
    import faiss

    if not store.numbers:
        store.vectors = faiss.IndexIDMap2(faiss.IndexFlatIP(dimensions))
    first = max(store.names, default=-1) + 1
    numbers = np.arange(first, first + len(rows), dtype=np.int64)
    store.vectors.add_with_ids(np.stack(list(rows.values())), numbers)
    for entry_id, number in zip(rows, numbers.tolist(), strict=True):
        store.numbers[entry_id] = number
        store.names[number] = entry_id


def _remove(store: _Store, entry_ids: Sequence[str] | Mapping[str, Rows]) -> None:
    known = [entry_id for entry_id in entry_ids if entry_id in store.numbers]
    if not known:
        return
    numbers = [store.numbers.pop(entry_id) for entry_id in known]
    store.vectors.remove_ids(np.array(numbers, dtype=np.int64))
    for entry_id, number in zip(known, numbers, strict=True):
        del store.names[number]
        store.metadata.pop(entry_id, None)


def _packed(store: _Store) -> tuple[bytes, bytes, bytes]:
    import faiss

    entries = [
        [number, entry_id, store.metadata.get(entry_id, {})]
        for entry_id, number in store.numbers.items()
    ]
    names = json.dumps(entries, ensure_ascii=False).encode("utf-8")
    vectors = faiss.serialize_index(store.vectors).tobytes()
    digest = hashlib.sha256(names)
    digest.update(vectors)
    return _HEADER.pack(_MAGIC, digest.digest(), len(names)), names, vectors


def _unpacked(content: bytes) -> _Store:
    """The store in a file's bytes; an empty one when the file is broken."""
    import faiss

    if len(content) < _HEADER.size:
        return _Store()
    magic, checksum, length = _HEADER.unpack_from(content)
    rest = content[_HEADER.size :]
    if magic != _MAGIC or hashlib.sha256(rest).digest() != checksum:
        return _Store()
    entries = json.loads(rest[:length])
    vectors = faiss.deserialize_index(np.frombuffer(rest[length:], dtype=np.uint8))
    return _Store(
        vectors=vectors,
        numbers={entry_id: number for number, entry_id, _ in entries},
        metadata={entry_id: metadata for _, entry_id, metadata in entries},
        names={number: entry_id for number, entry_id, _ in entries},
    )


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _sync_folder(folder: Path) -> None:
    """Make the replaced name itself durable, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
