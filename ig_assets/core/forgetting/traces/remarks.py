"""Reads remarks about the files of scripts; those of earlier versions quote words."""

from __future__ import annotations

import re
from collections.abc import Collection

from ig_assets.warehouse.warehouse import Connection

_QUOTED = re.compile("\u201c([^\u201c\u201d]+)\u201d")

_SOURCES = """
    SELECT DISTINCT source_uri
    FROM scripts
    WHERE script_id IN (SELECT unnest(?::TEXT[]))
        AND source_uri <> ''
    ORDER BY source_uri
"""

_REMARKS = """
    SELECT detail
    FROM script_left_out
    WHERE source_uri IN (SELECT unnest($1::TEXT[]))
        AND detail <> ''
    UNION
    SELECT detail
    FROM script_rejects
    WHERE source_uri IN (SELECT unnest($1::TEXT[]))
        AND detail <> ''
    ORDER BY detail
"""


def sources_of(con: Connection, scripts: Collection[str]) -> list[str]:
    """Return the files, and rows of files, from which the scripts ever came."""
    rows = con.execute(_SOURCES, [sorted(scripts)]).fetchall()
    return [str(source_uri) for (source_uri,) in rows]


def quoted_passages(con: Connection, scripts: Collection[str]) -> list[str]:
    """Return the distinct passages quoted in remarks about the scripts' files."""
    rows = con.execute(_REMARKS, [sources_of(con, scripts)]).fetchall()
    return list(dict.fromkeys(one for (d,) in rows for one in _QUOTED.findall(d)))
