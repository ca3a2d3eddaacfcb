"""Port to a vector index with metadata filters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector = Sequence[float] | npt.NDArray[np.float32]
else:  # commands without vectors need not load numpy, which takes 0.15 s
    Vector = Any


@dataclass(frozen=True)
class IndexEntry:
    """One vector of the index, and the metadata that filters read."""

    entry_id: str
    vector: Vector
    metadata: Mapping[str, str | float | bool]


@dataclass(frozen=True)
class Match:
    """One hit of a query; `similarity` is the cosine, -1 to 1."""

    entry_id: str
    similarity: float


@dataclass(frozen=True)
class Filters:
    """Conditions on an entry's metadata, all of which must hold.

    None means no condition. `month` is YYYY-MM. An entry without a rate does not meet
    `min_rate`.
    """

    status: str | None = None
    language: str | None = None
    origin: str | None = None
    min_rate: float | None = None
    month: str | None = None

    def admit(self, metadata: Mapping[str, str | float | bool]) -> bool:
        """Return whether an entry passes.

        A store with built-in filters must give the same result.
        """
        if (
            (self.status is not None and metadata.get("status") != self.status)
            or (self.language is not None and metadata.get("language") != self.language)
            or (self.origin is not None and metadata.get("origin") != self.origin)
            or (self.month is not None and metadata.get("month") != self.month)
        ):
            return False
        if self.min_rate is None:
            return True
        rate = metadata.get("rate")
        return rate is not None and float(rate) >= self.min_rate


EVERYTHING = Filters()


class VectorIndex(Protocol):
    """A named vector index with one namespace per embedding space.

    A namespace's name ends in `-<dimensions>` (`core/corpus/embedding/spaces.py`). A
    write takes at most `max_batch` entries or ids, and may be repeated without harm.
    Each method raises TransientVendorError, RefusedError, AccessError or
    MalformedAnswerError if the store as a whole fails.
    """

    name: str
    max_batch: int

    def upsert(self, namespace: str, entries: Sequence[IndexEntry]) -> list[str]:
        """Insert or replace the entries; return the ids that were not accepted."""
        ...

    def update_metadata(
        self,
        namespace: str,
        metadata: Mapping[str, Mapping[str, str | float | bool]],
    ) -> list[str]:
        """Set metadata keys of entries; return the ids for which this failed.

        `metadata` is {id: {key: value}}. Other keys of an entry are kept.
        """
        ...

    def delete(self, namespace: str, entry_ids: Sequence[str]) -> None:
        """Delete the entries with these ids; unknown ids are no error."""
        ...

    def purge(self, namespace: str, entry_ids: Sequence[str]) -> None:
        """Delete entries for good, with all remains of earlier deletions.

        Returns once the store itself has none of their vectors; unknown ids are no
        error. Raises TransientVendorError if that takes too long.
        """
        ...

    def list_ids(self, namespace: str) -> Iterator[str]:
        """Yield every id that the store holds, page by page."""
        ...

    def count(self, namespace: str) -> int:
        """Return the number of entries without listing them.

        The number may not include recent writes yet.
        """
        ...

    def versions(self, namespace: str) -> dict[str, str | None]:
        """Return {id: `version` in the entry's metadata, or None} for every entry."""
        ...

    def generation(self, namespace: str) -> str | None:
        """Return the name that `mark` stored last, or None if the store has none.

        A restored copy of the store has the name from the time of the copy.
        """
        ...

    def mark(self, namespace: str, generation: str) -> None:
        """Store a name for the present state of a namespace, in the store itself."""
        ...

    def query(
        self,
        namespace: str,
        vector: Sequence[float],
        k: int,
        filters: Filters = EVERYTHING,
    ) -> list[Match]:
        """Return the k entries nearest by cosine that pass the filters, best first."""
        ...

    def wait_until_readable(self, namespace: str) -> None:
        """Wait until this process's writes can be read, if the store reports this.

        Raises TransientVendorError if that takes too long.
        """
        ...
