"""Traces lineage by edges and rows: what something came from, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ig_assets.core.experiments.phrases import HELD_FOR
from ig_assets.core.experiments.reports.wording import accepted
from ig_assets.core.lineage.edges import KINDS
from ig_assets.core.lineage.facts import DERIVED
from ig_assets.core.models.registry import get_model
from ig_assets.core.ports.training import DPO, SFT
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

# The edges of some nodes, given as two lists: those that were written, and those that
# rows state. One part per kind: DuckDB skips the edges of another kind unread then, and
# decodes the id of every edge where kind and id are joined together (1.5).
_WRITTEN = """
    SELECT e.{far}_kind AS kind, e.{far}_id AS id, e.{near}_kind AS via_kind,
        e.{near}_id AS via_id, e.relation, e.superseded_at, e.run_id
    FROM edges AS e
    JOIN nodes AS n ON n.kind = '{near_kind}' AND n.id = e.{near}_id
    WHERE e.{near}_kind = '{near_kind}'
        AND ($3::TIMESTAMP IS NULL OR e.recorded_at < $3::TIMESTAMP)
"""
_STATED = """
    SELECT '{far_kind}' AS kind, f.{far}_id AS id, '{near_kind}' AS via_kind,
        f.{near}_id AS via_id, '{relation}' AS relation,
        NULL::TIMESTAMP AS superseded_at, NULL AS run_id
    FROM ({sql}) AS f
    JOIN nodes AS n ON n.kind = '{near_kind}' AND n.id = f.{near}_id
    WHERE $3::TIMESTAMP IS NULL OR f.at IS NULL OR f.at < $3::TIMESTAMP
"""
# An edge that is written and stated too is one row, and so is one of a test that is
# named as decision and as experiment.
_STEP = """
WITH nodes AS MATERIALIZED (
    SELECT unnest($1::TEXT[]) AS kind, unnest($2::TEXT[]) AS id
)
SELECT CASE kind WHEN 'decision' THEN 'experiment' ELSE kind END AS kind, id,
    CASE via_kind WHEN 'decision' THEN 'experiment' ELSE via_kind END AS via_kind,
    via_id, relation,
    max(CASE WHEN $3::TIMESTAMP IS NULL OR superseded_at < $3::TIMESTAMP
        THEN superseded_at END) AS superseded_at,
    min(run_id) AS run_id
FROM ({parts})
GROUP BY ALL
ORDER BY 1, 2, 3, 4, 5
"""

_ACCEPTED = """
SELECT experiment_id, changed_by AS accepted_by, changed_at AS accepted_at,
    reason AS accepted_reason
FROM accepted_winners
WHERE experiment_id IN (SELECT unnest($1::TEXT[]))
    AND ($2::TIMESTAMP IS NULL OR changed_at < $2::TIMESTAMP)
"""

_HELD = """
SELECT experiment_id, cause
FROM held_winners
WHERE experiment_id IN (SELECT unnest(?::TEXT[]))
"""

_BEHIND = """
WITH fed AS (
    SELECT DISTINCT j.month, j.hyperparameters, d.parent_id AS example_id,
        d.relation AS split
    FROM edges m
    JOIN edges u ON u.child_kind = 'job' AND u.child_id = m.parent_id
        AND u.parent_kind = 'dataset'
    JOIN edges d ON d.child_kind = 'dataset' AND d.child_id = u.parent_id
        AND d.parent_kind = 'example'
    JOIN fine_tune_jobs j ON j.job_id = m.parent_id
    WHERE m.child_kind = 'model' AND m.child_id = $1 AND m.parent_kind = 'job'
)
SELECT f.example_id, f.split, t.kind, t.script_id, t.variant_id, t.revision_hash,
    t.weight, t.reason, t.decision_ref AS experiment_id, d.decision, d.lift, s.log_e,
    s.rule,
    h.cause AS held_by, f.hyperparameters,
    coalesce(t.kind, (
        SELECT min(g.kind)
        FROM forgotten_examples AS g
        WHERE g.month = f.month AND g.example_id = f.example_id
    )) AS known_kind,
    t.example_id IS NOT NULL AND d.decision IS NOT NULL AND NOT coalesce(
        d.winner_revision_hash = t.revision_hash
        OR d.winner_variant_id = t.variant_id
        OR d.winner_script_id = t.script_id,
        FALSE
    ) AS is_superseded
