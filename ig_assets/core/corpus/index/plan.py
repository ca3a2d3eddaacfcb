"""Computes in SQL how the index differs from the corpus: what to write and delete.

Three sources are compared: the active scripts, the rows of `index_entries` (what the
store accepted), and the ids that the store lists now. If the store is not in the state
that the last sync left (`generations.py`), the versions of its entries are compared
too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.index import generations
from ig_assets.core.corpus.index.unchanged import inputs_digest
from ig_assets.core.ports import VectorIndex
from ig_assets.warehouse.warehouse import Warehouse

METADATA = (
    "status",
    "origin",
    "language",
    "topic",
    "hook_style",
    "month",
    "rate",
    "is_winner",
)

# One row per active script, with the metadata that filters read; `has_vector` is false
# if its text has no vector of the model yet.
_ACTIVE = """
    SELECT s.script_id, s.revision_hash, 'active' AS status, s.origin, s.language,
        s.topic, s.hook_style, strftime(s.first_seen_at, '%Y-%m') AS month, p.rate,
        s.origin = 'winner' OR w.revision_hash IS NOT NULL AS is_winner,
        e.content_hash IS NOT NULL AS has_vector
    FROM current_scripts AS s
    LEFT JOIN (
        SELECT content_hash
        FROM embeddings
        WHERE model = $model
            AND dimensions = $dimensions
    ) AS e
        ON e.content_hash = s.revision_hash
    LEFT JOIN latest_rates AS p
        ON p.script_id = s.script_id
        AND p.revision_hash = s.revision_hash
    LEFT JOIN won_revisions AS w
        ON w.revision_hash = s.revision_hash
"""

_METADATA_HASH = (
    "sha256(concat_ws(chr(31), "
    + ", ".join(f"coalesce(CAST(d.{name} AS TEXT), chr(30))" for name in METADATA)
    + "))"
)

# A short hash of an entry's revision and metadata.
VERSION = "left(sha256({0}.revision_hash || {0}.metadata_hash), 16)"

_IS_STALE = (
    "($compares AND e.script_id IS NOT NULL AND h.script_id IS NOT NULL "
    "AND h.version IS DISTINCT FROM e.version)"
)

# The metadata keys of an entry, as in ',origin,month,'.
_METADATA_KEYS = "',' || " + " || ".join(
    f"CASE WHEN d.{name} IS NULL THEN '' ELSE '{name},' END" for name in METADATA
)
_KEY_VANISHED = " OR ".join(
    f"(d.{name} IS NULL AND contains(e.metadata_keys, ',{name},'))" for name in METADATA
)

_DESIRED = f"""
    CREATE TEMP TABLE desired AS
    SELECT d.*, {_METADATA_HASH} AS metadata_hash, {_METADATA_KEYS} AS metadata_keys
    FROM ({_ACTIVE}) AS d
"""

# The action for each id of the three sources. A script whose new text has no vector yet
# keeps its old entry, so that it can be found meanwhile. An id in the store without an
# active script or a row in `index_entries` is an orphan. A store's update of metadata
# drops no key, so an entry that lost a key is written with its vector. An entry is
# stale if the store has another version of it than the last one written; it is written
# again from the stored vector, or deleted until there is one.
_PLAN = f"""
    CREATE TEMP TABLE index_plan AS
    WITH entered AS (
        SELECT i.script_id, i.revision_hash, i.embedding_model, i.metadata_hash,
            i.metadata_keys,
            CASE WHEN $compares THEN {VERSION.format("i")} END AS version
        FROM index_entries AS i
        WHERE i.index_name = $name
            AND i.namespace = $namespace
    )
    SELECT coalesce(d.script_id, e.script_id, h.script_id) AS script_id,
        CASE
            WHEN NOT d.has_vector AND {_IS_STALE} THEN 'stale'
            WHEN NOT d.has_vector AND e.script_id IS NOT NULL THEN 'waiting'
            WHEN NOT d.has_vector AND h.script_id IS NULL THEN 'unembedded'
            WHEN d.has_vector THEN CASE
                WHEN e.script_id IS NULL OR e.revision_hash <> d.revision_hash
                    OR e.embedding_model <> $model THEN 'upsert'
                WHEN h.script_id IS NULL OR {_IS_STALE} THEN 'repair'
                WHEN e.metadata_hash <> d.metadata_hash THEN 'metadata'
                ELSE 'unchanged'
            END
            WHEN e.script_id IS NOT NULL THEN 'delete'
            ELSE 'orphan'
        END AS action,
        e.metadata_keys IS NULL OR h.script_id IS NULL OR {_IS_STALE} OR {_KEY_VANISHED}
            AS lost_keys
    FROM desired AS d
    FULL JOIN entered AS e
        ON e.script_id = d.script_id
    FULL JOIN store_ids AS h
        ON h.script_id = coalesce(d.script_id, e.script_id)
