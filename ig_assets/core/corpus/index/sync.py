"""Makes the vector index equal the corpus: a difference in SQL, applied, verified.

Vectors come from the embedding cache; nothing is ever embedded here. A new embedding
space is filled beside the old one and answers once it holds every active script;
until then the old one answers and is kept equal to the corpus, too, as far as its
model's vectors go. After the switch the old namespace is emptied.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ig_assets.core.corpus.embedding.batch_store import held_inputs
from ig_assets.core.corpus.embedding.spaces import (
    Space,
    activate,
    active_space,
    namespace_of,
)
from ig_assets.core.corpus.index import entries as stored_entries
from ig_assets.core.corpus.index.plan import IndexPlan, metadata_of, plan_index
from ig_assets.core.corpus.queries import CURRENT_SCRIPTS
from ig_assets.core.ports import Clock, IndexEntry, VectorIndex
from ig_assets.errors import IgAssetsError
from ig_assets.warehouse.warehouse import Connection, Warehouse

BATCH = 1000
READ_AT_ONCE = 10 * BATCH  # a batch alone would scan all vectors as well

Row = dict[str, Any]
Cached = Mapping[str, Sequence[float]]

_log = logging.getLogger(__name__)

# One row an active script: whether its words have a vector of the space.
_HAS_VECTOR = f"""
    SELECT s.script_id, e.content_hash IS NOT NULL
    FROM ({CURRENT_SCRIPTS}) AS s
    LEFT JOIN embeddings AS e
        ON e.content_hash = s.revision_hash
        AND e.model = ?
        AND e.dimensions = ?
