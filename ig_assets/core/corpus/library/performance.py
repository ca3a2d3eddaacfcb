"""Writes the past performance that library files report about their scripts."""

from __future__ import annotations

from ig_assets.core.corpus.library.parsed_files import (
    MEASURES,
    READING_COLUMNS,
    Batch,
    reading_columns,
)
from ig_assets.core.corpus.library.scan import LibraryScan
from ig_assets.core.corpus.library.staging import (
    execute_on_texts,
    stage_query,
    stage_texts,
    texts,
)
from ig_assets.warehouse.warehouse import Connection

_NAMED = ("script_id", "revision_hash", *READING_COLUMNS)

# The staged readings in their types; texts keep the exact value of a double.
_TYPED = ", ".join(
    ["r.source", "CAST(r.as_of AS TIMESTAMP) AS as_of"]
    + [f"CAST(nullif(r.{name}, '') AS DOUBLE) AS {name}" for name in MEASURES]
)

_CREATE_READINGS = (
    "CREATE TEMP TABLE IF NOT EXISTS parsed_readings "
    "(script_id TEXT, revision_hash TEXT, source TEXT, as_of TIMESTAMP, "
    + ", ".join(f"{name} DOUBLE" for name in MEASURES)
    + ")"
)
_STAGE_READINGS = f"""
    INSERT INTO parsed_readings
    SELECT r.script_id, r.revision_hash, {_TYPED}
    FROM {texts(_NAMED)} AS r
"""

# The readings of accepted scripts; of several with one time, the last by path.
_OF_PARSED = """
    SELECT r.*
    FROM parsed_readings AS r
    JOIN parsed_scripts AS p
        ON p.script_id = r.script_id
        AND p.revision_hash = r.revision_hash
    JOIN script_changes AS c
        ON c.script_id = p.script_id
    WHERE c.change <> 'forgotten'
    QUALIFY row_number() OVER (
        PARTITION BY r.script_id, r.revision_hash, r.source, r.as_of
        ORDER BY r.rowid DESC
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
        OR {" OR ".join(f"t.{m} IS DISTINCT FROM n.{m}" for m in MEASURES)}
"""

_NAMES = ", ".join(_NAMED)
_MERGE = f"""
    MERGE INTO script_performance AS t
    USING new_readings AS n
    ON t.script_id = n.script_id
        AND t.revision_hash = n.revision_hash
        AND t.source = n.source
        AND t.as_of = n.as_of
    WHEN MATCHED THEN UPDATE SET {", ".join(f"{m} = n.{m}" for m in MEASURES)}
    WHEN NOT MATCHED THEN INSERT ({_NAMES})
        VALUES ({", ".join(f"n.{name}" for name in _NAMES.split(", "))})
"""

# In an empty table nothing has to be looked up, which takes memory for every reading.
_INSERT_FIRST = f"""
    INSERT INTO script_performance ({_NAMES})
    SELECT {_NAMES}
    FROM ({_OF_PARSED})
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
        **reading_columns([file.reading for file in found]),
    }
    stage_texts(con, "files_again", columns)
    if any(file.reading for file in found):
        _merge(con, _OF_KNOWN)
    con.execute(_UPDATE_FILES)
    con.execute("DROP TABLE files_again")


def stage_readings(con: Connection, batch: Batch) -> None:
    """Add the readings of a batch to the table `parsed_readings`, in their order."""
    con.execute(_CREATE_READINGS)
    if batch.readings["script_id"]:
        execute_on_texts(con, batch.readings, (_STAGE_READINGS, ()))


def write_performance(con: Connection) -> None:
    """Add staged new readings; a corrected one replaces the stored one of that time.

    Call it after `stage_changes`, as it reads `script_changes`: forgotten scripts get
    no readings.
    """
    con.execute(_CREATE_READINGS)
    if not con.execute("SELECT 1 FROM script_performance LIMIT 1").fetchall():
        con.execute(_INSERT_FIRST)
    elif con.execute("SELECT 1 FROM parsed_readings LIMIT 1").fetchall():
        _merge(con, _OF_PARSED)
    con.execute("DROP TABLE parsed_readings")


def _merge(con: Connection, readings: str) -> None:
    stage_query(con, "new_readings", _UNKNOWN.format(readings=readings))
    con.execute(_MERGE)
    con.execute("DROP TABLE new_readings")
