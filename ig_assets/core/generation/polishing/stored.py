"""Measures the stored variants of a month again, at the gates of their own words."""

from __future__ import annotations

from typing import Any, TypedDict

from ig_assets.core.generation.gates.gates import (
    GATES,
    Candidate,
    Gates,
    failures,
    measure_words,
)
from ig_assets.core.generation.gates.hook_style import label_for
from ig_assets.core.generation.polishing.attempts import as_written
from ig_assets.core.models.registry import asked_provider
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection


class Violation(TypedDict):
    """A gate that an accepted variant is outside of, with the figure of now."""

    variant_id: str
    topic: str
    arm: str
    gate: str
    figure: float | None
    at_least: float | None
    at_most: float | None


class WrongLabel(TypedDict):
    """A variant whose hook is of another style than its label says."""

    variant_id: str
    topic: str
    arm: str
    labelled: str
    reads_as: str


def violations(
    con: Connection, month: str, gates: Gates, base_provider: str
) -> list[Violation]:
    """Return where accepted variants of the month are outside a gate, by topic.

    The words are measured anew, under today's banned words and the bounds of the
    provider that was asked for them, as the polish measures them; for a few-shot model
    this is `base_provider`. Gates that compare with other texts have changed company
    since, as winners join the corpus; for them the figure stored when the variant was
    accepted counts.
    """
    found: list[Violation] = []
    stored = _stored_failures(con, month)
    for row in _accepted(con, month):
        failed = {
            figure.gate: (figure.figure, figure.at_least, figure.at_most)
            for figure in failures(
                measure_words(
                    gates.of_provider(asked_provider(row["provider"], base_provider)),
                    _candidate(row),
                )
            )
        }
        for gate, *bounds in stored.get(row["variant_id"], []):
            failed.setdefault(gate, tuple(bounds))
        found += [
            Violation(
                variant_id=row["variant_id"],
                topic=row["topic"],
                arm=row["arm"],
                gate=GATES.get(gate, gate),
                figure=figure,
                at_least=at_least,
                at_most=at_most,
            )
            for gate, (figure, at_least, at_most) in failed.items()
        ]
    return found


def wrong_labels(con: Connection, month: str) -> list[WrongLabel]:
    """Return the accepted variants whose hooks read as another style than labelled."""
    return [
        WrongLabel(
            variant_id=row["variant_id"],
            topic=row["topic"],
            arm=row["arm"],
            labelled=row["hook_style"],
            reads_as=style,
        )
        for row in _accepted(con, month)
        if (style := label_for(row["hook"], row["hook_style"], row["language"]))
        != row["hook_style"]
    ]


def accepted_count(con: Connection, month: str) -> int:
    """Return how many variants of the month were accepted."""
    return len(_accepted(con, month))


def _accepted(con: Connection, month: str) -> list[dict[str, Any]]:
    return fetch_dicts(
        con,
        """
        SELECT v.*, t.topic, t.brief, t.language
        FROM latest_variants AS v
        JOIN topics AS t
          ON t.month = v.month
         AND t.topic_id = v.topic_id
        WHERE v.month = ?
          AND v.rejection IS NULL
        ORDER BY t.topic, v.arm
        """,
        [month],
    )


def _stored_failures(con: Connection, month: str) -> dict[str, list[tuple[Any, ...]]]:
    rows = con.execute(
        """
        SELECT f.variant_id, f.gate, f.figure, f.at_least, f.at_most
        FROM variant_figures AS f
        JOIN latest_variants AS v
          ON v.variant_id = f.variant_id
        WHERE v.month = ?
          AND f.passed = FALSE
        ORDER BY f.variant_id, f.gate
        """,
        [month],
    ).fetchall()
    found: dict[str, list[tuple[Any, ...]]] = {}
    for variant_id, *figure in rows:
        found.setdefault(variant_id, []).append(tuple(figure))
    return found


def _candidate(row: dict[str, Any]) -> Candidate:
    written = as_written(row)
    return Candidate(
        written.hook,
        written.beats,
        written.body,
        written.call_to_action,
        written.text,
        row["language"],
        row["topic"],
        row["brief"] or "",
        written.on_screen_text,
    )
