"""Makes the vector index equal the corpus: a difference in SQL, applied, repaired.

Three parties are compared at once: what the corpus wants, what our ledger of the
index (`index_entries`) says, and the ids that the store really lists. Vectors come
from the embedding cache; nothing is ever embedded here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ig_assets.core.corpus.current import CURRENT_SCRIPTS, REVISION_EVIDENCE
from ig_assets.core.ports import Clock, IndexEntry, VectorIndex
from ig_assets.warehouse.connection import Connection, Warehouse
from ig_assets.warehouse.rows import fetch_dicts, merge_rows

BATCH = 500
METADATA = (
    "origin",
    "language",
    "topic",
    "hook_style",
    "month",
    "rate",
    "is_winner",
)

# One row an active script with a vector, with the metadata that filters look at.
_DESIRED = f"""
    SELECT s.script_id, s.revision_hash, s.origin, s.language, s.topic, s.hook_style,
        strftime(s.first_seen_at, '%Y-%m') AS month,
        p.rate,
        s.origin = 'winner' OR w.revision_hash IS NOT NULL AS is_winner
    FROM ({CURRENT_SCRIPTS}) AS s
    JOIN embeddings AS e
        ON e.content_hash = s.revision_hash
        AND e.model = $model
        AND e.dimensions = $dimensions
    LEFT JOIN (
        SELECT script_id, revision_hash, rate
        FROM script_performance
        WHERE rate IS NOT NULL
        QUALIFY row_number() OVER (
            PARTITION BY script_id, revision_hash
            ORDER BY as_of DESC, source
        ) = 1
    ) AS p
        ON p.script_id = s.script_id
        AND p.revision_hash = s.revision_hash
    LEFT JOIN ({REVISION_EVIDENCE}) AS w
        ON w.revision_hash = s.revision_hash
"""

_METADATA_HASH = (
    "sha256(concat_ws(chr(31), "
    + ", ".join(f"coalesce(CAST(d.{name} AS TEXT), chr(30))" for name in METADATA)
    + "))"
)

# What to do with each id that anybody knows. A script whose new words have no vector
# yet keeps its old entry, so that it does not disappear meanwhile.
_PLAN = f"""
    CREATE TEMP TABLE index_plan AS
    WITH desired AS (
        SELECT d.*, {_METADATA_HASH} AS metadata_hash
        FROM ({_DESIRED}) AS d
    ),
    entered AS (
        SELECT *
        FROM index_entries
        WHERE index_name = $name
            AND namespace = $namespace
    )
    SELECT coalesce(d.script_id, e.script_id, h.script_id) AS script_id,
        d.revision_hash, d.metadata_hash, {", ".join(f"d.{c}" for c in METADATA)},
        CASE
            WHEN d.script_id IS NULL AND e.script_id IN (
                SELECT script_id FROM ({CURRENT_SCRIPTS}) AS c
            ) THEN 'waiting'
            WHEN d.script_id IS NULL AND e.script_id IS NOT NULL THEN 'delete'
            WHEN d.script_id IS NULL THEN 'stranger'
            WHEN e.script_id IS NULL OR e.revision_hash <> d.revision_hash
                OR e.embedding_model <> $model THEN 'upsert'
            WHEN h.script_id IS NULL THEN 'repair'
            WHEN e.metadata_hash <> d.metadata_hash THEN 'metadata'
            ELSE 'unchanged'
        END AS action
    FROM desired AS d
    FULL JOIN entered AS e
        ON e.script_id = d.script_id
    FULL JOIN store_ids AS h
        ON h.script_id = coalesce(d.script_id, e.script_id)
