"""Selects scripts for a search, from the store's matches and matches by words.

Every match is checked against the warehouse, since a store may lag behind. Its
similarity is computed from the vector in the warehouse, since a store may have been
restored from an older copy.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ig_assets.core.corpus.embedding.spaces import Space
from ig_assets.core.corpus.embedding.vector_store import Vector
from ig_assets.core.corpus.search.relevance import cosine
from ig_assets.core.ports import Filters, Match
from ig_assets.warehouse.warehouse import Connection, Warehouse

MOST_DEVIATION = 0.02  # between a store's similarity and that of the stored vector

_log = logging.getLogger("ig_script_writer.search")

# One row per revision of an active script that may be used, with the indexed text and
# its vector. Of the scripts that were found by words only, the best are taken.
_CANDIDATES = """
    WITH usable AS (
        SELECT s.script_id, s.revision_hash, m.similarity AS stored, m.word_share,
            s.origin, s.topic, s.hook_style, s.hook, s.body, s.call_to_action, s.text,
            s.language, s.origin = 'winner' OR w.revision_hash IS NOT NULL AS is_winner,
            coalesce(x.simulated, FALSE) AS is_simulated, w.shrunken_lift,
            w.experiment_id AS experiment
        FROM matched AS m
        JOIN current_scripts AS c
            ON c.script_id = m.script_id
        JOIN index_entries AS i
            ON i.script_id = m.script_id
            AND i.index_name = $name
            AND i.namespace = $namespace
        JOIN scripts AS s
            ON s.script_id = i.script_id
            AND s.revision_hash = i.revision_hash
        LEFT JOIN latest_rates AS p
            ON p.script_id = s.script_id
            AND p.revision_hash = s.revision_hash
        LEFT JOIN won_revisions AS w
            ON w.revision_hash = s.revision_hash
        LEFT JOIN experiments AS x
            ON x.experiment_id = w.experiment_id
        WHERE s.script_id NOT IN (SELECT unnest($excluded::TEXT[]))
            AND ($language::TEXT IS NULL OR s.language = $language::TEXT)
            AND ($origin::TEXT IS NULL OR s.origin = $origin::TEXT)
            AND ($min_rate::DOUBLE IS NULL OR p.rate >= $min_rate::DOUBLE)
            AND (
                $month::TEXT IS NULL
                OR strftime(s.first_seen_at, '%Y-%m') = $month::TEXT
            )
            AND (
                $include_winners
                OR (s.origin <> 'winner' AND w.revision_hash IS NULL)
            )
        QUALIFY row_number() OVER (
            PARTITION BY s.revision_hash
            ORDER BY m.similarity DESC NULLS LAST, s.script_id
        ) = 1
    ),
    chosen AS (
        SELECT *
        FROM usable
        QUALIFY stored IS NOT NULL
            OR row_number() OVER (ORDER BY word_share DESC, script_id) <= $most
    )
    SELECT c.*, e.vector
    FROM chosen AS c
    JOIN embeddings AS e
        ON e.content_hash = c.revision_hash
        AND e.model = $model
        AND e.dimensions = $dimensions
    ORDER BY c.script_id
"""


@dataclass(frozen=True)
class Scope:
    """The limits of a search: its index, its embedding space and the usable scripts.

    `excluded` are script ids. Without `include_winners` the scripts that won are left
    out.
    """

    index_name: str
    space: Space
    filters: Filters
    excluded: Collection[str]
    include_winners: bool


class Hit(NamedTuple):
    """A script that a search may use: columns by name, its vector and its cosine.

    `word_share` is the share of the query's words that it has. `is_near` is true if the
    vector index found the script; otherwise only its words did.
    """

    columns: dict[str, Any]
    vector: Vector
    similarity: float
    word_share: float
    is_near: bool


def usable_hits(
    warehouse: Warehouse,
    scope: Scope,
    query: Vector,
    matches: Sequence[Match],
    shares: Mapping[str, float],
    most: int,
) -> list[Hit]:
    """Return the usable scripts among the store's matches and matches by words.

    `shares` is {script id: share of the query's words}; at most `most` scripts are
    returned that the store did not find. `query` has shape (dimensions,).
    """
    similarities = {match.entry_id: match.similarity for match in matches}
    ids = list(dict.fromkeys([*similarities, *shares]))
    with warehouse.transaction() as con:
        con.execute(
            "CREATE TEMP TABLE matched AS SELECT unnest(?::TEXT[]) AS script_id, "
            "unnest(?::DOUBLE[]) AS similarity, unnest(?::DOUBLE[]) AS word_share",
            [
                ids,
                [similarities.get(name) for name in ids],
                [shares.get(name, 0.0) for name in ids],
            ],
        )
        rows = _rows(con, scope, most)
    hits = [_hit(row, query) for row in rows]
    others = sum(
        row["stored"] is not None
        and abs(hit.similarity - row["stored"]) > MOST_DEVIATION
        for row, hit in zip(rows, hits, strict=True)
    )
    if others:
        _log.warning(
            "The vector index %r has other vectors than the warehouse for %d scripts, "
            "as an older copy has; run `ig-assets sync`, which repairs them for "
            "nothing.",
            scope.index_name,
            others,
        )
    return hits


def _rows(con: Connection, scope: Scope, most: int) -> list[dict[str, Any]]:
    cursor = con.execute(
        _CANDIDATES,
        {
            "name": scope.index_name,
            "namespace": scope.space.namespace,
            "model": scope.space.model,
            "dimensions": scope.space.dimensions,
            "excluded": list(scope.excluded),
            "language": scope.filters.language,
            "origin": scope.filters.origin,
            "min_rate": scope.filters.min_rate,
            "month": scope.filters.month,
            "include_winners": scope.include_winners,
            "most": most,
        },
    )
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _hit(row: Mapping[str, Any], query: Vector) -> Hit:
    columns = dict(row)
    vector = np.asarray(columns.pop("vector"), np.float32)
    share = columns.pop("word_share")
    stored = columns.pop("stored")
    return Hit(columns, vector, cosine(vector, query), share, stored is not None)
