"""Finds scripts that resemble forgotten ones; a person decides about them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ig_assets.core.forgetting.traces.copies import Bounds, GeneratedText, copies
from ig_assets.core.identity import forgotten_hashes
from ig_assets.warehouse.warehouse import Connection

_OTHER_TEXTS = """
    SELECT script_id, text
    FROM scripts
    WHERE NOT list_contains(?::TEXT[], script_id)
        AND text <> ''
"""


def scripts_of_same_letters(
    con: Connection, scripts: Collection[str], words: Sequence[str]
) -> list[str]:
    """Return ids of other scripts with the same letters and digits as forgotten ones.

    They differ in spacing, capitals and punctuation. `scripts` are the forgotten
    scripts, and `words` are their texts.
    """
    wanted = {one for text in words for one in forgotten_hashes(text)}
    rows = con.execute(_OTHER_TEXTS, [sorted(scripts)]).fetchall()
    return sorted(
        {str(i) for i, text in rows if not wanted.isdisjoint(forgotten_hashes(text))}
    )


def similar_scripts(
    con: Connection, scripts: Collection[str], words: Sequence[str], bounds: Bounds
) -> list[str]:
    """Return ids of other scripts that share too many words with the forgotten ones.

    The bounds are those for a variant. `scripts` are the forgotten scripts, and `words`
    are their texts.
    """
    rows = con.execute("SELECT script_id, text FROM current_scripts").fetchall()
    others = [
        GeneratedText("", script_id, "", text)
        for script_id, text in rows
        if script_id not in scripts and text
    ]
    return sorted({one.key for one in copies(others, words, bounds)})
