"""Writes edges, which say what came from what.

An edge is one row per child, parent and relation. No edge is deleted; an edge that a
later decision made untrue is marked as superseded. Only this module writes edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

KINDS = (
    "import",
    "script",
    "revision",
    "variant",
    "post",
    "experiment",
    "decision",
    "example",
    "dataset",
    "job",
    "model",
)
"""The kinds that an edge can connect. A decision's id is that of its experiment."""


@dataclass(frozen=True)
class Edge:
    """One edge: the child came from the parent; each is named by kind and id."""

    child_kind: str
    child_id: str
    parent_kind: str
    parent_id: str
    relation: str


def record_edges(
    con: Connection, edges: Iterable[Edge], run_id: str | None, now: datetime
) -> int:
    """Write edges in the caller's transaction; return the number of edges given.

    An existing edge keeps its first run and time. Raises ValueError for a kind that is
    not in `KINDS`.
    """
    rows = []
    for edge in edges:
        for kind in (edge.child_kind, edge.parent_kind):
            _check_kind(kind)
        rows.append(
            {
                "child_kind": edge.child_kind,
                "child_id": edge.child_id,
                "parent_kind": edge.parent_kind,
                "parent_id": edge.parent_id,
                "relation": edge.relation,
                "run_id": run_id,
                "recorded_at": now,
            }
        )
    return merge_rows(con, "edges", rows, replace=False)


_PARENTS = """
MERGE INTO edges AS t
USING (
    SELECT DISTINCT $1::TEXT AS child_kind, $2::TEXT AS child_id,
        $3::TEXT AS parent_kind, parent_id, relation
    FROM (SELECT unnest($4::TEXT[]) AS parent_id, unnest($5::TEXT[]) AS relation)
) AS s
ON t.child_kind = s.child_kind AND t.child_id = s.child_id
    AND t.parent_kind = s.parent_kind AND t.parent_id = s.parent_id
    AND t.relation = s.relation
WHEN NOT MATCHED THEN INSERT (
    child_kind, child_id, parent_kind, parent_id, relation, run_id, recorded_at
) VALUES (
    s.child_kind, s.child_id, s.parent_kind, s.parent_id, s.relation, $6, $7
)
"""


def record_parents(
    con: Connection,
    child: tuple[str, str],
    parent_kind: str,
    parents: Sequence[tuple[str, str]],
    run_id: str | None,
    now: datetime,
) -> None:
    """Write the edges of one child to many parents, as `record_edges` does.

    `child` is (kind, id); `parents` are (id, relation). This takes a third of the time
    and memory of `record_edges`. Raises ValueError for a kind that is not in `KINDS`.
    """
    for kind in (child[0], parent_kind):
        _check_kind(kind)
    ids, relations = ([parent[n] for parent in parents] for n in (0, 1))
    con.execute(_PARENTS, [*child, parent_kind, ids, relations, run_id, now])


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"Lineage knows no kind {kind!r}.")


# `now` has the one edge of each decision that is true now, where there is one.
_SUPERSEDE = """
UPDATE edges
SET superseded_at = CASE WHEN edges.{far}_id = now.far_id THEN NULL
    ELSE coalesce(edges.superseded_at, $1::TIMESTAMP) END
FROM (SELECT unnest($2::TEXT[]) AS near_id, unnest($3::TEXT[]) AS far_id) AS now
WHERE edges.{near}_kind = 'decision'
  AND edges.{near}_id = now.near_id
  AND edges.relation = '{relation}'
"""


def supersede_winners(
    con: Connection, winners: Mapping[str, tuple[str | None, str | None]], now: datetime
) -> None:
    """Mark edges to former winners as superseded, and unmark edges to present winners.

    `winners` is {experiment id: (winning post, script id of the winner)}; both are None
    if nothing won. A marked edge keeps the time of its first mark.
    """
    if not winners:
        return
    posts, scripts = (list(column) for column in zip(*winners.values(), strict=True))
    for near, far, relation, known in (
        ("child", "parent", "winner", posts),
        ("parent", "child", "won", scripts),
    ):
        sql = _SUPERSEDE.format(near=near, far=far, relation=relation)
        con.execute(sql, [now, list(winners), known])
