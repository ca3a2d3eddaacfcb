"""Makes the vector index equal to the corpus: plans, applies and verifies the changes.

Vectors are read from the warehouse and nothing is embedded here, so an index that lost
its files is filled again at no cost. A new embedding space is filled beside the old
one. Queries use the old space until the new one has every active script; meanwhile the
old space is kept up to date as far as there are vectors of its model. After the switch
the old namespace is emptied.

If tables and store are as the last sync left them, no entries are compared. The tables
are checked by a digest of their rows, the store by its generation and its number of
entries. Once a day everything is compared regardless.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ig_assets.core.corpus.embedding.batch_store import in_flight_inputs
from ig_assets.core.corpus.embedding.spaces import Space, activate, active_space
from ig_assets.core.corpus.embedding.vector_store import Vector, read_vectors
from ig_assets.core.corpus.index import entries as stored_entries
from ig_assets.core.corpus.index import generations
from ig_assets.core.corpus.index.plan import (
    VERSION,
    IndexPlan,
    PlannedWrite,
    plan_index,
)
from ig_assets.core.corpus.index.unchanged import note_complete, unchanged_entries
from ig_assets.core.ports import Clock, IndexEntry, VectorIndex
from ig_assets.errors import IgAssetsError
from ig_assets.warehouse.warehouse import Warehouse

READ_AT_ONCE = 10_000  # vectors; each read scans all of them

T = TypeVar("T")

_log = logging.getLogger("ig_script_writer.index")

# One row per active script: whether its text has a vector of the space.
_HAS_VECTOR = """
    SELECT s.script_id, e.content_hash IS NOT NULL
    FROM current_scripts AS s
    LEFT JOIN embeddings AS e
        ON e.content_hash = s.revision_hash
        AND e.model = ?
        AND e.dimensions = ?
"""


_ENTERED = f"""
    SELECT i.script_id, {VERSION.format("i")}
    FROM index_entries AS i
    WHERE i.index_name = ?
        AND i.namespace = ?
"""


@dataclass(frozen=True)
class IndexChange:
    """The results of a sync, in numbers of entries.

    `repaired` entries were missing from the store, were orphans, or had another version
    in the store than the one written last. `failed` entries were not accepted, or not
    listed afterwards; the next sync tries them again. `switched` is true if another
    embedding space became active. While an old space is active, its changes are
    included in all numbers except `unchanged`.
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
    """The differences between corpus and index, as script ids.

    `missing` scripts should be in the store, `orphans` should not be there, and the
    store has another version of `stale` scripts than the one written last. `waiting`
    scripts have no vector yet, since the Batch API has their text or gave it up.
    """

    missing: tuple[str, ...]
    orphans: tuple[str, ...]
    waiting: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


@dataclass
class _Applied:
    """The changes applied to one namespace, and the ids expected afterwards."""

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
    space: Space,
    verify: bool = False,
) -> IndexChange:
    """Make the namespace of `space` equal to the active scripts that have a vector.

    Each batch is recorded after the store has accepted it. With `verify` every entry is
    compared, even if nothing has changed. Raises the VendorError that ended a batch;
    earlier batches stay, and the next sync continues after them.
    """
    if not verify:
        unchanged = unchanged_entries(warehouse, index, space, clock.now())
        if unchanged is not None:
            return IndexChange(0, 0, 0, unchanged, 0, 0, False)
    with warehouse.transaction() as con:
        old = active_space(con, index.name)
    parts: list[_Applied] = []
    if old is not None and old != space:
        parts += _keep_up(warehouse, index, clock, old)
    new = _sync_space(warehouse, index, clock, space)
    parts.append(new)
    if old != space and new.complete:
        with warehouse.transaction() as con:
            activate(con, index.name, space, clock.now())
    if old == space or new.complete:
        _drop_other_spaces(warehouse, index, space)
    if new.complete:
        entries, inputs = len(new.expected), new.plan.inputs
        with warehouse.transaction() as con:
            note_complete(con, index, space, entries, inputs, clock.now())
    return IndexChange(
        upserted=sum(part.upserted for part in parts),
        metadata_updated=sum(part.metadata_updated for part in parts),
        deleted=sum(part.deleted for part in parts),
        unchanged=new.plan.unchanged,
        repaired=sum(part.repaired for part in parts),
        failed=sum(part.failed for part in parts),
        switched=old not in (None, space) and new.complete,
    )


