"""Stores one FAISS namespace in a folder: blocks of vectors, and a manifest.

The files are derived data, which the next sync can write again from the warehouse. Each
is written completely and replaced atomically, so that a process may be killed at any
moment. A block holds the vectors of one write and never changes. The manifest lists the
blocks, and for each entry its row in them and its metadata. Files that it does not list
are ignored and deleted; so is the file `generation` of an earlier state. A missing or
damaged manifest means an empty namespace; entries of a missing or damaged block are
dropped. Callers must hold the lock of the index.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ig_assets.adapters.faiss import generation
from ig_assets.core.ports import EVERYTHING, Filters
from ig_assets.files import write_atomic

MANIFEST = "manifest"
LEAST_WASTE_BYTES = 1 << 20
MOST_BLOCKS = 64
MOST_SELECTIONS = 64

Metadata = dict[str, str | float | bool]
Rows = npt.NDArray[np.float32]

_log = logging.getLogger("ig_script_writer.faiss")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Block(NamedTuple):
    """A file of vectors: little-endian float32, shape (rows, dimensions)."""

    file: str
    rows: int
    checksum: int


class _Manifest(NamedTuple):
    """The content of a manifest: the blocks, and the entries as undecoded lines.

    `entries` are JSON lines: the list of all ids, the list of their rows, then one
    object of metadata per entry. They are decoded only when an entry is read.
    """

    blocks: list[Block]
    dimensions: int | None
    entries: bytes = b"[]\n[]"


class _Entries(NamedTuple):
    """Two maps by entry id: the row of the entry's vector, and its metadata.

    Rows are counted over all blocks of the namespace. The metadata are JSON texts,
    which are decoded only when they are needed, so that opening is fast.
    """

    rows: dict[str, int]
    metadata: dict[str, str]


class Store:
    """Reads and writes the files of a namespace.

    `refresh` reads them again if another process has written them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._manifest = folder / MANIFEST
        self._version: object = None
        self._hold(_Manifest([], None))

    def _hold(self, manifest: _Manifest, entries: _Entries | None = None) -> None:
        self._blocks, self.dimensions, self._unread = manifest
        self._entries = entries
        self._loaded: list[Block] = []  # the blocks that `_vectors` holds
        self._vectors: Any = None
        self._forget_selections()

    def _forget_selections(self) -> None:
        self._selections: dict[Filters, npt.NDArray[np.bool_]] = {}
        self._ids: dict[int, str] = {}  # by row
        self._decoded: list[tuple[int, Metadata]] = []

    @property
    def rows(self) -> dict[str, int]:
        """Return {entry id: row of its vector}, counted over all blocks."""
        return self._read_entries().rows

    @property
    def _metadata(self) -> dict[str, str]:
        return self._read_entries().metadata

    def _read_entries(self) -> _Entries:
        if self._entries is None:
            ids, rows, *metadata = self._unread.decode("utf-8").split("\n")
            entry_ids = json.loads(ids)
            self._entries = _Entries(
                dict(zip(entry_ids, json.loads(rows), strict=True)),
                dict(zip(entry_ids, metadata, strict=True)),
            )
            self._unread = b""
        return self._entries

    def count(self) -> int:
        """Return the number of entries without decoding them."""
        if self._entries is None:
            return self._unread.count(b"\n") - 1
        return len(self._entries.rows)

    def refresh(self) -> None:
        """Read the manifest again if it was replaced, and drop truncated blocks."""
        version = _version(self._manifest)
        if version != self._version:
            loaded, vectors = self._loaded, self._vectors
            self._hold(self._read_manifest())
            self._version = version
            if self._blocks[: len(loaded)] == loaded:
                self._loaded, self._vectors = loaded, vectors
        for block in list(self._blocks):
            expected = 4 * block.rows * (self.dimensions or 0)
            if _size(self._folder / block.file) != expected:
                self._drop(block)

    def put(
        self,
        entry_ids: Sequence[str],
        vectors: Rows,
        metadata: Sequence[Mapping[str, str | float | bool]],
    ) -> None:
        """Insert or replace entries.

        `vectors` has shape (entries, dimensions) with rows of length 1; `metadata` has
        one mapping per entry. An empty namespace accepts any number of dimensions.
        """
        if not self.rows:
            self._hold(_Manifest([], int(vectors.shape[1])))
        first = self._row_count()
        self._blocks.append(self._write_block(vectors))
        self.rows.update(zip(entry_ids, count(first)))
        self._metadata.update(zip(entry_ids, map(_encode, metadata), strict=True))
        self._commit()

    def metadata(self, entry_id: str) -> Metadata | None:
        """Return the metadata of an entry; None if it is unknown."""
        text = self._metadata.get(entry_id)
        return None if text is None else json.loads(text)

    def versions(self) -> dict[str, str | None]:
        """Return {entry id: `version` in its metadata, or None}."""
        texts = ",".join(self._metadata[i] for i in self.rows)
        return {
            entry_id: metadata.get("version")
            for entry_id, metadata in zip(self.rows, json.loads(f"[{texts}]"))
        }

    def mark(self, value: str) -> None:
        """Name the state of the present manifest; see `generation.py`."""
        generation.write(self._folder, self._manifest, value)
        _sync_folder(self._folder)

    def generation(self) -> str | None:
        """Return the name that `mark` gave to the present manifest, or None."""
        return generation.read(self._folder, self._manifest)

    def set_metadata(self, metadata: Mapping[str, Metadata]) -> None:
        """Replace the metadata of known entries."""
        self._metadata.update((i, _encode(values)) for i, values in metadata.items())
        self._commit()

    def delete(self, entry_ids: Sequence[str]) -> None:
        """Delete known entries."""
        for entry_id in entry_ids:
            del self.rows[entry_id], self._metadata[entry_id]
        self._commit()

    def purge(self, entry_ids: Sequence[str]) -> None:
        """Delete known entries, and all vectors without an entry."""
        for entry_id in entry_ids:
            del self.rows[entry_id], self._metadata[entry_id]
        if self._row_count() > len(self.rows):
            self._merge()
        if self._folder.is_dir():
            self._commit()

    def search(
        self, vector: Rows, k: int, filters: Filters
    ) -> Iterator[tuple[str, float]]:
        """Yield (entry id, cosine) of the nearest entries, best first.

        At most `k` entries are given, of those whose metadata pass `filters`. `vector`
        has shape (dimensions,) and length 1.
        """
        index = self._searchable()
        admitted = self._admitted(filters)
        found = min(k, int(admitted.sum()))
        if not found:
            return
        options = {}
        if not admitted.all():
            bits = np.packbits(admitted, bitorder="little")
            selector = _faiss().IDSelectorBitmap(bits)
            options["params"] = _faiss().SearchParameters(sel=selector)
        similarities, rows = index.search(vector[None, :], found, **options)
        if not self._ids:
            self._ids = {row: entry_id for entry_id, row in self.rows.items()}
        for row, similarity in zip(rows[0], similarities[0], strict=True):
            yield self._ids[int(row)], float(similarity)

    def _admitted(self, filters: Filters) -> npt.NDArray[np.bool_]:
        """Return a mask of the rows whose entries pass `filters`.

        The mask is cached until an entry changes.
        """
        known = self._selections.get(filters)
        if known is None:
            rows = list(self.rows.values())
            if filters != EVERYTHING:
                rows = [row for row, metadata in self._all() if filters.admit(metadata)]
            known = np.zeros(self._row_count(), dtype=bool)
            known[rows] = True
            if len(self._selections) == MOST_SELECTIONS:
                self._selections.clear()
            self._selections[filters] = known
        return known

    def _all(self) -> list[tuple[int, Metadata]]:
        """Return (row, metadata) of every entry."""
        if not self._decoded:
            texts = ",".join(self._metadata[i] for i in self.rows)
            decoded = json.loads(f"[{texts}]")
            self._decoded = list(zip(self.rows.values(), decoded, strict=True))
        return self._decoded

    def _row_count(self) -> int:
        return sum(block.rows for block in self._blocks)

    def _searchable(self) -> Any:
        """Return a FAISS index of all rows of all blocks, deleted rows included."""
        while len(self._loaded) < len(self._blocks):
            block = self._blocks[len(self._loaded)]
            rows = self._read_block(block)
            if rows is None:
                self._drop(block)
                continue
            if self._vectors is None:
                self._vectors = _faiss().IndexFlatIP(self.dimensions)
            self._vectors.add(rows)
            self._loaded.append(block)
        return self._vectors or _faiss().IndexFlatIP(self.dimensions)

    def _drop(self, block: Block) -> None:
        """Remove a damaged block and its entries."""
        _log.warning(
            "The vector index file %s is missing or damaged; its entries are gone "
            "until the next sync writes them again.",
            self._folder / block.file,
        )
        place = self._blocks.index(block)
        start = sum(before.rows for before in self._blocks[:place])
        end = start + block.rows
        rows = {
            entry_id: row if row < start else row - block.rows
            for entry_id, row in self.rows.items()
            if not start <= row < end
        }
        self._entries = _Entries(rows, self._metadata)
        del self._blocks[place]
        self._loaded, self._vectors = [], None
        self._commit()

    def _merge_if_wasteful(self) -> None:
        """Merge the blocks if unused rows outweigh the entries, or blocks are many."""
        row_bytes = 4 * (self.dimensions or 0)
        live_bytes = row_bytes * len(self.rows)
        waste_bytes = row_bytes * self._row_count() - live_bytes
        most = max(live_bytes, LEAST_WASTE_BYTES)
        if waste_bytes <= most and len(self._blocks) <= MOST_BLOCKS:
            return
        self._merge()

    def _merge(self) -> None:
        """Write all entries into one block; without entries, keep no block."""
        index = self._searchable()
        rows = np.array(list(self.rows.values()), dtype=np.int64)
        blocks = []
        if len(rows):
            blocks.append(self._write_block(index.reconstruct_batch(rows)))
        numbered = dict(zip(self.rows, count()))
        entries = _Entries(numbered, self._metadata)
        self._hold(_Manifest(blocks, self.dimensions), entries)

    def _commit(self) -> None:
        """Write the manifest, and delete the files that it does not list."""
        self._merge_if_wasteful()
        self._forget_selections()
        lines = [
            json.dumps([self.dimensions, self._blocks]),
            json.dumps(list(self.rows), ensure_ascii=False),
            json.dumps(list(self.rows.values())),
            *map(self._metadata.__getitem__, self.rows),
        ]
        content = "\n".join(lines).encode("utf-8")
        write_atomic(self._manifest, b"%08x\n" % zlib.crc32(content) + content)
        _sync_folder(self._folder)
        self._version = _version(self._manifest)
        named = {MANIFEST, *(block.file for block in self._blocks)}
        for path in self._folder.iterdir():
            if path.name not in named:
                path.unlink(missing_ok=True)

    def _read_manifest(self) -> _Manifest:
        try:
            with self._manifest.open("rb") as file:  # by parts, so that none is copied
                checksum, head, entries = file.readline(), file.readline(), file.read()
            if checksum != b"%08x\n" % zlib.crc32(entries, zlib.crc32(head)):
                raise ValueError("its checksum is another")
        except FileNotFoundError:
            return _Manifest([], None)
        except ValueError as error:
            _log.warning(
                "The vector index file %s is damaged (%s); the index is empty until "
                "the next sync writes it again.",
                self._manifest,
                error,
            )
            return _Manifest([], None)
        dimensions, blocks = json.loads(head)
        return _Manifest([Block(*block) for block in blocks], dimensions, entries)

    def _write_block(self, vectors: Rows) -> Block:
        content = np.ascontiguousarray(vectors, "<f4").tobytes()
        block = Block(f"{secrets.token_hex(8)}.f32", len(vectors), zlib.crc32(content))
        write_atomic(self._folder / block.file, content)
        return block

    def _read_block(self, block: Block) -> Rows | None:
        """Return the vectors of a block; None if its file is missing or damaged."""
        try:
            content = (self._folder / block.file).read_bytes()
        except FileNotFoundError:
            return None
        if zlib.crc32(content) != block.checksum:
            return None
        return np.frombuffer(content, "<f4").reshape(block.rows, -1)


def _version(path: Path) -> tuple[int, int, int] | None:
    """Return a value that changes when the file is replaced; None without a file."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _size(path: Path) -> int | None:
    version = _version(path)
    return None if version is None else version[2]


def _sync_folder(folder: Path) -> None:
    """Flush the folder to disk, so that replaced names are durable (POSIX only)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _faiss() -> Any:
    """Import FAISS at the first search; untyped, as its stubs lack the Python API."""
    import faiss

    return faiss
