"""Samples for people: ids, labels and numbers of drafts and variants, never text."""

from __future__ import annotations

from typing import Any, TypedDict, cast

from ig_assets.core.generation.gates.gates import GATES
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection


class TopicVariant(TypedDict):
    """One try of an arm: its text, figures (shares 0 to 1, seconds) and cost.

    `cost_usd` is None if the price of one of its calls is unknown.
    """

    variant_id: str
    arm: str
    hook_style: str
    hook: str
    body: str
    call_to_action: str
    on_screen_text: str | None
    estimated_seconds: float | None
    novelty: float | None
    sibling_similarity: float | None
    rejection: str | None
    cost_usd: float | None
    calls: int


def draft_sample(
    con: Connection, month: str, topic_id: str | None = None
) -> list[dict[str, Any]]:
    """Return the first 20 drafts with the number of scripts that ground them."""
    return fetch_dicts(
        con,
        """
        SELECT d.variant_id, t.topic, d.arm, d.hook_style, d.model_id,
            count(r.script_id) AS grounded_in,
            round(max(r.similarity), 3) AS best_similarity, d.rejection
        FROM drafts AS d
        JOIN topics AS t ON t.month = d.month AND t.topic_id = d.topic_id
        LEFT JOIN retrievals AS r ON r.variant_id = d.variant_id
        WHERE d.month = ? AND (? IS NULL OR d.topic_id = ?)
        GROUP BY d.variant_id, t.topic, t.due_on, d.arm, d.hook_style, d.model_id,
            d.rejection
        ORDER BY t.due_on, t.topic, d.arm
        LIMIT 20
        """,
        [month, topic_id, topic_id],
    )


def variant_sample(
    con: Connection, month: str, topic_id: str | None = None
) -> list[dict[str, Any]]:
    """Return the first 20 variants with their figures."""
    return fetch_dicts(
        con,
        """
        SELECT v.variant_id, t.topic, v.arm, v.hook_style, v.model_id,
            v.polish_model_id, round(v.estimated_seconds, 1) AS estimated_seconds,
            round(v.novelty, 3) AS novelty,
            round(v.sibling_similarity, 3) AS sibling_similarity, v.rejection
        FROM variants AS v
        JOIN topics AS t ON t.month = v.month AND t.topic_id = v.topic_id
        WHERE v.month = ? AND (? IS NULL OR v.topic_id = ?)
        ORDER BY t.due_on, t.topic, v.arm
        LIMIT 20
        """,
        [month, topic_id, topic_id],
    )


def variants_of_topic(con: Connection, month: str, topic_id: str) -> list[TopicVariant]:
    """Return the variants of one topic, one row per try, ordered by arm."""
    rows = fetch_dicts(
        con,
        """
        SELECT v.variant_id, v.arm, v.hook_style, v.hook, v.body, v.call_to_action,
            v.on_screen_text, v.estimated_seconds, v.novelty, v.sibling_similarity,
            v.rejection, c.cost_usd, c.calls
        FROM variants AS v
        LEFT JOIN (
            SELECT subject, count(*) AS calls,
                CASE
                    WHEN bool_and(coalesce(cost_usd, reserved_usd) IS NOT NULL)
                        THEN sum(coalesce(cost_usd, reserved_usd))
                END AS cost_usd
            FROM api_calls
            GROUP BY subject
        ) AS c ON c.subject = v.variant_id
        WHERE v.month = ? AND v.topic_id = ?
        ORDER BY v.arm, coalesce(v.tried_before, 0)
        """,
        [month, topic_id],
    )
    return cast(list[TopicVariant], rows)


def gate_figures(con: Connection, month: str, gate: str) -> list[dict[str, Any]]:
    """Return the figures of the month's variants at a gate, failed ones first.

    Only the last try of an arm is included.
    """
    return fetch_dicts(
        con,
        """
        SELECT v.variant_id, t.topic, v.arm, v.hook_style,
            round(f.figure, 3) AS figure, f.at_least, f.at_most, f.passed,
            v.rejection IS NOT NULL AS rejected
        FROM variant_figures AS f
        JOIN latest_variants AS v ON v.variant_id = f.variant_id
        JOIN topics AS t ON t.month = v.month AND t.topic_id = v.topic_id
        WHERE v.month = ?
          AND f.gate = ?
        ORDER BY coalesce(f.passed, TRUE), f.figure IS NULL, v.topic_id, v.arm
        """,
        [month, gate],
    )


def gate_rejections(con: Connection, month: str) -> list[dict[str, Any]]:
    """Return how many of the month's variants each gate measured and failed.

    There is one row per gate that measured a variant, most failures first, with the
    gate's name in words and the share of its failures, 0 to 1. Only the last try of an
    arm is included. A variant may fail several gates.
    """
    rows = fetch_dicts(
        con,
        """
        SELECT f.gate, count(f.figure) AS measured,
            count(*) FILTER (f.passed = FALSE) AS failed
        FROM variant_figures AS f
        JOIN latest_variants AS v ON v.variant_id = f.variant_id
        WHERE v.month = ?
        GROUP BY f.gate
        HAVING count(f.figure) > 0
        ORDER BY failed DESC, f.gate
        """,
        [month],
    )
    return [
        {
            "gate": GATES.get(row["gate"], row["gate"]),
            "measured": row["measured"],
            "failed": row["failed"],
            "share": round(row["failed"] / row["measured"], 3),
        }
        for row in rows
    ]