def audit_index(warehouse: Warehouse, index: VectorIndex, space: Space) -> IndexAudit:
    """Return how the ids in the store differ from the active scripts; write nothing.

    A script without a vector counts as missing, unless the Batch API has texts of the
    space or gave some up. Raises VendorError.
    """
    listed, stale = set(index.list_ids(space.namespace)), set[str]()
    if not generations.compare(warehouse, index, space.namespace).is_trusted:
        stale = _stale(warehouse, index, space)
    in_space = [space.model, space.dimensions]
    with warehouse.transaction() as con:
        has_vector = dict(con.execute(_HAS_VECTOR, in_space).fetchall())
        batches = in_flight_inputs(con, space)
    wanted = has_vector.keys()
    waiting: set[str] = set()
    if batches.under_way or batches.given_up:
        waiting = {name for name in wanted - listed if not has_vector[name]}
    return IndexAudit(
        missing=tuple(sorted(wanted - listed - waiting)),
        orphans=tuple(sorted(listed - wanted)),
        waiting=tuple(sorted(waiting)),
        stale=tuple(sorted(stale)),
    )


def _stale(warehouse: Warehouse, index: VectorIndex, space: Space) -> set[str]:
    versions = index.versions(space.namespace)
    with warehouse.transaction() as con:
        entered = con.execute(_ENTERED, [index.name, space.namespace]).fetchall()
    return {i for i, version in entered if versions.get(i, version) != version}


def _keep_up(
    warehouse: Warehouse, index: VectorIndex, clock: Clock, old: Space
) -> list[_Applied]:
    """Sync the old space that is still active; log a failure instead of raising it."""
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
) -> _Applied:
    plan = plan_index(warehouse, index, space)
    applied = _Applied(plan, set(plan.listed))
    is_changed = bool(plan.writes or plan.deletes)
    if is_changed:
        generations.begin(warehouse, index, space.namespace, clock.now())
    for rows, vectors in _batches(warehouse, index, space, plan.writes):
        taken = _write(index, space, rows, vectors)
        with warehouse.transaction() as con:
            stored_entries.enter(con, index.name, space, taken, clock.now())
        applied.failed += len(rows) - len(taken)
        applied.expected.update(row.script_id for row in taken)
        actions = [row.action for row in taken]
        applied.upserted += actions.count("upsert")
        applied.repaired += actions.count("repair")
        applied.metadata_updated += actions.count("metadata")
    for ids in _split(plan.deletes, index.max_batch):
        index.delete(space.namespace, ids)
        with warehouse.transaction() as con:
            stored_entries.remove(con, index.name, space.namespace, ids)
        applied.expected.difference_update(ids)
    applied.deleted = len(plan.deletes) - plan.orphans
    applied.repaired += plan.orphans
    if is_changed:
        index.wait_until_readable(space.namespace)
        listed = set(index.list_ids(space.namespace))
        applied.failed += len(listed ^ applied.expected)
    if not applied.failed and (is_changed or not plan.state.is_named):
        generations.end(warehouse, index, space.namespace, clock.now())
    return applied


def _split(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _batches(
    warehouse: Warehouse,
    index: VectorIndex,
    space: Space,
    writes: Sequence[PlannedWrite],
) -> Iterator[tuple[Sequence[PlannedWrite], Mapping[str, Vector]]]:
    """Yield (writes, {revision hash: vector}) for each batch.

    The writes of a batch either all need a vector or all change only metadata.
    """
    with_vector = [row for row in writes if row.needs_vector]
    for page in _split(with_vector, max(READ_AT_ONCE, index.max_batch)):
        with warehouse.transaction() as con:
            vectors = read_vectors(con, space, {row.revision_hash for row in page})
        for rows in _split(page, index.max_batch):
            yield rows, vectors
    for rows in _split([w for w in writes if not w.needs_vector], index.max_batch):
        yield rows, {}


def _write(
    index: VectorIndex,
    space: Space,
    rows: Sequence[PlannedWrite],
    vectors: Mapping[str, Vector],
) -> list[PlannedWrite]:
    """Write one batch; return the rows that the store accepted."""
    if rows[0].needs_vector:
        rows = [row for row in rows if row.revision_hash in vectors]
        refused = index.upsert(
            space.namespace,
            [
                IndexEntry(row.script_id, vectors[row.revision_hash], row.metadata)
                for row in rows
            ],
        )
    else:
        refused = index.update_metadata(
            space.namespace, {row.script_id: row.metadata for row in rows}
        )
    lost = set(refused)
    return [row for row in rows if row.script_id not in lost]


def _drop_other_spaces(warehouse: Warehouse, index: VectorIndex, kept: Space) -> None:
    """Empty all namespaces but that of `kept`; their vectors stay in the warehouse."""
    with warehouse.transaction() as con:
        others = stored_entries.namespaces_besides(con, index.name, kept)
    for namespace in others:
        ids = list(index.list_ids(namespace))
        for batch in _split(ids, index.max_batch):
            index.delete(namespace, batch)
        with warehouse.transaction() as con:
            stored_entries.remove_namespace(con, index.name, namespace)
            generations.forget(con, index.name, namespace)
