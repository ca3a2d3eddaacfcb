"""Writes the past performance that library files report about their scripts."""

from __future__ import annotations

from collections.abc import Sequence

from ig_assets.core.corpus.library.scan import LibraryScan
from ig_assets.core.corpus.library.staging import stage_query, stage_texts
from ig_assets.core.corpus.scripts.script import COUNTS, Performance
from ig_assets.warehouse.warehouse import Connection

_MEASURES = (*COUNTS, "rate")
_COLUMNS = ("source", "as_of", *_MEASURES)

# The staged readings in their types; texts keep the exact value of a double.
_TYPED = ", ".join(
    ["r.source", "CAST(r.as_of AS TIMESTAMP) AS as_of"]
    + [f"CAST(nullif(r.{name}, '') AS DOUBLE) AS {name}" for name in _MEASURES]
)

# The readings of accepted scripts; of several with one time, the last by path.
_OF_PARSED = f"""
    SELECT p.script_id, p.revision_hash, {_TYPED}
    FROM parsed_readings AS r
    JOIN parsed_scripts AS p
        ON p.script_id = r.script_id
        AND p.revision_hash = r.revision_hash
    JOIN script_changes AS c
        ON c.script_id = p.script_id
    WHERE c.change <> 'forgotten'
    QUALIFY row_number() OVER (
        PARTITION BY p.script_id, p.revision_hash, r.source, r.as_of
        ORDER BY CAST(r.place AS INTEGER) DESC
    ) = 1
"""

# The new readings of files whose only script is unchanged.
_OF_KNOWN = f"""
    SELECT f.script_id, f.revision_hash, {_TYPED}
    FROM files_again AS r
    JOIN library_files AS f
        ON f.file_uri = r.file_uri
    WHERE r.as_of <> ''
"""

_UNKNOWN = f"""
    SELECT n.*
    FROM ({{readings}}) AS n
    LEFT JOIN script_performance AS t
        ON t.script_id = n.script_id
        AND t.revision_hash = n.revision_hash
        AND t.source = n.source
        AND t.as_of = n.as_of
    WHERE t.script_id IS NULL
        OR {" OR ".join(f"t.{m} IS DISTINCT FROM n.{m}" for m in _MEASURES)}
"""

_NAMES = ", ".join(("script_id", "revision_hash", *_COLUMNS))
_MERGE = f"""
    MERGE INTO script_performance AS t
    USING new_readings AS n
    ON t.script_id = n.script_id
        AND t.revision_hash = n.revision_hash
        AND t.source = n.source
        AND t.as_of = n.as_of
    WHEN MATCHED THEN UPDATE SET {", ".join(f"{m} = n.{m}" for m in _MEASURES)}
    WHEN NOT MATCHED THEN INSERT ({_NAMES})
        VALUES ({", ".join(f"n.{name}" for name in _NAMES.split(", "))})
"""

_UPDATE_FILES = """
    UPDATE library_files AS f
    SET content_hash = a.content_hash,
        stamp = nullif(a.version, ''),
        rest_hash = nullif(a.rest_hash, '')
    FROM files_again AS a
    WHERE f.file_uri = a.file_uri
"""


def write_files_again(con: Connection, scan: LibraryScan) -> None:
    """Store new hashes and readings of known files whose scripts are unchanged.

    These are the files of `scan.again`. Call this function before anything else of the
    library is written.
    """
    if not scan.again:
        return
    found = scan.again.values()
    columns = {
        "file_uri": list(scan.again),
        "content_hash": [file.content_hash for file in found],
        "version": [file.version or "" for file in found],
        "rest_hash": [file.rest_hash or "" for file in found],
        **_reading_columns([file.reading for file in found]),
    }
    stage_texts(con, "files_again", columns)
    if any(file.reading for file in found):
        _merge(con, _OF_KNOWN)
    con.execute(_UPDATE_FILES)
    con.execute("DROP TABLE files_again")


def write_performance(con: Connection, scan: LibraryScan) -> None:
    """Add new readings; a corrected reading replaces the stored one of the same time.

    Call it after `stage_changes`, as it reads `script_changes`: forgotten scripts get
    no readings.
    """
    reported = [script for script in scan.scripts if script.performance]
    if not reported:
        return
    columns = {
        "script_id": [script.script_id for script in reported],
        "revision_hash": [script.revision_hash for script in reported],
        "place": [str(place) for place in range(len(reported))],
        **_reading_columns([script.performance for script in reported]),
    }
    stage_texts(con, "parsed_readings", columns)
    _merge(con, _OF_PARSED)
    con.execute("DROP TABLE parsed_readings")


def _merge(con: Connection, readings: str) -> None:
    stage_query(con, "new_readings", _UNKNOWN.format(readings=readings))
    con.execute(_MERGE)
    con.execute("DROP TABLE new_readings")


def _reading_columns(
    readings: Sequence[Performance | None],
) -> dict[str, list[str]]:
    """Return readings as {column: texts}; a missing reading is "" in each column."""
    columns = {
        "source": [reading.source if reading else "" for reading in readings],
        "as_of": [reading.as_of.isoformat() if reading else "" for reading in readings],
    }
    for name in _MEASURES:
        columns[name] = [
            _text(getattr(reading, name)) if reading else "" for reading in readings
        ]
    return columns


def _text(value: float | None) -> str:
    return "" if value is None else repr(value)
