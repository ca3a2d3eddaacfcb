"""Makes the temporary tables on which one sync of the library works.

================= ============================= ========== ========================
table             one row per                   made by    read by
================= ============================= ========== ========================
parsed_scripts    script of a parsed file that  stage_scan diff, performance,
                  no earlier file has                      known_files_update
replaced_files    file whose rows in            stage_scan staging, left_out,
                  `library_files` are outdated             known_files_update
unreadable_files  file with scripts that cannot stage_scan diff, known_files_update
                  be read now
rejected_sources  source that is rejected       stage_scan diff, known_files_update
file_scripts      script and file, as the       stage_scan staging,
                  library is now                           known_files_update
present_scripts   script in the library now     stage_scan staging, diff
duplicate_scripts script and file, where an     stage_scan staging,
                  earlier file has the script              known_files_update
script_changes    script that is in the library diff       diff, performance,
                  now or was active before                 known_files_update, sync
left_out_now      source of a parsed file and   left_out   left_out
                  kind of what it leaves out
parsed_readings   reading of a parsed file        performance performance
files_again       known file that was read again  performance performance
new_readings      reading that is not stored yet  performance performance
================= ============================= ========== ========================

They exist on one connection, for one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ig_assets.core.corpus.library.known_files import KnownFiles
from ig_assets.core.corpus.library.scan import LibraryScan
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.warehouse.warehouse import Connection

DESCRIPTIVE_COLUMNS = (
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
SCRIPT_COLUMNS = ("script_id", "revision_hash", *DESCRIPTIVE_COLUMNS)
_PARSED_COLUMNS = (*SCRIPT_COLUMNS, "file_uri", "content_hash", "stamp", "rest_hash")
FRAME_ROWS = 1000
"""Number of rows from which staging arrays is faster than staging lists."""

NO_LANGUAGE = "?"
"""The staged text for a language that is NULL; "" means that none was declared."""

# The scripts of parsed files, and of files whose rows are not outdated.
_FILE_SCRIPTS = """
    SELECT script_id, revision_hash, source_uri, file_uri
    FROM parsed_scripts
    UNION ALL
    SELECT script_id, revision_hash, source_uri, file_uri
    FROM library_files
    WHERE file_uri NOT IN (SELECT file_uri FROM replaced_files)
"""

# If two files have the same id, the first file by path has the script.
_PRESENT_SCRIPTS = """
    SELECT *
    FROM file_scripts
    QUALIFY row_number() OVER (
        PARTITION BY script_id
        ORDER BY file_uri
    ) = 1
"""

_DUPLICATE_SCRIPTS = """
    SELECT f.script_id, f.file_uri, f.source_uri, p.source_uri AS taken_by,
        f.revision_hash <> p.revision_hash AS differs
    FROM file_scripts AS f
    JOIN present_scripts AS p
        ON p.script_id = f.script_id
        AND p.file_uri <> f.file_uri
"""

_DELETE_DUPLICATES = """
    DELETE FROM parsed_scripts AS p
    USING duplicate_scripts AS d
    WHERE d.script_id = p.script_id
        AND d.file_uri = p.file_uri
"""


def stage_scan(con: Connection, scan: LibraryScan, known: KnownFiles) -> list[Reject]:
    """Make all tables of this module except `script_changes`.

    Returns a reject for each source whose script id is taken by another file with other
    words. The same id with the same words gives no reject.
    """
    replaced = known.paths - scan.unchanged | {file.path for file in scan.parsed}
    stage_texts(con, "parsed_scripts", _parsed_columns(scan))
    stage_texts(con, "replaced_files", {"file_uri": sorted(replaced)})
    stage_texts(con, "unreadable_files", {"file_uri": sorted(scan.unreadable)})
    stage_texts(con, "rejected_sources", _reject_columns(scan))
    stage_query(con, "file_scripts", _FILE_SCRIPTS)
    stage_query(con, "present_scripts", _PRESENT_SCRIPTS)
    stage_query(con, "duplicate_scripts", _DUPLICATE_SCRIPTS)
    con.execute(_DELETE_DUPLICATES)
    taken = con.execute(
        "SELECT source_uri, taken_by FROM duplicate_scripts WHERE differs "
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


def stage_query(
    con: Connection, table: str, query: str, parameters: Sequence[object] = ()
) -> None:
    """Store the result of a query as a temporary table."""
    con.execute(f"CREATE TEMP TABLE {table} AS {query}", list(parameters))


def _parsed_columns(scan: LibraryScan) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {name: [] for name in _PARSED_COLUMNS}
    for file in scan.parsed:
        for script in file.contents.scripts:
            for name in SCRIPT_COLUMNS:
                columns[name].append(getattr(script, name) or "")
            if script.language is None:
                columns["language"][-1] = NO_LANGUAGE
            columns["file_uri"].append(file.path)
            columns["content_hash"].append(file.content_hash)
            columns["stamp"].append(file.version or "")
            columns["rest_hash"].append(file.rest_hash or "")
    return columns


def _reject_columns(scan: LibraryScan) -> dict[str, list[str]]:
    """Return {column: values} of the rejected sources: each source and its file.

    The source of a file that was not parsed is the file itself.
    """
    files = {
        reject.source_uri: file.path
        for file in scan.parsed
        for reject in file.contents.rejects
    }
    uris = sorted(scan.rejects)
    return {"source_uri": uris, "file_uri": [files.get(uri, uri) for uri in uris]}


def stage_texts(
    con: Connection, table: str, columns: Mapping[str, Sequence[str]]
) -> None:
    """Make a temporary table of TEXT columns, with "" in place of NULL."""
    if len(next(iter(columns.values()))) < FRAME_ROWS:
        unnested = ", ".join(f"unnest(?::TEXT[]) AS {name}" for name in columns)
        stage_query(con, table, f"SELECT {unnested}", list(columns.values()))
        return
    import numpy as np  # seven times faster for many rows

    con.register("staged", {n: np.array(c, dtype=object) for n, c in columns.items()})
    cast = ", ".join(f"CAST({name} AS TEXT) AS {name}" for name in columns)
    stage_query(con, table, f"SELECT {cast} FROM staged")
    con.unregister("staged")
