"""Reports labels of active library scripts that a person should check."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import TypedDict, cast

from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_STYLES = """
    SELECT hook_style, count(*) AS scripts, min(source_uri) AS source_uri
    FROM current_scripts AS s
    WHERE origin = 'library'
        AND coalesce(hook_style, '') <> ''
    GROUP BY hook_style
    ORDER BY hook_style
"""

_NO_LANGUAGE = """
    SELECT script_id, source_uri
    FROM current_scripts AS s
    WHERE origin = 'library'
        AND language IS NULL
    ORDER BY source_uri
"""


class UnknownStyle(TypedDict):
    """A hook style that is not a known one, and how many scripts have it.

    `source_uri` is the source of one of these scripts. `looks_like` is a known style of
    nearly the same spelling, or None. `is_doubtful` is true if only one script has the
    style or if the style looks like a misspelling.
    """

    hook_style: str
    scripts: int
    source_uri: str
    looks_like: str | None
    is_doubtful: bool


class ScriptName(TypedDict):
    """A script's id and the file or row that holds the script."""

    script_id: str
    source_uri: str


def unknown_styles(con: Connection, known: Collection[str]) -> list[UnknownStyle]:
    """Return the hook styles that are not in `known`, doubtful ones first."""
    found = []
    for style, scripts, source_uri in con.execute(_STYLES).fetchall():
        if style in known:
            continue
        near = get_close_matches(style, known, n=1, cutoff=0.75)
        found.append(
            UnknownStyle(
                hook_style=style,
                scripts=scripts,
                source_uri=source_uri,
                looks_like=near[0] if near else None,
                is_doubtful=scripts == 1 or bool(near),
            )
        )
    return sorted(found, key=lambda style: not style["is_doubtful"])


def scripts_with_invalid_language(con: Connection) -> list[ScriptName]:
    """Return the active scripts whose declared language cannot be understood.

    A language is understood if it is a BCP 47 tag or the name of a known language.
    Scripts that declare none are not listed.
    """
    return cast(list[ScriptName], fetch_dicts(con, _NO_LANGUAGE))
