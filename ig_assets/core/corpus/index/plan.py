"""The difference between corpus and index, computed in SQL: what each id needs.

Three parties are compared at once: what the corpus wants, what our ledger of the
index (`index_entries`) says, and the ids that the store really lists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.queries import CURRENT_SCRIPTS, REVISION_EVIDENCE
from ig_assets.core.ports import VectorIndex
from ig_assets.warehouse.rows import fetch_dicts
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

# One row a revision with a rate: the latest one.
LATEST_RATES = """
    SELECT script_id, revision_hash, rate
    FROM script_performance
    WHERE rate IS NOT NULL
    QUALIFY row_number() OVER (
        PARTITION BY script_id, revision_hash
        ORDER BY as_of DESC, source
    ) = 1
"""

# One row an active script, with the metadata that filters look at; `has_vector` is
# false where its words have none of the model yet.
_ACTIVE = f"""
    SELECT s.script_id, s.revision_hash, 'active' AS status, s.origin, s.language,
        s.topic, s.hook_style, strftime(s.first_seen_at, '%Y-%m') AS month, p.rate,
        s.origin = 'winner' OR w.revision_hash IS NOT NULL AS is_winner,
        e.content_hash IS NOT NULL AS has_vector
    FROM ({CURRENT_SCRIPTS}) AS s
    LEFT JOIN (
        SELECT content_hash
        FROM embeddings
        WHERE model = $model
            AND dimensions = $dimensions
    ) AS e
        ON e.content_hash = s.revision_hash
    LEFT JOIN ({LATEST_RATES}) AS p
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

# ',origin,month,': the keys that an entry has.
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

# What to do with each id that anybody knows. A script whose new words have no vector
# yet keeps its old entry, so that it does not disappear meanwhile. A store's update
# of metadata drops no key, so an entry that lost one is written as a whole.
_PLAN = f"""
    CREATE TEMP TABLE index_plan AS
    WITH entered AS (
        SELECT script_id, revision_hash, embedding_model, metadata_hash, metadata_keys
        FROM index_entries
        WHERE index_name = $name
            AND namespace = $namespace
    )
    SELECT coalesce(d.script_id, e.script_id, h.script_id) AS script_id,
        CASE
            WHEN NOT d.has_vector AND e.script_id IS NOT NULL THEN 'waiting'
            WHEN NOT d.has_vector AND h.script_id IS NULL THEN 'unembedded'
            WHEN d.has_vector THEN CASE
                WHEN e.script_id IS NULL OR e.revision_hash <> d.revision_hash
                    OR e.embedding_model <> $model THEN 'upsert'
                WHEN h.script_id IS NULL THEN 'repair'
                WHEN e.metadata_hash <> d.metadata_hash THEN 'metadata'
                ELSE 'unchanged'
            END
            WHEN e.script_id IS NOT NULL THEN 'delete'
            ELSE 'stranger'
        END AS action,
        e.metadata_keys IS NULL OR h.script_id IS NULL OR {_KEY_VANISHED} AS whole
    FROM desired AS d
    FULL JOIN entered AS e
        ON e.script_id = d.script_id
    FULL JOIN store_ids AS h
        ON h.script_id = coalesce(d.script_id, e.script_id)
"""


@dataclass(frozen=True)
class IndexPlan:
    """What a namespace needs.

    A write has script_id, revision_hash, metadata_hash, metadata_keys, the METADATA,
    `action` upsert|repair|metadata, and `whole`: whether a change of metadata must
    be written with its vector. `unembedded` are the active scripts without a vector.
    """

    writes: list[dict[str, Any]]
    deletes: list[str]
    strangers: int
    unchanged: int
    unembedded: int
    listed: frozenset[str]


def plan_index(warehouse: Warehouse, index: VectorIndex, space: Space) -> IndexPlan:
    """Compare corpus, ledger and store; changes nothing. Raises VendorError."""
    listed = frozenset(index.list_ids(space.namespace))
    with warehouse.transaction() as con:
        con.execute(
            "CREATE TEMP TABLE store_ids AS "
            "SELECT unnest(from_json(?, '[\"VARCHAR\"]')) AS script_id",
            [json.dumps(list(listed))],  # six times as fast as a list
        )
        in_space = {"model": space.model, "dimensions": space.dimensions}
        con.execute(_DESIRED, in_space)
        con.execute(
            _PLAN,
            {
                "model": space.model,
                "name": index.name,
                "namespace": space.namespace,
            },
        )
        counts = dict(
            con.execute(
                "SELECT action, count(*) FROM index_plan GROUP BY action"
            ).fetchall()
        )
        writes = fetch_dicts(
            con,
            """
            SELECT d.*, p.action, p.whole
            FROM index_plan AS p
            JOIN desired AS d
                ON d.script_id = p.script_id
            WHERE p.action IN ('upsert', 'repair', 'metadata')
            ORDER BY p.script_id
            """,
        )
        deletes = con.execute("""
            SELECT script_id
            FROM index_plan
            WHERE action IN ('delete', 'stranger')
            ORDER BY script_id
            """).fetchall()
        unembedded = con.execute(
            "SELECT count(*) FROM desired WHERE NOT has_vector"
        ).fetchall()
    return IndexPlan(
        writes=writes,
        deletes=[script_id for (script_id,) in deletes],
        strangers=counts.get("stranger", 0),
        unchanged=counts.get("unchanged", 0) + counts.get("waiting", 0),
        unembedded=int(unembedded[0][0]),
        listed=listed,
    )


def metadata_of(row: Mapping[str, Any]) -> dict[str, str | float | bool]:
    """A store takes no NULL: what is unknown is left out."""
    return {name: row[name] for name in METADATA if row[name] is not None}
