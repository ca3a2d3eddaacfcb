"""Measures a person's words for a post at the gates; the result only warns.

A stored edit is measured at all gates except the nearest script by embedding, which
could cost a call. Words that are being typed are measured at this gate too if the
caller can do this without cost.
"""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.core.corpus.scripts.script import join_script
from ig_assets.core.generation.gates.advice import Advice, advice
from ig_assets.core.generation.gates.gates import (
    Candidate,
    Figure,
    Gates,
    Nearest,
    figure_columns,
    measure,
)
from ig_assets.core.generation.gates.novelty import CorpusRuns
from ig_assets.core.generation.polishing.variants import corpus_texts
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

_LAST_EDIT = """
    SELECT c.*, p.arm, p.experiment_id, coalesce(t.language, 'en') AS language,
        coalesce(t.topic, '') AS topic, coalesce(t.brief, '') AS brief
    FROM latest_edits AS c
    JOIN posts AS p
        ON p.post_id = c.post_id
    LEFT JOIN variants AS v
        ON v.variant_id = c.variant_id
    LEFT JOIN topics AS t
        ON t.month = v.month
        AND t.topic_id = v.topic_id
    WHERE c.post_id = ?
"""

# One row per other arm of the topic: its text as edited. The canary and control arms
# may resemble the arm that they are paired with.
_SIBLINGS = """
    SELECT coalesce(c.text, v.text) AS text
    FROM posts AS p
    JOIN variants AS v
        ON v.variant_id = p.variant_id
    LEFT JOIN latest_edits AS c
        ON c.post_id = p.post_id
    WHERE p.experiment_id = ?
        AND p.post_id <> ?
        AND NOT coalesce(v.is_canary, FALSE)
        AND NOT coalesce(v.is_control, FALSE)
    ORDER BY p.post_id
"""


def measure_edit(
    warehouse: Warehouse, clock: Clock, gates: Gates, post_id: str
) -> list[Figure]:
    """Measure the last edit of a post, store its figures and return them."""
    with warehouse.transaction() as con:
        [edit] = fetch_dicts(con, _LAST_EDIT, [post_id])
        corpus = corpus_texts(con)
        siblings = _siblings(con, edit["experiment_id"], post_id, edit["arm"])
    candidate = Candidate(
        edit["hook"],
        None,
        edit["body"],
        edit["call_to_action"],
        edit["text"],
        edit["language"],
        edit["topic"],
        edit["brief"],
    )
    figures = measure(gates, candidate, CorpusRuns(corpus), siblings, lambda text: None)
    key = {"post_id": post_id, "edited_at": edit["edited_at"]}
    now = clock.now()
    rows = [key | figure_columns(figure, now) for figure in figures]
    with warehouse.transaction() as con:
        merge_rows(con, "post_edit_figures", rows)
    return figures


def _siblings(
    con: Connection, experiment_id: str, post_id: str, arm: str
) -> list[str] | None:
    if arm in ("canary", "control"):
        return None
    rows = con.execute(_SIBLINGS, [experiment_id, post_id]).fetchall()
    return [text for (text,) in rows]


_TYPED = """
    SELECT p.arm, p.experiment_id, coalesce(t.language, 'en') AS language,
        coalesce(t.topic, '') AS topic, coalesce(t.brief, '') AS brief
    FROM posts AS p
    LEFT JOIN variants AS v
        ON v.variant_id = p.variant_id
    LEFT JOIN topics AS t
        ON t.month = v.month
        AND t.topic_id = v.topic_id
    WHERE p.post_id = ?
"""


@dataclass(frozen=True)
class TypingContext:
    """The values with which the words for a post are compared.

    `siblings` is as in `measure`.
    """

    language: str
    siblings: tuple[str, ...] | None
    topic: str = ""
    brief: str = ""


def typing_context(con: Connection, post_id: str) -> TypingContext:
    """Return the values with which a post's words are compared.

    Raises InputError for an unknown post.
    """
    rows = fetch_dicts(con, _TYPED, [post_id])
    if not rows:
        raise InputError(f"There is no post {post_id}; perhaps it was planned anew.")
    [row] = rows
    siblings = _siblings(con, row["experiment_id"], post_id, row["arm"])
    return TypingContext(
        row["language"],
        None if siblings is None else tuple(siblings),
        row["topic"],
        row["brief"],
    )


def typed_advice(
    gates: Gates,
    context: TypingContext,
    corpus: CorpusRuns,
    hook: str,
    body: str,
    call_to_action: str,
    nearest: Nearest = lambda text: None,
) -> list[Advice]:
    """Return the gates' advice on words that are being typed; nothing is stored."""
    text = join_script(hook, body, call_to_action)
    candidate = Candidate(
        hook,
        None,
        body,
        call_to_action,
        text,
        context.language,
        context.topic,
        context.brief,
    )
    figures = measure(gates, candidate, corpus, context.siblings, nearest)
    return advice(gates, candidate, figures, corpus)
