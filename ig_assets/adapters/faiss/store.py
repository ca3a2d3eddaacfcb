"""One FAISS namespace in memory: replayed from its journal, searched exactly.

Rows are numbered as they came and never reused: an upsert appends a row and leaves
the old one dead, which a selector keeps out of every answer until a rewrite drops it.
Ids and metadata are replayed first; vectors are read when somebody searches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ig_assets.adapters.faiss.journal import RECORDS_START, Change, Journal, Record
from ig_assets.core.ports import EVERYTHING, Filters

REWRITE_ROWS = 4096
LEAST_WASTE_BYTES = 1 << 20
MOST_SELECTIONS = 64

Metadata = dict[str, str | float | bool]
Rows = npt.NDArray[np.float32]


class Store:
    """What a journal says; the caller holds the index's lock throughout."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._forget()

    def _forget(self) -> None:
        self._generation: bytes | None = None
        self._end = 0
        self._wasted_bytes = 0  # of the file, by what no longer counts
        self.rows: dict[str, int] = {}  # of the live entries
        self._names: list[str] = []  # by row, the dead ones too
        self._metadata: list[Metadata] = []
        self._unread: list[Record] = []  # records whose vectors nobody needed yet
        self._vectors: Any = None
        self.dimensions: int | None = None
        self._selections: dict[Filters, npt.NDArray[np.bool_]] = {}

    def refresh(self) -> None:
        """Replay what this and other processes wrote since the last look."""
        generation = self._journal.generation()
        size = self._journal.size()
        if generation is None or generation != self._generation or size < self._end:
            self._forget()
            self._generation = generation
            self._end = RECORDS_START
        if generation is None or size == self._end:
            return
        for record in self._journal.records(self._end):
            self._apply(record)

    def metadata(self, entry_id: str) -> Metadata | None:
        """What is known about an entry besides its vector."""
        row = self.rows.get(entry_id)
        return None if row is None else self._metadata[row]

    def put(self, entries: Mapping[str, tuple[Rows, Metadata]]) -> None:
        """Insert or replace; every vector has the store's dimensions and length 1."""
        vectors = np.stack([vector for vector, _ in entries.values()])
        pairs = [[entry_id, metadata] for entry_id, (_, metadata) in entries.items()]
        change = {"put": pairs, "dimensions": int(vectors.shape[1])}
        self._append(change, vectors.tobytes())

    def set_metadata(self, metadata: Mapping[str, Metadata]) -> None:
        """Replace the metadata of entries that are there."""
        self._append({"set": dict(metadata)})

    def delete(self, entry_ids: Sequence[str]) -> None:
        """Delete entries that are there."""
        self._append({"delete": list(entry_ids)})

    def search(
        self, vector: Rows, k: int, filters: Filters
    ) -> Iterator[tuple[str, float]]:
        """(entry id, cosine) of the k nearest that pass, best first."""
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
        similarities, numbers = index.search(vector[None, :], found, **options)
        for row, similarity in zip(numbers[0], similarities[0], strict=True):
            yield self._names[int(row)], float(similarity)

    def _admitted(self, filters: Filters) -> npt.NDArray[np.bool_]:
        """By row: whether it is live and passes; kept until something changes."""
        known = self._selections.get(filters)
        if known is None:
            rows = list(self.rows.values())
            if filters != EVERYTHING:
                rows = [row for row in rows if filters.admit(self._metadata[row])]
            known = np.zeros(len(self._names), dtype=bool)
            known[rows] = True
            if len(self._selections) == MOST_SELECTIONS:
                self._selections.clear()
            self._selections[filters] = known
        return known

    def _append(self, change: Change, vectors: bytes = b"") -> None:
        if self._generation is None or not self.rows:  # also drops other dimensions
            self._rewrite([])
        self._apply(self._journal.append(self._end, change, vectors))
        if self._outgrown():
            self._rewrite(self._live())

    def _outgrown(self) -> bool:
        """Whether what no longer counts takes more of the file than what does."""
        live_bytes = len(self.rows) * self._row_bytes
        return self._wasted_bytes > max(live_bytes, LEAST_WASTE_BYTES)

    @property
    def _row_bytes(self) -> int:
        return 4 * (self.dimensions or 0)

    def _rewrite(self, parts: Sequence[tuple[Change, bytes]]) -> None:
        self._journal.rewrite(parts)
        self._forget()
        self.refresh()

    def _live(self) -> list[tuple[Change, bytes]]:
        if not self.rows:
            return []
        index = self._searchable()
        items = list(self.rows.items())
        parts: list[tuple[Change, bytes]] = []
        for start in range(0, len(items), REWRITE_ROWS):
            chosen = items[start : start + REWRITE_ROWS]
            pairs = [[entry_id, self._metadata[row]] for entry_id, row in chosen]
            rows = np.array([row for _, row in chosen], dtype=np.int64)
            vectors = index.reconstruct_batch(rows)
            change = {"put": pairs, "dimensions": self.dimensions}
            parts.append((change, vectors.tobytes()))
        return parts

    def _apply(self, record: Record) -> None:
        self._selections.clear()
        for entry_id, metadata in record.change.get("put", ()):
            if entry_id in self.rows:
                self._wasted_bytes += self._row_bytes
            self.rows[entry_id] = len(self._names)
            self._names.append(entry_id)
            self._metadata.append(metadata)
        if record.vectors_length:
            self.dimensions = record.change["dimensions"]
            self._unread.append(record)
        else:
            self._wasted_bytes += record.end - record.start
        for entry_id, metadata in record.change.get("set", {}).items():
            self._metadata[self.rows[entry_id]] = metadata
        for entry_id in record.change.get("delete", ()):
            del self.rows[entry_id]
            self._wasted_bytes += self._row_bytes
        self._end = record.end

    def _searchable(self) -> Any:
        """FAISS's index with every row, the dead ones too.

        Where vectors turn out broken, the journal ends before them: what they were
        is missing from then on, and the next reconcile brings it back.
        """
        while self._unread:
            record = self._unread[0]
            content = self._journal.vectors(record)
            if content is None:
                self._journal.cut(record.start)
                self._forget()
                self.refresh()
                continue
            if self._vectors is None:
                self._vectors = _faiss().IndexFlatIP(self.dimensions)
            rows = np.frombuffer(content, dtype=np.float32)
            self._vectors.add(rows.reshape(-1, self._vectors.d))
            del self._unread[0]
        return self._vectors


def _faiss() -> Any:
    """Loaded at the first search; its stubs do not know its Python face."""
    import faiss

    return faiss