"""


@dataclass(frozen=True)
class IndexChange:
    """What a sync did, in entries.

    `repaired` were lost by the store, or were in it without our knowing;
    `failed` did not make it and are tried again by the next sync.
    """

    upserted: int
    metadata_updated: int
    deleted: int
    unchanged: int
    repaired: int
    failed: int


@dataclass(frozen=True)
class IndexAudit:
    """Where corpus and index differ, in script ids; both empty when they agree."""

    missing: tuple[str, ...]
    strangers: tuple[str, ...]


def namespace_of(model: str, dimensions: int) -> str:
    """The namespace of an embedding space."""
    return f"{model}-{dimensions}"


def sync_index(
    warehouse: Warehouse,
    index: VectorIndex,
    clock: Clock,
    model: str,
    dimensions: int,
) -> IndexChange:
    """Make one namespace equal the active scripts that have a vector of the model.

    Each batch counts only after the store took it. Raises the VendorError that
    ended a batch; what was applied before stays, and the next sync goes on.
    """
    namespace = namespace_of(model, dimensions)
    plan = _plan(warehouse, index, namespace, model, dimensions)
    done = {"upsert": 0, "repair": 0, "metadata": 0}
    failed = 0
    for start in range(0, len(plan.writes), BATCH):
        rows = plan.writes[start : start + BATCH]
        refused = _write(warehouse, index, clock, namespace, model, dimensions, rows)
        failed += len(refused)
        for row in rows:
            if row["script_id"] not in refused:
                done[row["action"]] += 1
    for start in range(0, len(plan.deletes), BATCH):
        ids = plan.deletes[start : start + BATCH]
        index.delete(namespace, ids)
        with warehouse.transaction() as con:
            con.execute(
                "DELETE FROM index_entries WHERE index_name = ? AND namespace = ? "
                "AND script_id IN (SELECT unnest(?::TEXT[]))",
                [index.name, namespace, ids],
            )
    return IndexChange(
        upserted=done["upsert"],
        metadata_updated=done["metadata"],
        deleted=len(plan.deletes) - plan.strangers,
        unchanged=plan.unchanged,
        repaired=done["repair"] + plan.strangers,
        failed=failed,
    )


def audit_index(
    warehouse: Warehouse, index: VectorIndex, model: str, dimensions: int
) -> IndexAudit:
    """Compare the active scripts with what the store really lists; changes nothing.

    A script without any vector of the model counts as missing.
    """
    listed = set(index.list_ids(namespace_of(model, dimensions)))
    with warehouse.transaction() as con:
        wanted = {
            script_id
            for (script_id,) in con.execute(
                f"SELECT script_id FROM ({CURRENT_SCRIPTS}) AS s"
            ).fetchall()
        }
    return IndexAudit(
        missing=tuple(sorted(wanted - listed)),
        strangers=tuple(sorted(listed - wanted)),
    )


@dataclass(frozen=True)
class _Plan:
    writes: list[dict[str, Any]]
    deletes: list[str]
    strangers: int
    unchanged: int


def _plan(
    warehouse: Warehouse,
    index: VectorIndex,
    namespace: str,
    model: str,
    dimensions: int,
) -> _Plan:
    listed = list(index.list_ids(namespace))
    with warehouse.transaction() as con:
        con.execute(
            "CREATE TEMP TABLE store_ids AS "
            "SELECT DISTINCT unnest(?::TEXT[]) AS script_id",
            [listed],
        )
        con.execute(
            _PLAN,
            {
                "model": model,
                "dimensions": dimensions,
                "name": index.name,
                "namespace": namespace,
            },
        )
        actions = con.execute(
            "SELECT action, count(*) FROM index_plan GROUP BY action"
        ).fetchall()
        writes = fetch_dicts(
            con,
            "SELECT * FROM index_plan "
            "WHERE action IN ('upsert', 'repair', 'metadata') ORDER BY script_id",
        )
        deletes = con.execute(
            "SELECT script_id FROM index_plan "
            "WHERE action IN ('delete', 'stranger') ORDER BY script_id"
        ).fetchall()
    counts = dict(actions)
    return _Plan(
        writes=writes,
        deletes=[script_id for (script_id,) in deletes],
        strangers=counts.get("stranger", 0),
        unchanged=counts.get("unchanged", 0) + counts.get("waiting", 0),
    )


def _write(
    warehouse: Warehouse,
    index: VectorIndex,
    clock: Clock,
    namespace: str,
    model: str,
    dimensions: int,
    rows: Sequence[Mapping[str, Any]],
) -> set[str]:
    """Upsert one batch from the cache and enter it; return the ids that failed."""
    hashes = sorted({row["revision_hash"] for row in rows})
    with warehouse.transaction() as con:
        vectors = dict(_vectors(con, model, dimensions, hashes))
    entries = [
        IndexEntry(row["script_id"], vectors[row["revision_hash"]], _metadata(row))
        for row in rows
        if row["revision_hash"] in vectors
    ]
    taken = {entry.entry_id for entry in entries}
    taken -= set(index.upsert(namespace, entries))
    with warehouse.transaction() as con:
        merge_rows(
            con,
            "index_entries",
            [
                {
                    "index_name": index.name,
                    "namespace": namespace,
                    "script_id": row["script_id"],
                    "revision_hash": row["revision_hash"],
                    "embedding_model": model,
                    "metadata_hash": row["metadata_hash"],
                    "upserted_at": clock.now(),
                }
                for row in rows
                if row["script_id"] in taken
            ],
        )
    return {row["script_id"] for row in rows} - taken


def _vectors(
    con: Connection, model: str, dimensions: int, hashes: Sequence[str]
) -> Iterator[tuple[str, Sequence[float]]]:
    found = con.execute(
        "SELECT content_hash, vector FROM embeddings WHERE model = ? "
        "AND dimensions = ? AND content_hash IN (SELECT unnest(?::TEXT[]))",
        [model, dimensions, list(hashes)],
    ).fetchnumpy()
    yield from zip(found["content_hash"], found["vector"], strict=True)


def _metadata(row: Mapping[str, Any]) -> dict[str, str | float | bool]:
    """A store takes no NULL: what is unknown is left out."""
    return {name: row[name] for name in METADATA if row[name] is not None}
