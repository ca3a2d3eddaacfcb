"""Puts what was read into temporary tables, and who has which id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ig_assets.core.corpus.library.known_files import LibraryState
from ig_assets.core.corpus.library.scan import LibraryReading
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.warehouse.warehouse import Connection

DESCRIBED = (
    "source_uri",
    "author",
    "topic",
    "hook_style",
    "hook",
    "body",
    "call_to_action",
    "text",
    "language",
)
STAGED = ("script_id", "revision_hash", *DESCRIBED)
_READ = (*STAGED, "file_uri", "content_hash", "stamp")
FRAME_ROWS = 1000
NO_LANGUAGE = "?"  # what stands for a NULL language, since `''` is one not told

# Every script that a file says now, with the file; what was not read is as it was.
_CLAIMS = """
    CREATE TEMP TABLE library_claims AS
    SELECT script_id, revision_hash, source_uri, file_uri
    FROM library_read
    UNION ALL
    SELECT script_id, revision_hash, source_uri, file_uri
    FROM library_files
    WHERE file_uri NOT IN (SELECT file_uri FROM library_reread)
"""

# Of two files with one id the first by path has it.
_FOUND = """
    CREATE TEMP TABLE library_found AS
    SELECT *
    FROM library_claims
    QUALIFY row_number() OVER (
        PARTITION BY script_id
        ORDER BY file_uri
    ) = 1
"""

_LOSERS = """
    CREATE TEMP TABLE library_losers AS
    SELECT c.script_id, c.file_uri, c.source_uri, f.source_uri AS taken_by,
        c.revision_hash <> f.revision_hash AS differs
    FROM library_claims AS c
    JOIN library_found AS f
        ON f.script_id = c.script_id
        AND f.file_uri <> c.file_uri
"""

_DROP_LOSERS = """
    DELETE FROM library_read AS r
    USING library_losers AS l
    WHERE l.script_id = r.script_id
        AND l.file_uri = r.file_uri
"""


def stage_reading(
    con: Connection, reading: LibraryReading, state: LibraryState
) -> list[Reject]:
    """Make the temporary tables; return the rejects of ids that are taken.

    `library_read` has the scripts that were parsed and taken, `library_found` every
    script that is there, `library_losers` those whose id another file has,
    `library_hidden` the files that cannot be told now, `library_reread` the files
    whose rows are old.
    """
    _stage_texts(con, "library_read", _READ, _read_columns(reading))
    reread = state.paths - reading.unchanged | {file.path for file in reading.read}
    _stage_texts(con, "library_reread", ("file_uri",), {"file_uri": sorted(reread)})
    hidden = sorted(reading.hidden)
    _stage_texts(con, "library_hidden", ("file_uri",), {"file_uri": hidden})
    _stage_rejects(con, reading)
    for statement in (_CLAIMS, _FOUND, _LOSERS, _DROP_LOSERS):
        con.execute(statement)
    taken = con.execute(
        "SELECT source_uri, taken_by FROM library_losers WHERE differs "
        "ORDER BY source_uri"
    ).fetchall()
    return [
        Reject(
            source_uri,
            "duplicate id",
            f"The id is taken by {taken_by} with other words; give one of them "
            "another id.",
        )
        for source_uri, taken_by in taken
    ]


def _read_columns(reading: LibraryReading) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {name: [] for name in _READ}
    for file in reading.read:
        for script in file.reading.scripts:
            for name in STAGED:
                columns[name].append(getattr(script, name) or "")
            if script.language is None:
                columns["language"][-1] = NO_LANGUAGE
            columns["file_uri"].append(file.path)
            columns["content_hash"].append(file.content_hash)
            columns["stamp"].append(file.stamp or "")
    return columns


def _stage_rejects(con: Connection, reading: LibraryReading) -> None:
    """A file's rejects name it; a reject of the store's has no file that was read."""
    files = {
        reject.source_uri: file.path
        for file in reading.read
        for reject in file.reading.rejects
    }
    uris = sorted(reading.rejects)
    _stage_texts(
        con,
        "library_rejects",
        ("source_uri", "file_uri"),
        {"source_uri": uris, "file_uri": [files.get(uri, uri) for uri in uris]},
    )


def _stage_texts(
    con: Connection,
    table: str,
    names: Sequence[str],
    columns: Mapping[str, Sequence[str]],
) -> None:
    """A temporary table of TEXT columns; `''` is no text where NULL is meant."""
    if len(columns[names[0]]) < FRAME_ROWS:
        unnested = ", ".join(f"unnest(?::TEXT[]) AS {name}" for name in names)
        con.execute(
            f"CREATE TEMP TABLE {table} AS SELECT {unnested}",
            [columns[name] for name in names],
        )
        return
    import pandas as pd  # seven times faster, where it is worth the import

    con.register("staged", pd.DataFrame(columns, dtype=object))
    cast = ", ".join(f"CAST({name} AS TEXT) AS {name}" for name in names)
    con.execute(f"CREATE TEMP TABLE {table} AS SELECT {cast} FROM staged")
    con.unregister("staged")
