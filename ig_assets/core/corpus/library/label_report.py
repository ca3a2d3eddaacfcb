"""Labels of active library scripts that a person should look at."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from ig_assets.core.corpus.queries import CURRENT_SCRIPTS
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_STYLES = f"""
    SELECT hook_style, count(*) AS scripts, min(source_uri) AS source_uri
    FROM ({CURRENT_SCRIPTS}) AS s
    WHERE origin = 'library'
        AND coalesce(hook_style, '') <> ''
    GROUP BY hook_style
    ORDER BY hook_style
"""

_NO_LANGUAGE = f"""
    SELECT script_id, source_uri
    FROM ({CURRENT_SCRIPTS}) AS s
    WHERE origin = 'library'
        AND language IS NULL
    ORDER BY source_uri
"""


def unknown_styles(con: Connection, known: Collection[str]) -> list[dict[str, Any]]:
    """Hook styles that are none of the `known`, with how many scripts have them.

    `looks_like` is a known style that is spelt nearly so; `source_uri` one script.
    `is_doubtful` where only one script has it or it looks like a slip; others are the
    team's own.
    """
    found = []
    for row in fetch_dicts(con, _STYLES):
        if row["hook_style"] in known:
            continue
        near = get_close_matches(row["hook_style"], known, n=1, cutoff=0.75)
        doubtful = row["scripts"] == 1 or bool(near)
        found.append(
            row | {"looks_like": near[0] if near else None, "is_doubtful": doubtful}
        )
    return sorted(found, key=lambda row: not row["is_doubtful"])


def scripts_without_language(con: Connection) -> list[dict[str, Any]]:
    """Scripts whose file tells a language that is none; their words were taken."""
    return fetch_dicts(con, _NO_LANGUAGE)
