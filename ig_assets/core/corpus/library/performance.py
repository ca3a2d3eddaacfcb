"""Writes the past performance that library files report about their scripts."""

from __future__ import annotations

from typing import Any

from ig_assets.core.corpus.library.scan import LibraryScan
from ig_assets.core.corpus.scripts.script import COUNTS, ParsedScript
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection

_KNOWN = f"""
    SELECT script_id, revision_hash, source, as_of, {", ".join(COUNTS)}, rate
    FROM script_performance
    WHERE script_id LIKE 'library/%'
"""

_ACCEPTED = """
    SELECT p.script_id, p.revision_hash
    FROM parsed_scripts AS p
    JOIN script_changes AS c
        ON c.script_id = p.script_id
    WHERE c.change <> 'forgotten'
"""


def write_performance(con: Connection, scan: LibraryScan) -> None:
    """Add the readings that are new; a corrected one replaces the row of its time.

    Needs `script_changes`: forgotten scripts get no readings.
    """
    reported = [_row(script) for script in scan.scripts if script.performance]
    if not reported:
        return
    known = {tuple(row.values()) for row in fetch_dicts(con, _KNOWN)}
    accepted = set(con.execute(_ACCEPTED).fetchall())
    rows = [
        row
        for row in reported
        if (row["script_id"], row["revision_hash"]) in accepted
        and tuple(row.values()) not in known
    ]
    merge_rows(con, "script_performance", rows)


def _row(script: ParsedScript) -> dict[str, Any]:
    """The row of `script_performance`, its columns in the order of `_KNOWN`."""
    performance = script.performance
    assert performance is not None
    return {
        "script_id": script.script_id,
        "revision_hash": script.revision_hash,
        "source": performance.source,
        "as_of": performance.as_of,
        **{name: getattr(performance, name) for name in COUNTS},
        "rate": performance.rate,
    }
