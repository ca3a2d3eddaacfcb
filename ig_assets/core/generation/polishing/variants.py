"""Reads and writes the rows of variants."""

from __future__ import annotations

from typing import Any

from ig_assets.core.costs.ledger.ledger import RunRef
from ig_assets.core.generation.gates.gates import record_figures
from ig_assets.core.generation.gates.hook_style import label_for
from ig_assets.core.generation.gates.spoken_length import spoken_seconds
from ig_assets.core.generation.polishing.attempts import text_columns
from ig_assets.core.generation.polishing.regenerate import (
    Polishing,
    RegenerationResult,
    Row,
)
from ig_assets.core.identity import text_hash
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection

_FROM_DRAFT = (
    "variant_id month topic_id arm hook_style provider model_id is_canary is_control "
    "tried_before"
)


def unpolished(con: Connection, month: str, topic_id: str | None = None) -> list[Row]:
    """Return the drafts without a variant, ordered by topic and arm.

    Drafts of topics that a person withdrew are left out.
    """
    return fetch_dicts(
        con,
        """
        SELECT d.*, t.topic, t.brief, t.language, t.audience, t.brand_voice
        FROM drafts AS d
        JOIN topics AS t ON t.month = d.month AND t.topic_id = d.topic_id
        LEFT JOIN variants AS v ON v.variant_id = d.variant_id
        ANTI JOIN withdrawn_topics AS w
          ON w.month = d.month AND w.topic_id = d.topic_id
        WHERE d.month = ? AND (? IS NULL OR d.topic_id = ?) AND v.variant_id IS NULL
        ORDER BY t.due_on, d.topic_id, d.arm
        """,
        [month, topic_id, topic_id],
    )


def corpus_texts(con: Connection) -> list[str]:
    """Return the texts of all revisions of all scripts, active or not."""
    rows = con.execute("SELECT DISTINCT text FROM scripts").fetchall()
    return [text for (text,) in rows]


def variant_texts(con: Connection, month: str) -> dict[str, dict[str, str]]:
    """Return {topic_id: {arm: text}} of the month's variants that were not rejected."""
    rows = con.execute(
        "SELECT topic_id, arm, text FROM variants "
        "WHERE month = ? AND rejection IS NULL",
        [month],
    ).fetchall()
    texts: dict[str, dict[str, str]] = {}
    for topic_id, arm, text in rows:
        texts.setdefault(topic_id, {})[arm] = text
    return texts


def record_variant(
    polishing: Polishing, draft: Row, outcome: RegenerationResult, run: RunRef
) -> None:
    """Write a variant, its figures and its polisher in one transaction.

    The polisher is the model that polished the draft. It is recorded even if the
    variant was rejected, unless the draft was kept unpolished.
    """
    now = polishing.ledger.clock.now()
    variant_id = draft["variant_id"]
    polisher = polishing.model.model_id if outcome.is_polished_text else None
    row = _row(draft, outcome) | {"polish_model_id": polisher, "created_at": now}
    with polishing.ledger.warehouse.transaction() as con:
        merge_rows(con, "variants", [row])
        record_figures(con, variant_id, outcome.chosen.figures, now)
        if polisher is not None:
            edge = Edge("variant", variant_id, "model", polisher, "polished_by")
            record_edges(con, [edge], run.run_id, now)


def _row(draft: Row, outcome: RegenerationResult) -> dict[str, Any]:
    chosen = outcome.chosen
    written, text = chosen.written, chosen.written.text
    figures = {figure.gate: figure.figure for figure in chosen.figures}
    # The draft's row keeps the requested style; the variant is labelled by its words.
    style = label_for(written.hook, draft["hook_style"], draft["language"])
    return (
        {name: draft[name] for name in _FROM_DRAFT.split()}
        | text_columns(written)
        | {
            "hook_style": style if written.hook else draft["hook_style"],
            "revision_hash": text_hash(text) if text else None,
            "estimated_seconds": (
                spoken_seconds(text, draft["language"]) if text else None
            ),
            "novelty": figures.get("novelty"),
            "sibling_similarity": figures.get("sibling_similarity"),
        }
    )
