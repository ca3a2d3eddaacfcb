"""Writes the past performance that library files report about their scripts."""

from __future__ import annotations

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


def without_future_readings(scan: LibraryScan, now: datetime) -> LibraryScan:
    """The scan without readings of a time after `now` (naive UTC), which are left out.

    Such a reading would be a script's latest until that day.
    """
    parsed = [_past(file, now + TOLERANCE) for file in scan.parsed]
    return replace(scan, parsed=parsed)


def _past(file: ParsedFile, latest: datetime) -> ParsedFile:
    scripts = file.contents.scripts
    if all(s.performance is None or s.performance.as_of <= latest for s in scripts):
        return file
    kept = tuple(
        (
            replace(
                script,
                performance=None,
                left_out=(*script.left_out, _after_today(script.performance.as_of)),
            )
            if script.performance and script.performance.as_of > latest
            else script
        )
        for script in scripts
    )
    return replace(file, contents=replace(file.contents, scripts=kept))


def _after_today(as_of: datetime) -> LeftOut:
    detail = f"The reading is of {as_of:%Y-%m-%d}, which is after today; correct it."
    return LeftOut(READING, 1, detail)


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