FROM fed f
LEFT JOIN training_examples t ON t.month = f.month AND t.example_id = f.example_id
LEFT JOIN (
    SELECT *
    FROM decisions
    WHERE $2::TIMESTAMP IS NULL OR decided_at < $2::TIMESTAMP
    QUALIFY row_number() OVER (
        PARTITION BY experiment_id
        ORDER BY decided_at DESC
    ) = 1
) AS d ON d.experiment_id = t.decision_ref
LEFT JOIN standings s ON s.experiment_id = d.experiment_id
    AND s.data_through = d.data_through
LEFT JOIN held_winners h ON h.experiment_id = d.experiment_id
ORDER BY t.weight DESC NULLS LAST, t.kind DESC, f.example_id
"""


# What the edges still say of examples whose rows a forgetting deleted.
_GONE = """
SELECT child_id AS example_id,
    max(CASE WHEN parent_kind = 'script' THEN parent_id END) AS script_id,
    max(CASE WHEN parent_kind = 'variant' THEN parent_id END) AS variant_id,
    max(CASE WHEN parent_kind = 'revision' THEN parent_id END) AS revision_hash
FROM edges
WHERE child_kind = 'example' AND relation = 'chosen'
    AND child_id IN (SELECT unnest(?::TEXT[]))
GROUP BY child_id
"""

# Of the pairs among these examples, the text that lost.
_WORSE = _GONE.replace("relation = 'chosen'", "relation = 'rejected'")


@dataclass(frozen=True)
class WorseText:
    """The text that lost in a pair."""

    script_id: str | None
    variant_id: str | None
    revision_hash: str | None


@dataclass(frozen=True)
class TraceRow:
    """One edge of a trace: the node `kind`/`id` was reached from `via_kind`/`via_id`.

    `depth` is the number of steps from the start. `superseded_at` is the time since
    which the edge is no longer true, since its test has another winner or none.
    `accepted` says who accepted a winner that would otherwise be held, when and why.
    `held` says why a winner is displayed and not used.
    """

    depth: int
    kind: str
    id: str
    via_kind: str
    via_id: str
    relation: str
    superseded_at: datetime | None
    run_id: str | None = None
    accepted: str | None = None
    held: str | None = None


@dataclass(frozen=True)
class ScriptBehind:
    """One example behind a model: whose words, with which weight, on what evidence.

    `rule` decided the test: "e" (e-value) or "z" (the single z-test). `lift` is a ratio
    minus 1 over the runner-up and `log_e` the standing's ln e, both of the test's
    latest decision; they are None if it has no winner or they were not measured.
    `in_model` is true if the model learnt from the example: it was in the prompt of a
    few-shot model, or it is in the train split and of a kind that the trainer used
    (supervised lines or pairs). `worse` is the losing text of a pair. If the script has
    been forgotten, only ids are left.
    """

    example_id: str
    split: str
    kind: str | None
    script_id: str | None
    variant_id: str | None
    revision_hash: str | None
    weight: float | None
    reason: str
    experiment_id: str | None
    decision: str | None
    lift: float | None
    log_e: float | None
    in_model: bool
    rule: str | None = None
    worse: WorseText | None = None


def trace(
    con: Connection,
    kind: str,
    id: str,
    direction: str,
    max_depth: int | None = None,
    as_of: datetime | None = None,
) -> list[TraceRow]:
    """Return every edge 'up' (what a node came from) or 'down' (what came of it).

    Each edge is returned once, nearest first, up to `max_depth` steps; None means all.
    With `as_of` only edges known before that instant are returned, and `held` is not
    set. Raises InputError for another direction.
    """
    return trace_all(con, [(kind, id)], direction, max_depth, as_of)


def trace_all(
    con: Connection,
    start: Iterable[tuple[str, str]],
    direction: str,
    max_depth: int | None = None,
    as_of: datetime | None = None,
) -> list[TraceRow]:
    """Trace from several nodes together; see `trace`."""
    if direction not in ("up", "down"):
        raise InputError(f"Lineage goes 'up' or 'down', not {direction!r}.")
    rows: list[tuple[int, _EdgeRow]] = []
    nodes = sorted(set(start))
    known = set(nodes)
    depth = 0
    while nodes and depth != max_depth:
        depth += 1
        found = _step(con, nodes, direction, as_of)
        rows += [(depth, row) for row in found]
        nodes = sorted({(row[0], row[1]) for row in found} - known)
        known.update(nodes)
    tests = {
        index: id if kind == "experiment" else via_id
        for index, (_, (kind, id, _, via_id, relation, superseded, _)) in enumerate(
            rows
        )
        if relation in ("winner", "won") and superseded is None
    }
    words = _accepted(con, tests.values(), as_of)
    held = _held(con, tests.values()) if as_of is None else {}
    return [
        TraceRow(depth, *row, words.get(test), held.get(test))
        for (depth, row), test in (
            (row, tests.get(index, "")) for index, row in enumerate(rows)
        )
    ]


_EdgeRow = tuple[str, str, str, str, str, datetime | None, str | None]
"""Kind, id, via kind, via id, relation, superseded at and run id of an edge."""


def _step(
    con: Connection,
    nodes: Sequence[tuple[str, str]],
    direction: str,
    as_of: datetime | None,
) -> list[_EdgeRow]:
    """Return the edges of these nodes, each once, ordered by the nodes they lead to.

    An experiment and its decision are one node: edges use both names.
    """
    asked = [*nodes, *(("decision", i) for kind, i in nodes if kind == "experiment")]
    near, far = ("child", "parent") if direction == "up" else ("parent", "child")
    kinds = {kind for kind, _ in asked}
    parts = [
        _WRITTEN.format(near=near, far=far, near_kind=kind)
        for kind in KINDS
        if kind in kinds
    ]
    for fact in DERIVED:
        ends = {"child": fact.child_kind, "parent": fact.parent_kind}
        if ends[near] in kinds:
            parts.append(
                _STATED.format(
                    near=near,
                    far=far,
                    near_kind=ends[near],
                    far_kind=ends[far],
                    relation=fact.relation,
                    sql=fact.sql,
                )
            )
    if not parts:
        return []
    sql = _STEP.format(parts=" UNION ALL ".join(parts))
    asked_of = [[kind for kind, _ in asked], [id for _, id in asked], as_of]
    return con.execute(sql, asked_of).fetchall()


def scripts_behind_model(
    con: Connection, model_id: str, as_of: datetime | None = None
) -> list[ScriptBehind]:
    """Return the examples that fed a model, heaviest first; a base model has none.

    With `as_of` the tests' decisions are those of that instant; forgotten examples are
    missing nevertheless. Raises InputError for an unknown model.
    """
    artifact = get_model(con, model_id).artifact or {}
    shown = artifact.get("example_ids")
    in_context = frozenset(shown or ())
    behind = []
    rows = fetch_dicts(con, _BEHIND, [model_id, as_of])
    words = _accepted(con, {row["experiment_id"] for row in rows} - {None}, as_of)
    lost = sorted(row["example_id"] for row in rows if row["kind"] is None)
    gone = {row["example_id"]: row for row in fetch_dicts(con, _GONE, [lost])}
    fed = sorted(row["example_id"] for row in rows)
    worse = {
        row.pop("example_id"): WorseText(**row)
        for row in fetch_dicts(con, _WORSE, [fed])
    }
    for row in rows:
        row |= gone.get(row["example_id"], {})
        kind, settings = row.pop("known_kind"), row.pop("hyperparameters")
        if shown is None:
            used = _kinds_used(settings, artifact)
            in_model = row["split"] == "train" and (kind is None or kind in used)
        else:
            in_model = row["example_id"] in in_context
        row["reason"] = row["reason"] or "gone: forgotten since"
        held_by = row.pop("held_by")
        if row.pop("is_superseded"):
            row["reason"] += f" (superseded: the test is {row['decision']} now)"
        elif held_by is not None:
            row["reason"] += f" (held now: {held_by})"
        elif row["experiment_id"] in words:
            row["reason"] += f" ({words[row['experiment_id']]})"
        other = worse.get(row["example_id"])
        behind.append(ScriptBehind(**row, in_model=in_model, worse=other))
    return behind


def _kinds_used(settings: str | None, artifact: Mapping[str, Any]) -> Collection[str]:
    """Return the kinds of lines that a job's trainer used: supervised, pairs, or both.

    `settings` are those that the job recorded (JSON). Jobs of earlier versions recorded
    the method only if it was not supervised; an adapter trained here uses both kinds.
    """
    if method := json.loads(settings or "{}").get("method"):
        return (method,)
    return (SFT, DPO) if artifact.get("kind") == "lora" else (SFT,)


def _accepted(
    con: Connection, experiment_ids: Iterable[str], as_of: datetime | None
) -> dict[str, str]:
    """Return {experiment id: who accepted its winner, when and why, in words}."""
    wanted = sorted(set(experiment_ids))
    rows = fetch_dicts(con, _ACCEPTED, [wanted, as_of]) if wanted else []
    return {row["experiment_id"]: accepted(row) for row in rows}


def _held(con: Connection, experiment_ids: Iterable[str]) -> dict[str, str]:
    """Return {experiment id: why its winner is held now}."""
    wanted = sorted(set(experiment_ids))
    rows = fetch_dicts(con, _HELD, [wanted]) if wanted else []
    return {row["experiment_id"]: HELD_FOR[row["cause"]] for row in rows}