"""


@dataclass(frozen=True)
class IndexChange:
    """What a sync did, in entries.

    `repaired` were lost by the store, or were in it without our knowing; `failed`
    did not make it, or could not be seen afterwards, and are tried again by the next
    sync. `switched`: another embedding space answers from now on. While an old space
    answers, what was done to it is counted as well, but for `unchanged`.
    """

    upserted: int
    metadata_updated: int
    deleted: int
    unchanged: int
    repaired: int
    failed: int
    switched: bool


@dataclass(frozen=True)
class IndexAudit:
    """Where corpus and index differ, in script ids; both empty when they agree.

    `waiting` have no vector yet, since a batch is under way or has given texts up.
    """

    missing: tuple[str, ...]
    strangers: tuple[str, ...]
    waiting: tuple[str, ...] = ()


@dataclass
class _Done:
    """What was applied to one namespace, and what it should hold then."""

    plan: IndexPlan
    expected: set[str]
    upserted: int = 0
    metadata_updated: int = 0
    deleted: int = 0
    repaired: int = 0
    failed: int = 0

    @property
    def complete(self) -> bool:
        return not self.failed and not self.plan.unembedded


def sync_index(
    warehouse: Warehouse,
    index: VectorIndex,
    clock: Clock,
    model: str,
    dimensions: int,
) -> IndexChange:
    """Make the space's namespace equal the active scripts that have a vector of it.

    Each batch counts only after the store took it. Raises the VendorError that
    ended a batch; what was applied before stays, and the next sync goes on.
    """
    space = Space(model, dimensions)
    with warehouse.transaction() as con:
        old = active_space(con, index.name)
    done = []
    if old is not None and old != space:
        done += _keep_up(warehouse, index, clock, old)
    new = _sync_space(warehouse, index, clock, space)
    done.append(new)
    if old != space and new.complete:
        with warehouse.transaction() as con:
            activate(con, index.name, space, clock.now())
    if old == space or new.complete:
        _drop_other_spaces(warehouse, index, space)
    return IndexChange(
        upserted=sum(part.upserted for part in done),
        metadata_updated=sum(part.metadata_updated for part in done),
        deleted=sum(part.deleted for part in done),
        unchanged=new.plan.unchanged,
        repaired=sum(part.repaired for part in done),
        failed=sum(part.failed for part in done),
        switched=old not in (None, space) and new.complete,
    )


def audit_index(
    warehouse: Warehouse, index: VectorIndex, model: str, dimensions: int
) -> IndexAudit:
    """Compare the active scripts with what the store really lists; changes nothing.

    A script without any vector of the model counts as missing, unless batches have
    to do with it.
    """
    listed = set(index.list_ids(namespace_of(model, dimensions)))
    with warehouse.transaction() as con:
        has_vector = dict(con.execute(_HAS_VECTOR, [model, dimensions]).fetchall())
        batches = held_inputs(con, Space(model, dimensions))
    wanted = has_vector.keys()
    waiting: set[str] = set()
    if batches.under_way or batches.given_up:
        waiting = {name for name in wanted - listed if not has_vector[name]}
    return IndexAudit(
        missing=tuple(sorted(wanted - listed - waiting)),
        strangers=tuple(sorted(listed - wanted)),
        waiting=tuple(sorted(waiting)),
    )


def _keep_up(
    warehouse: Warehouse, index: VectorIndex, clock: Clock, old: Space
) -> list[_Done]:
    """Sync the space that still answers; the new one must not wait for its faults."""
    try:
        return [_sync_space(warehouse, index, clock, old)]
    except IgAssetsError as error:
        _log.warning(
            "The old index %s answers until the new one is complete, but cannot be "
            "kept up to date: %s",
            old.namespace,
            error,
        )
        return []


def _sync_space(
    warehouse: Warehouse, index: VectorIndex, clock: Clock, space: Space
) -> _Done:
    plan = plan_index(warehouse, index, space)
    done = _Done(plan, set(plan.listed))
    for rows, vectors in _batches(warehouse, space, plan.writes):
        refused = _write(warehouse, index, clock, space, rows, vectors)
        done.failed += len(refused)
        taken = [row for row in rows if row["script_id"] not in refused]
        done.expected.update(row["script_id"] for row in taken)
        actions = [row["action"] for row in taken]
        done.upserted += actions.count("upsert")
        done.repaired += actions.count("repair")
        done.metadata_updated += actions.count("metadata")
    for start in range(0, len(plan.deletes), BATCH):
        ids = plan.deletes[start : start + BATCH]
        index.delete(space.namespace, ids)
        with warehouse.transaction() as con:
            stored_entries.remove(con, index.name, space.namespace, ids)
        done.expected.difference_update(ids)
    done.deleted = len(plan.deletes) - plan.strangers
    done.repaired += plan.strangers
    if plan.writes or plan.deletes:
        index.wait_until_readable(space.namespace)
        shown = set(index.list_ids(space.namespace))
        done.failed += len(shown ^ done.expected)
    return done


def _batches(
    warehouse: Warehouse, space: Space, writes: Sequence[Row]
) -> Iterator[tuple[Sequence[Row], Cached]]:
    """The writes in batches, with the cached vectors of their words."""
    for start in range(0, len(writes), READ_AT_ONCE):
        rows = writes[start : start + READ_AT_ONCE]
        hashes = sorted({row["revision_hash"] for row in rows if _is_whole(row)})
        with warehouse.transaction() as con:
            vectors = _vectors(con, space, hashes)
        for first in range(0, len(rows), BATCH):
            yield rows[first : first + BATCH], vectors


def _is_whole(row: Row) -> bool:
    """Whether a row is written with its vector, not its metadata alone."""
    return row["action"] != "metadata" or bool(row["whole"])


def _write(
    warehouse: Warehouse,
    index: VectorIndex,
    clock: Clock,
    space: Space,
    rows: Sequence[Row],
    vectors: Cached,
) -> set[str]:
    """Write one batch and enter what the store took; return the ids that failed."""
    whole = [row for row in rows if _is_whole(row)]
    light = [row for row in rows if not _is_whole(row)]
    failed: set[str] = set()
    if whole:
        refused = _upsert(index, space, whole, vectors)
        _enter(warehouse, index, clock, space, whole, refused)
        failed |= refused
    if light:
        changes = {row["script_id"]: metadata_of(row) for row in light}
        refused = set(index.update_metadata(space.namespace, changes))
        _enter(warehouse, index, clock, space, light, refused)
        failed |= refused
    return failed


def _enter(
    warehouse: Warehouse,
    index: VectorIndex,
    clock: Clock,
    space: Space,
    rows: Sequence[Row],
    refused: set[str],
) -> None:
    taken = [row for row in rows if row["script_id"] not in refused]
    with warehouse.transaction() as con:
        stored_entries.enter(con, index.name, space, taken, clock.now())


def _upsert(
    index: VectorIndex, space: Space, rows: Sequence[Row], vectors: Cached
) -> set[str]:
    """Upsert from the cache; return the ids that failed."""
    entries = [
        IndexEntry(row["script_id"], vectors[row["revision_hash"]], metadata_of(row))
        for row in rows
        if row["revision_hash"] in vectors
    ]
    taken = {entry.entry_id for entry in entries}
    taken -= set(index.upsert(space.namespace, entries))
    return {row["script_id"] for row in rows} - taken


def _vectors(con: Connection, space: Space, hashes: Sequence[str]) -> Cached:
    if not hashes:
        return {}
    found = con.execute(
        "SELECT content_hash, vector FROM embeddings WHERE model = ? "
        "AND dimensions = ? AND content_hash IN (SELECT unnest(?::TEXT[]))",
        [space.model, space.dimensions, list(hashes)],
    ).fetchnumpy()
    return dict(zip(found["content_hash"], found["vector"], strict=True))


def _drop_other_spaces(warehouse: Warehouse, index: VectorIndex, kept: Space) -> None:
    """Empty the namespaces that answer no more; their cached vectors stay."""
    with warehouse.transaction() as con:
        others = stored_entries.namespaces_besides(con, index.name, kept)
    for namespace in others:
        ids = list(index.list_ids(namespace))
        for start in range(0, len(ids), BATCH):
            index.delete(namespace, ids[start : start + BATCH])
        with warehouse.transaction() as con:
            stored_entries.remove_namespace(con, index.name, namespace)
