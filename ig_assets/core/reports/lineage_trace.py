"""Answers from edges and rows: what something came from, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ig_assets.core.experiments.phrases import HELD_FOR
from ig_assets.core.experiments.reports.wording import accepted
from ig_assets.core.models.registry import get_model
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

MIN_PREFIX = 4

# Where a user's argument is looked for: kind, table, column; first hit wins.
_PLACES = (
    ("model", "models", "model_id"),
    ("job", "fine_tune_jobs", "job_id"),
    ("job", "fine_tune_jobs", "provider_job_id"),
    ("dataset", "datasets", "dataset_hash"),
    ("example", "training_examples", "example_id"),
    ("script", "scripts", "script_id"),
    ("script", "forgotten", "script_id"),
    ("variant", "drafts", "variant_id"),
    ("variant", "variants", "variant_id"),
    ("post", "posts", "post_id"),
    ("experiment", "experiments", "experiment_id"),
    ("revision", "scripts", "revision_hash"),
    ("revision", "variants", "revision_hash"),
    ("revision", "post_edits", "revision_hash"),
)

# The edges of some nodes, given as two lists. An experiment's decision is the
# experiment: both names occur in edges.
_STEP = """
WITH nodes AS (SELECT unnest(?::TEXT[]) AS kind, unnest(?::TEXT[]) AS id),
steps AS (
    SELECT
        CASE {near}_kind WHEN 'decision' THEN 'experiment' ELSE {near}_kind END
            AS via_kind,
        {near}_id AS via_id,
        CASE {far}_kind WHEN 'decision' THEN 'experiment' ELSE {far}_kind END
            AS kind,
        {far}_id AS id,
        relation,
        superseded_at
    FROM edges
)
SELECT DISTINCT s.kind, s.id, s.via_kind, s.via_id, s.relation, s.superseded_at
FROM steps s
JOIN nodes n ON n.kind = s.via_kind AND n.id = s.via_id
ORDER BY s.kind, s.id, s.via_kind, s.via_id, s.relation
"""

_ACCEPTED = """
SELECT experiment_id, changed_by AS accepted_by, changed_at AS accepted_at,
    reason AS accepted_reason
FROM accepted_winners
WHERE list_contains(?::TEXT[], experiment_id)
"""

_HELD = """
SELECT experiment_id, cause
FROM held_winners
WHERE list_contains(?::TEXT[], experiment_id)
"""

_BEHIND = """
WITH fed AS (
    SELECT DISTINCT j.month, d.parent_id AS example_id, d.relation AS split
    FROM edges m
    JOIN edges u ON u.child_kind = 'job' AND u.child_id = m.parent_id
        AND u.parent_kind = 'dataset'
    JOIN edges d ON d.child_kind = 'dataset' AND d.child_id = u.parent_id
        AND d.parent_kind = 'example'
    JOIN fine_tune_jobs j ON j.job_id = m.parent_id
    WHERE m.child_kind = 'model' AND m.child_id = ? AND m.parent_kind = 'job'
)
SELECT f.example_id, f.split, t.kind, t.script_id, t.variant_id, t.revision_hash,
    t.weight, t.reason, t.decision_ref AS experiment_id, d.decision, d.lift, s.log_e,
    h.cause AS held_by,
    t.example_id IS NOT NULL AND d.decision IS NOT NULL AND NOT coalesce(
        d.winner_revision_hash = t.revision_hash
        OR d.winner_variant_id = t.variant_id
        OR d.winner_script_id = t.script_id,
        FALSE
    ) AS is_superseded
FROM fed f
LEFT JOIN training_examples t ON t.month = f.month AND t.example_id = f.example_id
LEFT JOIN latest_decisions d ON d.experiment_id = t.decision_ref
LEFT JOIN standings s ON s.experiment_id = d.experiment_id
    AND s.data_through = d.data_through
