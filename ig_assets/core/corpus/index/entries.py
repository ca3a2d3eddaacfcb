"""Writes `index_entries`: a store's entries with revision and metadata hash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.index.plan import PlannedWrite
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection


def enter(
    con: Connection,
    index_name: str,
    space: Space,
    rows: Sequence[PlannedWrite],
    now: datetime,
) -> None:
    """Record the entries that the store accepted."""
    merge_rows(
        con,
        "index_entries",
        [
            {
                "index_name": index_name,
                "namespace": space.namespace,
                "script_id": row.script_id,
                "revision_hash": row.revision_hash,
                "embedding_model": space.model,
                "metadata_hash": row.metadata_hash,
                "metadata_keys": row.metadata_keys,
                "upserted_at": now,
            }
            for row in rows
        ],
    )


def remove(
    con: Connection, index_name: str, namespace: str, script_ids: Sequence[str]
) -> None:
    """Record that the store deleted the entries of these scripts in a namespace."""
    con.execute(
        "DELETE FROM index_entries WHERE index_name = ? AND namespace = ? "
        "AND script_id IN (SELECT unnest(?::TEXT[]))",
        [index_name, namespace, list(script_ids)],
    )


def remove_namespace(con: Connection, index_name: str, namespace: str) -> None:
    """Record that a namespace was emptied."""
    con.execute(
        "DELETE FROM index_entries WHERE index_name = ? AND namespace = ?",
        [index_name, namespace],
    )


def namespaces_besides(con: Connection, index_name: str, kept: Space) -> list[str]:
    """Return the namespaces that have entries, except the one of `kept`, sorted."""
    rows = con.execute(
        """
        SELECT DISTINCT namespace
        FROM index_entries
        WHERE index_name = ?
            AND namespace <> ?
        ORDER BY namespace
        """,
        [index_name, kept.namespace],
    ).fetchall()
    return [namespace for (namespace,) in rows]
