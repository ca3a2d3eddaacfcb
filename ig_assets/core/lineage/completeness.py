"""Checks that lineage is complete: each fact has its edge, and both ends exist.

Forgotten things keep their edges, without words, and their ids count as known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ig_assets.core.lineage.facts import RECORDED
from ig_assets.core.lineage.model_scripts import FED
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection


@dataclass(frozen=True)
class Gap:
    """One fault of lineage.

    `kind` and `id` name the thing with the fault; for a fault of an edge this is the
    child. `fault` describes the fault in words.
    """

    kind: str
    id: str
    fault: str


@dataclass(frozen=True)
class Completeness:
    """The numbers of edges, facts and gaps, and the first gaps of each check.

    `count` is the number of all gaps; `gaps` has at most the `limit` of
    `check_completeness` for each check.
    """

    edges: int
    facts: int
    gaps: tuple[Gap, ...]
    count: int


# Where the ids of each kind are. What a forgetting deletes is in tables of its own.
_KNOWN = {
    "import": "SELECT import_id FROM imports",
    "script": (
        "SELECT script_id FROM scripts UNION ALL SELECT script_id FROM script_status "
        "UNION ALL SELECT script_id FROM forgotten"
    ),
    "revision": (
        "SELECT revision_hash FROM scripts UNION ALL "
        "SELECT revision_hash FROM script_status UNION ALL "
        "SELECT revision_hash FROM variants UNION ALL "
        "SELECT revision_hash FROM post_edits UNION ALL "
        "SELECT published_revision_hash FROM posts"
    ),
    "variant": (
        "SELECT variant_id FROM drafts UNION ALL SELECT variant_id FROM variants"
    ),
    "post": "SELECT post_id FROM posts",
    "experiment": "SELECT experiment_id FROM experiments",
    "decision": "SELECT experiment_id FROM decisions",
    "example": (
        "SELECT example_id FROM training_examples UNION ALL "
        "SELECT example_id FROM forgotten_examples"
    ),
    "dataset": "SELECT dataset_hash FROM datasets",
    "job": "SELECT job_id FROM fine_tune_jobs",
    "model": "SELECT model_id FROM models",
}

_UNKNOWN_END = """
    SELECT '{side}' AS side, {side}_kind AS end_kind, {side}_id AS end_id, child_kind,
        child_id, relation
    FROM edges
    ANTI JOIN ({known}) AS k(id) ON k.id = edges.{side}_id
    WHERE {side}_kind = '{kind}'
"""

_MISSING = """
    SELECT DISTINCT '{child_kind}' AS child_kind, f.child_id,
        '{parent_kind}' AS parent_kind, f.parent_id, '{relation}' AS relation
    FROM ({sql}) AS f
    ANTI JOIN edges AS e
        ON e.child_id = f.child_id
        AND e.parent_id = f.parent_id
        AND e.child_kind = '{child_kind}'
        AND e.parent_kind = '{parent_kind}'
        AND e.relation = '{relation}'
