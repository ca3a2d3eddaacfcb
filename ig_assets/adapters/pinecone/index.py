"""The vector index at Pinecone, through its vectors API.

Writes are sent in batches by size. A refused batch is halved down to single rows, so
that one bad row costs no other. Updates are sent one id per request, as the API
requires.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ig_assets.adapters.pinecone.client import (
    OpenIndex,
    PineconeAccount,
    sent,
    translate,
)
from ig_assets.adapters.pinecone.consistency import RateLimiter, UnreadWrites
from ig_assets.adapters.pinecone.records import (
    ID_CHARACTERS,
    Record,
    batch_size,
    decoded,
    encoded,
    filter_of,
    record_of,
    unit,
)
from ig_assets.core.corpus.embedding.spaces import dimensions_of
from ig_assets.core.ports import EVERYTHING, Filters, IndexEntry, Match
from ig_assets.errors import (
    AccessError,
    InputError,
    RefusedError,
    VendorError,
)

DELETE_IDS = 1000
GENERATION = "generation"
LIST_IDS = 100
MOST_RESULTS = 10_000
MOST_SPLITS = 64
UPDATES_A_SECOND = 100  # Pinecone's limit of requests a namespace
THREADS = 8
WAIT_S = 60.0

Metadata = Mapping[str, str | float | bool]
Failure = tuple[list[Record], VendorError]

_log = logging.getLogger("ig_script_writer.pinecone")


class PineconeIndex:
    """A `VectorIndex` with Pinecone's SDK; thread-safe."""

    max_batch = 1000

    def __init__(
        self,
        account: PineconeAccount,
        name: str,
        wait_s: float = WAIT_S,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._account = account
        self._sleep = sleep
        self._monotonic = monotonic
        self._writes = UnreadWrites(wait_s, sleep, monotonic)

    def upsert(self, namespace: str, entries: Sequence[IndexEntry]) -> list[str]:
        """Insert or replace entries; return the ids that were not accepted.

        An entry is not accepted if its vector is not finite, is zero or has other
        dimensions, if its id or metadata is too long, or if the store refuses it. An
        AccessError is always raised; a TransientVendorError or MalformedAnswerError
        only if no entry was accepted. Raises InputError if the index has other
        dimensions than the namespace.
        """
        latest = {entry.entry_id: entry for entry in entries}
        if not latest:
            return []
        dimensions = dimensions_of(namespace) or len(next(iter(latest.values())).vector)
        index = self._account.writing(dimensions)
        records = {
            entry_id: record
            for entry_id, entry in latest.items()
            if (record := record_of(entry, dimensions)) is not None
        }
        lost = self._send_all(index, namespace, list(records.values()))
        return [i for i in latest if i not in records or records[i]["id"] in lost]

    def _send_all(
        self, index: OpenIndex, namespace: str, records: list[Record]
    ) -> set[str]:
        """Send records; return the encoded ids that the store did not accept."""
        pending = [records] if records else []
        failures: list[Failure] = []
        splits = 0
        while pending:
            for items, error in self._send(index, namespace, pending.pop()):
                refused = isinstance(error, RefusedError)
                if refused and len(items) > 1 and splits < MOST_SPLITS:
                    splits += 1
                    middle = len(items) // 2
                    pending += [items[:middle], items[middle:]]
                else:
                    failures.append((items, error))
        lost = {record["id"] for items, _ in failures for record in items}
        _raise_what_concerns_all(failures, nothing_passed=len(lost) == len(records))
        return lost

    def _send(
        self, index: OpenIndex, namespace: str, records: list[Record]
    ) -> list[Failure]:
        answer = sent(
            lambda: index.sdk.upsert(
                vectors=records,
                namespace=encoded(namespace),
                batch_size=batch_size(records),
                max_concurrency=THREADS,
                show_progress=False,
            )
        )
        ids = {record["id"] for record in records}
        self._writes.wrote(namespace, ids, answer.response_info)
        if not answer.has_errors:
            return []
        return [(list(part.items), translate(part.error)) for part in answer.errors]

    def update_metadata(
        self, namespace: str, metadata: Mapping[str, Metadata]
    ) -> list[str]:
        """Set these metadata keys of entries, keeping the others; return failed ids.

        Sends one request per id, at most 100 per second. After an error that concerns
        the whole store nothing more is sent, and the remaining ids count as failed.
        Such an error is raised if it is an AccessError, or if no entry was updated.
        """
        index = self._account.reading(dimensions_of(namespace))
        if index is None:
            return list(metadata)
        pace = RateLimiter(UPDATES_A_SECOND, self._sleep, self._monotonic)
        trouble: list[VendorError] = []

        def update(entry_id: str) -> bool:
            if trouble:
                return False
            pace.wait()
            try:
                return self._update(index, namespace, entry_id, metadata[entry_id])
            except RefusedError:
                return False
            except VendorError as error:
                trouble.append(error)
                return False

        with ThreadPoolExecutor(THREADS) as pool:
            done = list(pool.map(update, metadata))
        denied = [error for error in trouble if isinstance(error, AccessError)]
        if denied or (trouble and not any(done)):
            raise (denied or trouble)[0]
        return [i for i, updated in zip(metadata, done, strict=True) if not updated]

    def _update(
        self, index: OpenIndex, namespace: str, entry_id: str, metadata: Metadata
    ) -> bool:
        from pinecone import NotFoundError

        def send() -> Any:
            try:
                return index.sdk.update(
                    id=encoded(entry_id),
                    set_metadata=dict(metadata),
                    namespace=encoded(namespace),
                )
            except NotFoundError:  # which Pinecone itself does not tell
                return None

        answer = sent(send)
        if answer is not None:
            ids = {encoded(entry_id)}
            self._writes.wrote(namespace, ids, answer.response_info)
        return answer is not None

    def delete(self, namespace: str, entry_ids: Sequence[str]) -> None:
        """Delete entries; unknown ids are ignored."""
        index = self._account.reading(dimensions_of(namespace))
        ids = [encoded(i) for i in dict.fromkeys(entry_ids)]
        ids = [i for i in ids if len(i) <= ID_CHARACTERS]
        if index is None:
            return
        for start in range(0, len(ids), DELETE_IDS):
            self._delete(index, namespace, ids[start : start + DELETE_IDS])

    def purge(self, namespace: str, entry_ids: Sequence[str]) -> None:
        """Delete entries, and wait until the store no longer lists them.

        Whether the vendor keeps them in its own backups is unknown.
        """
        self.delete(namespace, entry_ids)
        self.wait_until_readable(namespace)

    def _delete(self, index: OpenIndex, namespace: str, ids: list[str]) -> None:
        sent(lambda: index.sdk.delete(ids=ids, namespace=encoded(namespace)))
        self._writes.deleted(namespace, ids)

    def list_ids(self, namespace: str) -> Iterator[str]:
        """Yield every id in the store, reading pages of 100."""
        index = self._account.reading(dimensions_of(namespace))
        if index is None:
            return
        pages = index.sdk.list(namespace=encoded(namespace), limit=LIST_IDS)
        while (page := sent(lambda: next(pages, None))) is not None:
            yield from (decoded(item.id) for item in page.vectors)

    def count(self, namespace: str) -> int:
        """Return the store's number of entries, which lags behind writes."""
        index = self._account.reading(dimensions_of(namespace))
        if index is None:
            return 0
        stats = sent(index.sdk.describe_index_stats)
        held = stats.namespaces.get(encoded(namespace))
        return 0 if held is None else int(held.vector_count)

    def versions(self, namespace: str) -> dict[str, str | None]:
        """Return {id: `version` in its metadata, or None} of all entries.

        Each 100 ids take one request to list and one to fetch, at most `THREADS` at a
        time.
        """
        index = self._account.reading(dimensions_of(namespace))
        if index is None:
            return {}
        ids = [encoded(entry_id) for entry_id in self.list_ids(namespace)]
        pages = [ids[n : n + LIST_IDS] for n in range(0, len(ids), LIST_IDS)]

        def fetched(page: list[str]) -> dict[str, str | None]:
            found = self._fetch(index, namespace, page)
            return {decoded(i): found.get(i, {}).get("version") for i in page}

        with ThreadPoolExecutor(THREADS) as pool:
            parts = list(pool.map(fetched, pages))
        return {
            entry_id: version for part in parts for entry_id, version in part.items()
        }

    def generation(self, namespace: str) -> str | None:
        """Return the value last given to `mark`, or None.

        It is stored in a separate namespace.
        """
        index = self._account.reading(dimensions_of(namespace))
        if index is None:
            return None
        found = self._fetch(index, _marks(namespace), [GENERATION])
        value = found.get(GENERATION, {}).get(GENERATION)
        return None if value is None else str(value)

    def mark(self, namespace: str, generation: str) -> None:
        """Store a name for the present state of a namespace; wait until it is readable.

        Raises the store's error if it does not accept the record.
        """
        index = self._account.reading(dimensions_of(namespace))
        if index is None:
            return
        record: Record = {
            "id": GENERATION,
            "values": [1.0] + [0.0] * (index.dimensions - 1),
            "metadata": {GENERATION: generation},
        }
        if failures := self._send(index, _marks(namespace), [record]):
            raise failures[0][1]
        self._writes.wait(index, _marks(namespace))

    def _fetch(
        self, index: OpenIndex, namespace: str, ids: list[str]
    ) -> dict[str, Mapping[str, Any]]:
        """Return {encoded id: metadata} for those of the ids that the store has."""
        answer = sent(lambda: index.sdk.fetch(ids=ids, namespace=encoded(namespace)))
        return {i: found.metadata or {} for i, found in answer.vectors.items()}

    def query(
        self,
        namespace: str,
        vector: Sequence[float],
        k: int,
        filters: Filters = EVERYTHING,
    ) -> list[Match]:
        """Return the k nearest entries by cosine that pass the filters, best first.

        k is at most 10,000. Raises InputError if the vector has other dimensions than
        the index.
        """
        sought = unit(vector)
        index = self._account.reading(dimensions_of(namespace))
        if index is None or k < 1 or sought is None:
            return []
        if len(sought) != index.dimensions:
            raise InputError(
                f"The query has {len(sought)} dimensions and the index "
                f"{index.dimensions}; use the model that made the index."
            )
        answer = sent(
            lambda: index.sdk.query(
                vector=sought,
                top_k=min(k, MOST_RESULTS),
                namespace=encoded(namespace),
                filter=filter_of(filters),
            )
        )
        matches = [
            Match(decoded(match.id), min(max(float(match.score), -1.0), 1.0))
            for match in answer.matches
        ]
        return sorted(matches, key=lambda match: (-match.similarity, match.entry_id))

    def wait_until_readable(self, namespace: str) -> None:
        """Wait until the last writes and deletes of this process can be seen.

        Raises TransientVendorError after `wait_s` seconds. If the store reports no log
        position, only deletes are waited for.
        """
        index = self._account.reading(dimensions_of(namespace))
        if index is not None:
            self._writes.wait(index, namespace)


def _marks(namespace: str) -> str:
    """Return the namespace in which the generation of `namespace` is stored."""
    return f"{GENERATION}.{namespace}"


def _raise_what_concerns_all(failures: Sequence[Failure], nothing_passed: bool) -> None:
    """Raise the AccessError among the failures; without one, log the first failure.

    If `nothing_passed`, an error that is no RefusedError is raised too, since it
    concerns all rows.
    """
    errors = [error for _, error in failures]
    denied = [error for error in errors if isinstance(error, AccessError)]
    trouble = [error for error in errors if not isinstance(error, RefusedError)]
    if denied or (trouble and nothing_passed):
        raise (denied or trouble)[0]
    if errors:
        _log.warning(
            "pinecone did not take %d entries: %s",
            sum(len(items) for items, _ in failures),
            errors[0],
        )
