"""Collects all stored facts about one script or variant, to show them to a person."""

from __future__ import annotations

import json
from typing import Any, TypedDict

from ig_assets.core.corpus.queries import forgotten_scripts, forgotten_variants
from ig_assets.core.generation.gates.gates import GATES
from ig_assets.core.lineage.first_words import first_words
from ig_assets.core.lineage.model_scripts import model_ids_of_script
from ig_assets.core.reports.lineage.names import resolve
from ig_assets.core.reports.texts.text_lists import Filters, list_variants
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_SCRIPT = """
SELECT s.*, l.status, l.reason AS status_reason
FROM scripts AS s
JOIN latest_script_status AS l
  ON l.script_id = s.script_id
 AND l.revision_hash = s.revision_hash
WHERE s.script_id = ?
"""

_PERFORMANCE = """
SELECT source, as_of, views, reach, likes, comments, shares, saves, rate
FROM latest_performance
WHERE script_id = ?
  AND revision_hash = ?
ORDER BY as_of DESC, source
"""

_USES = """
SELECT
    (SELECT count(DISTINCT variant_id) FROM retrievals WHERE script_id = $1)
        AS grounded_variants,
    (SELECT count(*) FROM training_examples WHERE script_id = $1) AS training_lines,
    (SELECT count(*) FROM index_entries WHERE script_id = $1) AS index_entries
"""

_VARIANT = """
SELECT *
FROM variants
WHERE variant_id = ?
"""

_FIGURES = """
SELECT gate, figure, at_least, at_most, passed
FROM variant_figures
WHERE variant_id = ?
ORDER BY gate
"""

_GROUNDS = """
SELECT r.rank, r.script_id, r.similarity,
    coalesce(nullif(s.hook, ''), s.text) AS words, s.topic, s.author, s.simulated
FROM retrievals AS r
LEFT JOIN scripts AS s
  ON s.script_id = r.script_id
 AND s.revision_hash = r.revision_hash
 AND s.script_id NOT IN (SELECT script_id FROM forgotten_scripts)
WHERE r.variant_id = ?
ORDER BY r.rank
"""


class WholeText(TypedDict):
    """One text to show.

    `facts` is {name: value}, `parts` {name: words}, `tables` {title: rows}.
    """

    id: str
    facts: dict[str, Any]
    parts: dict[str, str]
    tables: dict[str, list[dict[str, Any]]]


def whole_script(con: Connection, reference: str) -> WholeText:
    """Return the script that a person means by `reference`.

    It is an id, the beginning of one, a file, a topic or an author. Raises InputError
    if nothing or more than one thing matches, or if the script was forgotten.
    """
    script_id = _of_kind(con, reference, "script")
    rows = fetch_dicts(con, _SCRIPT, [script_id])
    if not rows or script_id in forgotten_scripts(con):
        raise InputError(f"The script {script_id} was forgotten; its words are gone.")
    row = rows[0]
    uses = fetch_dicts(con, _USES, [script_id])[0]
    figures = fetch_dicts(con, _PERFORMANCE, [script_id, row["revision_hash"]])
    status = row["status"]
    if row["status_reason"]:
        status = f"{status}: {row['status_reason']}"
    return WholeText(
        id=script_id,
        facts={
            "topic": row["topic"],
            "by": row["author"],
            "origin": row["origin"] + (" (simulated)" if row["simulated"] else ""),
            "source": row["source_uri"],
            "status": status,
            "hook style": row["hook_style"],
            "language": row["language"],
            "first seen": row["first_seen_at"],
            "in the index": bool(uses["index_entries"]),
            "variants it grounded": uses["grounded_variants"],
            "lines in training sets": uses["training_lines"],
            "models it fed": ", ".join(model_ids_of_script(con, script_id)),
        },
        parts=_parts(row),
        tables={"figures": [_filled(one) for one in figures]},
    )


def whole_variant(con: Connection, reference: str) -> WholeText:
    """Return the variant that a person means by `reference`.

    It is an id, the beginning of one, or a topic. Raises InputError if nothing or more
    than one thing matches, or if the variant was forgotten.
    """
    variant_id = _of_kind(con, reference, "variant")
    rows = fetch_dicts(con, _VARIANT, [variant_id])
    if not rows:
        raise InputError(
            f"The variant {variant_id} is a draft that was not polished yet."
        )
    if variant_id in forgotten_variants(con):
        raise InputError(f"The variant {variant_id} was forgotten; its words are gone.")
    row = rows[0]
    listed, _ = list_variants(con, Filters(month=row["month"]))
    now = {one["variant_id"]: one for one in listed}.get(variant_id)
    figures = fetch_dicts(con, _FIGURES, [variant_id])
    grounds = fetch_dicts(con, _GROUNDS, [variant_id])
    return WholeText(
        id=variant_id,
        facts={
            "topic": now["topic"] if now else None,
            "month": row["month"],
            "arm": row["arm"],
            "state": now["state"] if now else "replaced by a later attempt",
            "shown to": (
                "the simulated audience" if now and now["simulated"] else None
            ),
            "hook style": row["hook_style"],
            "written by": row["model"],
            "seconds": row["estimated_seconds"],
            "novelty": row["novelty"],
            "written at": row["created_at"],
        },
        parts=_parts(row),
        tables={
            "gates": [
                {
                    "gate": GATES.get(one["gate"], one["gate"]),
                    "figure": one["figure"],
                    "at least": one["at_least"],
                    "at most": one["at_most"],
                    "passed": one["passed"],
                }
                for one in figures
            ],
            "grounded in": [
                {
                    "rank": one["rank"],
                    "script": one["script_id"],
                    "first words": first_words(one["words"]) or "(forgotten)",
                    "topic": one["topic"],
                    "by": one["author"],
                    "similarity": one["similarity"],
                    "simulated": bool(one["simulated"]),
                }
                for one in grounds
            ],
        },
    )


def _of_kind(con: Connection, reference: str, kind: str) -> str:
    try:
        return resolve(con, reference, kind)[1]
    except InputError:
        found, _ = resolve(con, reference)
        if found == kind:
            raise
    raise InputError(
        f"{reference!r} is a {found}, not a {kind}; see `ig-assets lineage "
        f"{reference}`."
    )


def _parts(row: dict[str, Any]) -> dict[str, str]:
    parts = {
        "hook": row["hook"],
        "body": row["body"],
        "call to action": row["call_to_action"],
        "on screen": row.get("on_screen_text"),
        "shots": "\n".join(json.loads(row.get("shots") or "[]")),
    }
    if not any(parts.values()):
        return {"text": row["text"] or ""}
    return {name: text for name, text in parts.items() if text}


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