LEFT JOIN held_winners h ON h.experiment_id = d.experiment_id
ORDER BY t.weight DESC NULLS LAST, t.kind DESC, f.example_id
"""


@dataclass(frozen=True)
class TraceRow:
    """One edge on the way: `kind`/`id` was reached through `via_kind`/`via_id`.

    `superseded_at` says since when it is no longer true: a test has another winner
    since then, or none. `accepted` says of a test's winner who let it be used although
    it would be held, when and why; `held` why it is displayed and not used.
    """

    depth: int
    kind: str
    id: str
    via_kind: str
    via_id: str
    relation: str
    superseded_at: datetime | None
    accepted: str | None = None
    held: str | None = None


@dataclass(frozen=True)
class ScriptBehind:
    """One example behind a model: whose words, with which weight, on what evidence.

    `lift` is a ratio minus 1 over the runner-up and `log_e` the standing's ln e, of the
    test's decision now (NULL where it has no winner or they were not measured).
    `in_model` says that the model learnt from it: of a dataset's train split, or shown
    in context by a few-shot model. What was forgotten since keeps its example id, and
    everything else is NULL.
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


def trace(
    con: Connection, kind: str, id: str, direction: str, max_depth: int | None = None
) -> list[TraceRow]:
    """Every edge from a node 'up' (what it came from) or 'down' (what came of it).

    Each edge once, nearest first; `max_depth` steps, or all. Raises InputError for
    another direction.
    """
    if direction not in ("up", "down"):
        raise InputError(f"Lineage goes 'up' or 'down', not {direction!r}.")
    near, far = ("child", "parent") if direction == "up" else ("parent", "child")
    sql = _STEP.format(near=near, far=far)
    rows: list[dict[str, Any]] = []
    nodes, known = [(kind, id)], {(kind, id)}
    depth = 0
    while nodes and depth != max_depth:
        depth += 1
        found = fetch_dicts(con, sql, [[k for k, _ in nodes], [i for _, i in nodes]])
        rows += [{"depth": depth, **row} for row in found]
        nodes = sorted({(row["kind"], row["id"]) for row in found} - known)
        known.update(nodes)
    tests = {
        index: row["id"] if row["kind"] == "experiment" else row["via_id"]
        for index, row in enumerate(rows)
        if row["relation"] in ("winner", "won") and row["superseded_at"] is None
    }
    words = _accepted(con, tests.values())
    causes = fetch_dicts(con, _HELD, [sorted(set(tests.values()))])
    held = {row["experiment_id"]: HELD_FOR[row["cause"]] for row in causes}
    return [
        TraceRow(**row, accepted=words.get(test), held=held.get(test))
        for row, test in ((row, tests.get(i, "")) for i, row in enumerate(rows))
    ]


def scripts_behind_model(con: Connection, model_id: str) -> list[ScriptBehind]:
    """Which scripts fed a model, heaviest first; a base model has none.

    Raises InputError for an unknown model.
    """
    artifact = get_model(con, model_id).artifact or {}
    shown = artifact.get("example_ids")
    behind = []
    rows = fetch_dicts(con, _BEHIND, [model_id])
    words = _accepted(con, {row["experiment_id"] for row in rows} - {None})
    for row in rows:
        if shown is None:
            in_model = row["split"] == "train"
        else:
            in_model = row["example_id"] in shown
        row["reason"] = row["reason"] or "gone: forgotten since"
        held_by = row.pop("held_by")
        if row.pop("is_superseded"):
            row["reason"] += f" (superseded: the test is {row['decision']} now)"
        elif held_by is not None:
            row["reason"] += f" (held now: {held_by})"
        elif row["experiment_id"] in words:
            row["reason"] += f" ({words[row['experiment_id']]})"
        behind.append(ScriptBehind(**row, in_model=in_model))
    return behind


def _accepted(con: Connection, experiment_ids: Iterable[str]) -> dict[str, str]:
    """Of the tests whose winner a person accepted: who, when and why."""
    rows = fetch_dicts(con, _ACCEPTED, [sorted(set(experiment_ids))])
    return {row["experiment_id"]: accepted(row) for row in rows}


