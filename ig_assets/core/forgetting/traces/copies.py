"""Finds generated texts that copied a script, by the bounds for variants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ig_assets.core.generation.gates.novelty import CorpusRuns, word_runs
from ig_assets.warehouse.warehouse import Connection

# One row per generated text, with the key by which `Erasure` names it.
_TEXTS = """
    SELECT 'variants' AS stage, variant_id AS key, variant_id, text
    FROM variants
    UNION ALL
    SELECT 'drafts', variant_id, variant_id, text
    FROM drafts
    UNION ALL
    SELECT 'attempts', variant_id || ' ' || attempt, variant_id, text
    FROM polish_attempts
    UNION ALL
    SELECT 'edits', post_id || ' ' || epoch_us(edited_at), variant_id, text
    FROM post_edits
"""


@dataclass(frozen=True)
class Bounds:
    """The limits beyond which a text counts as a copy of a script.

    It is a copy if its novelty (0 to 1) is below `novelty_floor`, or if more than
    `most_copied_words` words in a row stand in the script.
    """

    novelty_floor: float
    most_copied_words: int


@dataclass(frozen=True)
class GeneratedText:
    """One draft, attempt, variant or edit; `stage` is its field in `Erasure`."""

    stage: str
    key: str
    variant_id: str
    text: str


def generated_texts(con: Connection) -> list[GeneratedText]:
    """Return the texts of all variants, at all their stages."""
    rows = con.execute(f"SELECT * FROM ({_TEXTS}) WHERE text <> ''").fetchall()
    return [GeneratedText(*row) for row in rows]


def copies(
    written: Iterable[GeneratedText], texts: Iterable[str], bounds: Bounds
) -> list[GeneratedText]:
    """Return the generated texts that copied one of `texts`.

    Novelty is measured only for texts that share a run of words with one of them; most
    texts share none.
    """
    words = list(texts)
    sought = {run for text in words for run in word_runs(text)}
    runs = CorpusRuns(words)
    return [
        one
        for one in written
        if not sought.isdisjoint(word_runs(one.text))
        and (
            runs.novelty(one.text) < bounds.novelty_floor
            or runs.longest_shared_run(one.text) > bounds.most_copied_words
        )
    ]
