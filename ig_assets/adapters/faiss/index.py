"""The embedded vector index: FAISS, exact cosine, one folder per namespace.

The files are derived data (`store.py`): missing or damaged entries are dropped from the
index, and the next sync writes them again from the vectors in the warehouse.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from ig_assets.adapters.faiss.store import Metadata, Rows, Store
from ig_assets.core.ports import EVERYTHING, Filters, IndexEntry, Match
from ig_assets.errors import InputError, TransientVendorError

# FAISS 1.15.1 returns equally near entries in the order in which they were added, also
# where they straddle the k-th place; so many more are asked for and ordered by id.
MOST_TIES = 32


class FaissIndex:
    """A `VectorIndex` in a folder; safe between threads and processes."""

    max_batch = 25_000  # each write replaces the list of all entries

    def __init__(self, folder: Path, name: str, lock_timeout_s: float = 60.0) -> None:
        self.name = name
        self._folder = Path(folder) / quote(name, safe="")
        self._timeout_s = lock_timeout_s
        self._mutex = threading.Lock()
        self._stores: dict[str, Store] = {}

    def upsert(self, namespace: str, entries: Sequence[IndexEntry]) -> list[str]:
        """Insert or replace entries; return the ids that were not accepted.

        An entry is not accepted if its vector is not finite, is zero, or has other
        dimensions than the namespace.
        """
        latest = {entry.entry_id: entry for entry in entries}
        if not latest:
            return []
        rows = {i: np.asarray(e.vector, np.float32).ravel() for i, e in latest.items()}
        with self._held(namespace) as store:
            dimensions = store.dimensions if store.rows else _dimensions(rows)
            fitting = [i for i, row in rows.items() if len(row) == dimensions]
            if not fitting:
                return list(latest)
            vectors, usable = _units(np.stack([rows[i] for i in fitting]))
            taken = [
                i for i, is_usable in zip(fitting, usable, strict=True) if is_usable
            ]
            if taken:
                store.put(taken, vectors, [latest[i].metadata for i in taken])
        lost = latest.keys() - set(taken)
        return [entry_id for entry_id in latest if entry_id in lost]

    def update_metadata(
        self,
        namespace: str,
        metadata: Mapping[str, Mapping[str, str | float | bool]],
    ) -> list[str]:
        """Set these metadata keys of entries, keeping the others.

        Return unknown ids.
        """
        with self._held(namespace) as store:
            known = {
                entry_id: {**present, **values}
                for entry_id, values in metadata.items()
                if (present := store.metadata(entry_id)) is not None
            }
            if known:
                store.set_metadata(known)
        return [entry_id for entry_id in metadata if entry_id not in known]

    def delete(self, namespace: str, entry_ids: Sequence[str]) -> None:
        """Delete entries; unknown ids are ignored."""
        with self._held(namespace) as store:
            known = [i for i in dict.fromkeys(entry_ids) if i in store.rows]
            if known:
                store.delete(known)

    def purge(self, namespace: str, entry_ids: Sequence[str]) -> None:
        """Delete entries, and rewrite the files so that they hold no deleted vector."""
        with self._held(namespace) as store:
            store.purge([i for i in dict.fromkeys(entry_ids) if i in store.rows])

    def list_ids(self, namespace: str) -> Iterator[str]:
        """Yield every id in the store, sorted."""
        with self._held(namespace) as store:
            ids = sorted(store.rows)
        return iter(ids)

    def count(self, namespace: str) -> int:
        """Return the number of entries whose files are intact."""
        with self._held(namespace) as store:
            return store.count()

    def versions(self, namespace: str) -> dict[str, str | None]:
        """Return {id: `version` in its metadata, or None} of all entries."""
        with self._held(namespace) as store:
            return store.versions()

    def generation(self, namespace: str) -> str | None:
        """Return the value last given to `mark`; None if anything was written since."""
        with self._held(namespace) as store:
            return store.generation()

    def mark(self, namespace: str, generation: str) -> None:
        """Store a name for the present state of a namespace."""
        with self._held(namespace) as store:
            store.mark(generation)

    def query(
        self,
        namespace: str,
        vector: Sequence[float],
        k: int,
        filters: Filters = EVERYTHING,
    ) -> list[Match]:
        """Return the k nearest entries by cosine that pass the filters, best first.

        Equally near entries are sorted by id. Raises InputError if the vector has other
        dimensions than the namespace.
        """
        sought, _ = _units(np.asarray(vector, np.float32).reshape(1, -1))
        with self._held(namespace) as store:
            if k < 1 or not len(sought) or not store.rows:
                return []
            if sought.shape[1] != store.dimensions:
                raise InputError(
                    f"The query has {sought.shape[1]} dimensions and the index "
                    f"{store.dimensions}; use the model that made the index."
                )
            matches = [
                Match(entry_id, min(max(similarity, -1.0), 1.0))
                for entry_id, similarity in store.search(
                    sought[0], k + MOST_TIES, filters
                )
            ]
        matches.sort(key=lambda match: (-match.similarity, match.entry_id))
        return matches[:k]

    def wait_until_readable(self, namespace: str) -> None:
        """Return at once, as writes are readable immediately."""

    def metadata(self, namespace: str, entry_id: str) -> Metadata | None:
        """Return the metadata of an entry; None if it is unknown."""
        with self._held(namespace) as store:
            return store.metadata(entry_id)

    @contextmanager
    def _held(self, namespace: str) -> Iterator[Store]:
        """Lock a namespace for this thread and process, and return its present store.

        Raises TransientVendorError if a lock stays taken. After any failure the store
        is read again.
        """
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
                yield self._store(namespace)
        except Timeout:
            raise busy from None
        except BaseException:
            self._stores.pop(namespace, None)
            raise
        finally:
            self._mutex.release()

    def _store(self, namespace: str) -> Store:
        store = self._stores.get(namespace)
        if store is None:
            store = Store(self._folder / quote(namespace, safe=""))
            self._stores[namespace] = store
        store.refresh()
        return store


def _dimensions(rows: Mapping[str, Rows]) -> int | None:
    """Return the dimensions of the first finite, non-zero vector, or None."""
    return next((len(row) for row in rows.values() if _units(row[None, :])[1][0]), None)


def _units(rows: Rows) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Return the finite, non-zero rows scaled to length 1, and their mask."""
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    usable = np.isfinite(lengths) & (lengths > 0.0)
    return rows[usable] / lengths[usable, None].astype(np.float32), usable