"""


_WRITES = f"""
    SELECT d.script_id, d.revision_hash, d.metadata_hash, d.metadata_keys, p.action,
        p.action <> 'metadata' OR p.lost_keys AS needs_vector,
        {VERSION.format("d")} AS version,
        {", ".join(f"d.{name}" for name in METADATA)}
    FROM index_plan AS p
    JOIN desired AS d
        ON d.script_id = p.script_id
    WHERE p.action IN ('upsert', 'repair', 'metadata')
    ORDER BY p.script_id
"""


class PlannedWrite(NamedTuple):
    """One entry to write; `action` is "upsert", "repair" or "metadata".

    `needs_vector` is false if only the metadata change. `metadata` contain the entry's
    version and leave out unknown values, since a store accepts no NULL.
    """

    script_id: str
    revision_hash: str
    metadata_hash: str
    metadata_keys: str
    action: str
    needs_vector: bool
    metadata: dict[str, str | float | bool]


@dataclass(frozen=True)
class IndexPlan:
    """What a sync has to do in one namespace.

    `deletes` are the ids of entries to delete. `orphans` is the number of these that
    are orphans, or stale entries whose script has no vector yet. `unembedded` is the
    number of active scripts without a vector. `listed` are the ids in the store before
    the sync, `state` says whether the store can be trusted, and `inputs` is the digest
    of the tables that were read (`inputs_digest`).
    """

    writes: list[PlannedWrite]
    deletes: list[str]
    orphans: int
    unchanged: int
    unembedded: int
    listed: frozenset[str]
    state: generations.State
    inputs: str


def plan_index(warehouse: Warehouse, index: VectorIndex, space: Space) -> IndexPlan:
    """Compare the scripts, `index_entries` and the store; return what a sync has to do.

    Raises VendorError.
    """
    state = generations.compare(warehouse, index, space.namespace)
    versions: dict[str, str | None] = {}
    if state.is_trusted:
        listed = frozenset(index.list_ids(space.namespace))
    else:
        versions = index.versions(space.namespace)
        listed = frozenset(versions)
    with warehouse.transaction() as con:
        con.execute(
            "CREATE TEMP TABLE store_ids AS "
            "SELECT unnest(from_json(?, '[\"VARCHAR\"]')) AS script_id, "
            "CAST(NULL AS TEXT) AS version",
            [json.dumps(list(listed))],  # six times as fast as a list
        )
        if versions:
            con.execute(
                "CREATE OR REPLACE TEMP TABLE store_ids AS "
                "SELECT unnest(?::TEXT[]) AS script_id, unnest(?::TEXT[]) AS version",
                [list(versions), list(versions.values())],
            )
        con.execute(_DESIRED, {"model": space.model, "dimensions": space.dimensions})
        con.execute(
            _PLAN,
            {
                "model": space.model,
                "name": index.name,
                "namespace": space.namespace,
                "compares": not state.is_trusted,
            },
        )
        counts = dict(
            con.execute(
                "SELECT action, count(*) FROM index_plan GROUP BY action"
            ).fetchall()
        )
        rows = con.execute(_WRITES).fetchall()
        deletes = con.execute("""
            SELECT script_id
            FROM index_plan
            WHERE action IN ('delete', 'orphan', 'stale')
            ORDER BY script_id
            """).fetchall()
        unembedded = con.execute(
            "SELECT count(*) FROM desired WHERE NOT has_vector"
        ).fetchall()
        inputs = inputs_digest(con)
    return IndexPlan(
        writes=[_write(row) for row in rows],
        deletes=[script_id for (script_id,) in deletes],
        orphans=counts.get("orphan", 0) + counts.get("stale", 0),
        unchanged=counts.get("unchanged", 0) + counts.get("waiting", 0),
        unembedded=int(unembedded[0][0]),
        listed=listed,
        state=state,
        inputs=inputs,
    )


def _write(row: Sequence[Any]) -> PlannedWrite:
    metadata = {**_known(row[7:]), "version": row[6]}
    return PlannedWrite._make([*row[:6], metadata])


def _known(
    values: Sequence[str | float | bool | None],
) -> dict[str, str | float | bool]:
    named = zip(METADATA, values, strict=True)
    return {name: value for name, value in named if value is not None}