def resolve(con: Connection, reference: str) -> tuple[str, str]:
    """The kind and id that a user means.

    By an id or its beginning (4 letters or more), a model's name, a month, a file's
    name, a script's topic or author, or a post's id or address on its platform. A month
    means its model, or its dataset where there is no model. Raises InputError when
    nothing fits, or more than one thing: then it lists them.
    """
    wanted = reference.strip()
    if re.fullmatch(r"\d{4}-\d{2}", wanted):
        return _of_month(con, wanted)
    for kind, table, column in _PLACES:
        key = "job_id" if column == "provider_job_id" else column
        rows = con.execute(
            f"SELECT {key} FROM {table} WHERE {column} = ? LIMIT 1", [wanted]
        ).fetchall()
        if rows:
            return kind, str(rows[0][0])
    named = con.execute(
        "SELECT model_id FROM models WHERE name = ? "
        "ORDER BY created_at DESC, model_id LIMIT 1",
        [wanted],
    ).fetchall()
    if named:
        return "model", str(named[0][0])
    return _only_one(wanted, _by_name(con, wanted) or _by_prefix(con, wanted))


def _of_month(con: Connection, month: str) -> tuple[str, str]:
    for kind, sql in (
        (
            "model",
            "SELECT m.model_id FROM models m JOIN fine_tune_jobs j "
            "ON j.job_id = m.job_id WHERE j.month = ? "
            "ORDER BY m.created_at DESC, m.model_id LIMIT 1",
        ),
        (
            "dataset",
            "SELECT dataset_hash FROM datasets WHERE month = ? AND kind = 'all' "
            "ORDER BY created_at DESC, dataset_hash LIMIT 1",
        ),
    ):
        rows = con.execute(sql, [month]).fetchall()
        if rows:
            return kind, str(rows[0][0])
    raise InputError(f"{month} has neither a model nor a dataset.")


_BY_NAME = """
SELECT 'script' AS kind, script_id AS id FROM scripts
WHERE lower($1) IN (
    lower(source_uri), lower(parse_filename(source_uri)),
    lower(parse_filename(source_uri, TRUE)), lower(topic), lower(author)
) AND script_id NOT IN (SELECT script_id FROM forgotten_scripts)
UNION
SELECT 'post', post_id FROM posts WHERE lower(platform_post_id) = lower($1)
UNION
SELECT 'variant', v.variant_id FROM variants v
JOIN topics t ON t.month = v.month AND t.topic_id = v.topic_id
WHERE lower(t.topic) = lower($1)
UNION
SELECT 'import', import_id FROM imports
WHERE lower($1) IN (lower(source_uri), lower(parse_filename(source_uri)))
ORDER BY kind, id
LIMIT 50
"""


def _by_name(con: Connection, name: str) -> set[tuple[str, str]]:
    """Scripts, posts, variants and imports that a person may know by this name."""
    if not name:
        return set()
    return {(kind, str(i)) for kind, i in con.execute(_BY_NAME, [name]).fetchall()}


def _by_prefix(con: Connection, prefix: str) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    if len(prefix) >= MIN_PREFIX:
        for kind, table, column in _PLACES:
            key = "job_id" if column == "provider_job_id" else column
            rows = con.execute(
                f"SELECT DISTINCT {key} FROM {table} "
                f"WHERE starts_with({column}, ?) ORDER BY {key} LIMIT 6",
                [prefix],
            ).fetchall()
            found |= {(kind, str(row[0])) for row in rows}
    return found


def _only_one(wanted: str, found: set[tuple[str, str]]) -> tuple[str, str]:
    if not found:
        raise InputError(
            f"Nothing is called {wanted!r}; give a month, the name of a model, file, "
            f"topic or author, or at least {MIN_PREFIX} letters of an id."
        )
    if len(found) > 1:
        names = ", ".join(f"{kind} {i}" for kind, i in sorted(found)[:5])
        more = ", …" if len(found) > 5 else ""  # the queries stop counting
        raise InputError(f"{wanted!r} may be one of: {names}{more}; give one of these.")
    return found.pop()
