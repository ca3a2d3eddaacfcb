"""Writes to the table `library_files` which scripts a sync found in which files."""

from __future__ import annotations

from ig_assets.core.corpus.scripts.parse import READER_VERSION
from ig_assets.warehouse.warehouse import Connection

# Deletes the old rows of a replaced file, except for scripts that are unreadable now.
_DELETE_REPLACED = """
    DELETE FROM library_files
    WHERE file_uri IN (SELECT file_uri FROM replaced_files)
        AND (
            file_uri NOT IN (SELECT file_uri FROM unreadable_files)
            OR script_id IN (SELECT script_id FROM parsed_scripts)
        )
"""

_DELETE_DUPLICATES = """
    DELETE FROM library_files AS f
    USING duplicate_scripts AS d
    WHERE d.file_uri = f.file_uri
        AND d.script_id = f.script_id
"""

_INSERT_PARSED = f"""
    INSERT INTO library_files (
        file_uri, script_id, source_uri, revision_hash, content_hash, stamp, rest_hash,
        reader_version
    )
    SELECT p.file_uri, p.script_id, p.source_uri, p.revision_hash, p.content_hash,
        nullif(p.stamp, ''), nullif(p.rest_hash, ''), {READER_VERSION}
    FROM parsed_scripts AS p
    JOIN script_changes AS c
        ON c.script_id = p.script_id
    WHERE c.change <> 'forgotten'
"""

# A file without a content hash is not known, so the next sync parses it.
_PARSE_NEXT_TIME = """
    UPDATE library_files
    SET content_hash = NULL
    WHERE content_hash IS NOT NULL
        AND file_uri IN (
            SELECT file_uri FROM unreadable_files
            UNION
            SELECT file_uri FROM duplicate_scripts
            UNION
            SELECT file_uri FROM rejected_sources WHERE file_uri IS NOT NULL
            UNION
            SELECT f.file_uri
            FROM file_scripts AS f
            JOIN script_changes AS c
                ON c.script_id = f.script_id
            WHERE c.change = 'forgotten'
        )
"""


def update_known_files(con: Connection) -> None:
    """Update `library_files` from the staged changes, after these have been applied."""
    con.execute(_DELETE_REPLACED)
    con.execute(_DELETE_DUPLICATES)
    con.execute(_INSERT_PARSED)
    con.execute(_PARSE_NEXT_TIME)
