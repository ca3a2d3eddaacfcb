"""The readings of past performance that library files bring along."""

from __future__ import annotations

from typing import Any

from ig_assets.core.corpus.library.scan import LibraryReading
from ig_assets.core.corpus.scripts.script import COUNTS, ParsedScript
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection


def write_performance(con: Connection, reading: LibraryReading) -> None:
    """Add what the read files say and is not there; a correction replaces its reading.

    Runs after the verdicts: only scripts that were taken get their readings.
    """
    said = [_row(script) for script in reading.scripts if script.performance]
    if not said:
        return
    known = {
        tuple(row.values())
        for row in fetch_dicts(
            con,
            f"SELECT script_id, revision_hash, source, as_of, {', '.join(COUNTS)}, "
            "rate FROM script_performance WHERE script_id LIKE 'library/%'",
        )
    }
    taken = set(
        con.execute(
            "SELECT f.script_id, f.revision_hash FROM library_read AS f "
            "JOIN library_verdicts AS w ON w.script_id = f.script_id "
            "WHERE w.verdict <> 'forgotten'"
        ).fetchall()
    )
    merge_rows(
        con,
        "script_performance",
        [
            row
            for row in said
            if (row["script_id"], row["revision_hash"]) in taken
            and tuple(row.values()) not in known
        ],
    )


def _row(script: ParsedScript) -> dict[str, Any]:
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
