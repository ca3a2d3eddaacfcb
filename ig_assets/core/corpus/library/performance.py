"""Writes the past performance that library files report about their scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ig_assets.core.corpus.library.scan import LibraryScan, ParsedFile
from ig_assets.core.corpus.scripts.build import READING
from ig_assets.core.corpus.scripts.script import COUNTS, LeftOut, ParsedScript
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

TOLERANCE = timedelta(days=1)
"""A day in another zone may be ahead of UTC's."""


def without_future_readings(
    files: Sequence[ParsedFile], now: datetime
) -> list[ParsedFile]:
    """The files' scripts without readings of a time that has not come; these are said.

    Such a reading would be the latest for ever, also once its date was corrected.
    """
    return [
        replace(
            file,
            contents=replace(
                file.contents,
                scripts=tuple(_of_the_past(s, now) for s in file.contents.scripts),
            ),
        )
        for file in files
    ]


def _of_the_past(script: ParsedScript, now: datetime) -> ParsedScript:
    performance = script.performance
    if performance is None or performance.as_of <= now + TOLERANCE:
        return script
    detail = (
        f"The reading is of {performance.as_of:%Y-%m-%d}, which is after today; "
        "correct it."
    )
    left_out = (*script.left_out, LeftOut(READING, 1, detail))
    return replace(script, performance=None, left_out=left_out)


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
