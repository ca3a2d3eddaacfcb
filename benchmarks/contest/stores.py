"""Reads, and robs, the contestants' vector stores behind their backs.

Only the store's own package is imported, so that judging a phase is quick.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from contest.entrant import COLLECTION, MODEL, Place


@dataclass(frozen=True)
class Row:
    """One row of a vector store; `name` is the script's file."""

    name: str
    vector: Any
    rate: float | None


class Store(Protocol):
    """What the judge needs of a vector store."""

    def rows(self) -> list[Row]:
        """Everything that it holds."""
        ...

    def lose(self, names: Sequence[str]) -> None:
        """Delete those scripts, and tell nobody."""
        ...


class FaissStore:
    """Ours."""

    def __init__(self, place: Place) -> None:
        from ig_assets.adapters.faiss.index import FaissIndex
        from ig_assets.core.corpus.embedding.spaces import Space

        self._index = FaissIndex(place.state / "faiss", COLLECTION)
        self._namespace = Space(MODEL, place.dimensions).namespace

    def rows(self) -> list[Row]:
        """Every entry of the namespace."""
        rows = []
        for entry_id, vector in self._vectors().items():
            metadata = self._index.metadata(self._namespace, entry_id) or {}
            rate = metadata.get("rate")
            name = entry_id.removeprefix("library/") + ".md"
            rows.append(Row(name, vector, None if rate is None else float(rate)))
        return rows

    def lose(self, names: Sequence[str]) -> None:
        """Delete from FAISS, not from `index_entries`."""
        ids = [f"library/{name.removesuffix('.md')}" for name in names]
        self._index.delete(self._namespace, ids)

    def _vectors(self) -> dict[str, Any]:
        """The port lists ids and answers queries; vectors are read where they lie."""
        with self._index._held(self._namespace) as store:
            searchable = store._searchable()
            return {
                entry_id: searchable.reconstruct(row)
                for entry_id, row in store.rows.items()
            }


_PAGE = 5_000


class ChromaStore:
    """LangChain's and LlamaIndex's; `name_field` is where a row says its file."""

    def __init__(self, place: Place, name_field: str) -> None:
        import chromadb
        from chromadb.config import Settings

        client = chromadb.PersistentClient(
            str(place.state / "chroma"), settings=Settings(anonymized_telemetry=False)
        )
        self._collection = client.get_or_create_collection(COLLECTION)
        self._name_field = name_field

    def rows(self) -> list[Row]:
        """Every row of the collection, page by page: it answers only so many."""
        rows: list[Row] = []
        while len(rows) < self._collection.count():
            found = self._collection.get(
                include=["embeddings", "metadatas"], limit=_PAGE, offset=len(rows)
            )
            pairs = zip(found["metadatas"], found["embeddings"], strict=True)
            rows += [Row(m[self._name_field], vector, m["rate"]) for m, vector in pairs]
        return rows

    def lose(self, names: Sequence[str]) -> None:
        """Delete from Chroma, not from record manager or document store."""
        self._collection.delete(where={self._name_field: {"$in": list(names)}})


class SqliteStore:
    """CocoIndex's table."""

    def __init__(self, place: Place) -> None:
        self._path = place.state / "scripts.sqlite"

    def rows(self) -> list[Row]:
        """Every row of the table."""
        import numpy as np

        with sqlite3.connect(self._path) as connection:
            found = connection.execute(
                f"SELECT name, embedding, rate FROM {COLLECTION}"
            ).fetchall()
        return [
            Row(n, np.frombuffer(v, dtype=np.float32), rate) for n, v, rate in found
        ]

    def lose(self, names: Sequence[str]) -> None:
        """Delete from the table, not from the engine's state."""
        with sqlite3.connect(self._path) as connection:
            connection.executemany(
                f"DELETE FROM {COLLECTION} WHERE name = ?", [(name,) for name in names]
            )