"""

# What must come from something, by rows that have no edge or no id of it.
_WITHOUT = {
    "has no model or no prompt": """
        SELECT 'variant' AS kind, variant_id AS id
        FROM drafts
        WHERE model_id IS NULL OR prompt_hash IS NULL
    """,
    "has no revision of a script": """
        SELECT 'example', example_id
        FROM training_examples
        WHERE revision_hash IS NULL
    """,
    "has no decision": """
        SELECT 'example', t.example_id
        FROM training_examples AS t
        ANTI JOIN decisions AS d ON d.experiment_id = t.decision_ref
    """,
    "has fewer edges to examples than lines": """
        SELECT 'dataset', d.dataset_hash
        FROM datasets AS d
        WHERE d.kind = 'all'
            AND d.lines > (
                SELECT count(*)
                FROM edges AS e
                WHERE e.child_kind = 'dataset' AND e.child_id = d.dataset_hash
            )
    """,
    "has no dataset": """
        SELECT 'model', m.model_id
        FROM models AS m
        JOIN fine_tune_jobs AS j ON j.job_id = m.job_id
        ANTI JOIN datasets AS d ON d.dataset_hash = j.dataset_hash
    """,
    "came from no import": """
        SELECT DISTINCT 'script', script_id
        FROM scripts
        WHERE origin = 'history'
            AND script_id NOT IN (
                SELECT child_id
                FROM edges
                WHERE child_kind = 'script' AND relation = 'imported_from'
            )
    """,
    "was promoted and won no decision": """
        SELECT DISTINCT 'script', script_id
        FROM scripts
        WHERE origin = 'winner'
            AND script_id NOT IN (
                SELECT child_id
                FROM edges
                WHERE child_kind = 'script' AND relation = 'won'
            )
    """,
    "has a winner, and no edge to its post": """
        SELECT 'decision', d.experiment_id
        FROM latest_decisions AS d
        JOIN posts AS p
            ON p.experiment_id = d.experiment_id
            AND p.arm = d.winner_arm
            AND p.duplicate_of IS NULL
        WHERE d.decision IN ('winner', 'provisional')
        GROUP BY d.experiment_id
        HAVING NOT bool_or(EXISTS (
            SELECT 1
            FROM edges AS e
            WHERE e.child_kind = 'decision'
                AND e.child_id = d.experiment_id
                AND e.parent_id = p.post_id
                AND e.relation = 'winner'
                AND e.superseded_at IS NULL
        ))
    """,
    "was decided, and has no edge to a post of it": """
        SELECT 'decision', p.experiment_id
        FROM posts AS p
        JOIN latest_decisions AS d USING (experiment_id)
        WHERE p.status = 'published'
            AND p.duplicate_of IS NULL
            AND d.decision IN ('winner', 'provisional', 'inconclusive')
            AND NOT EXISTS (
                SELECT 1
                FROM edges AS e
                WHERE e.child_kind = 'decision'
                    AND e.child_id = p.experiment_id
                    AND e.parent_id = p.post_id
                    AND e.relation = 'decided_on'
            )
    """,
}


# `model_scripts` and the edges that it is made of, compared both ways.
_NOT_ALIKE = {
    "by its edges, and is not in model_scripts": (
        f"SELECT * FROM ({FED}) EXCEPT SELECT model_id, script_id FROM model_scripts"
    ),
    "by model_scripts, and not by its edges": (
        f"SELECT model_id, script_id FROM model_scripts EXCEPT SELECT * FROM ({FED})"
    ),
}

_ToGap = Callable[[dict[str, Any]], Gap]


def check_completeness(con: Connection, limit: int = 20) -> Completeness:
    """Compare rows with edges and edges with rows; return the numbers and the gaps.

    At most `limit` gaps of each check are listed. There is one check for each kind of
    fact without its edge, each kind of unknown child or parent, each kind of missing
    origin, and each direction in which `model_scripts` and the edges differ.
    """
    gaps: list[Gap] = []
    total = facts = 0
    for fact in RECORDED:
        facts += _number(con, f"SELECT count(*) FROM ({fact.sql})")
        sql = _MISSING.format(**vars(fact))
        total += _take(con, gaps, sql, limit, _missing_edge)
    for kind, known in _KNOWN.items():
        for side in ("child", "parent"):
            sql = _UNKNOWN_END.format(side=side, kind=kind, known=known)
            total += _take(con, gaps, sql, limit, _unknown_end)
    for fault, sql in _WITHOUT.items():
        rows = con.execute(sql).fetchall()
        total += len(rows)
        gaps += [Gap(str(kind), str(i), fault) for kind, i in sorted(rows)[:limit]]
    for fault, sql in _NOT_ALIKE.items():
        total += _take(con, gaps, sql, limit, partial(_fed, fault))
    edges = _number(con, "SELECT count(*) FROM edges")
    return Completeness(edges, facts, tuple(gaps), total)


def _take(con: Connection, gaps: list[Gap], sql: str, limit: int, gap: _ToGap) -> int:
    count = _number(con, f"SELECT count(*) FROM ({sql})")
    if count:
        rows = fetch_dicts(con, f"{sql} ORDER BY ALL LIMIT {limit}")
        gaps += map(gap, rows)
    return count


def _missing_edge(row: dict[str, Any]) -> Gap:
    return Gap(
        row["child_kind"],
        row["child_id"],
        f"has no edge {row['relation']} to {row['parent_kind']} {row['parent_id']}",
    )


def _unknown_end(row: dict[str, Any]) -> Gap:
    return Gap(
        row["child_kind"],
        row["child_id"],
        f"has an edge {row['relation']} whose {row['side']}, {row['end_kind']} "
        f"{row['end_id']}, is in no table",
    )


def _fed(fault: str, row: dict[str, Any]) -> Gap:
    script = f"was fed by script {row['script_id']}"
    return Gap("model", row["model_id"], f"{script} {fault}")


def _number(con: Connection, sql: str) -> int:
    return int(con.execute(sql).fetchall()[0][0])
