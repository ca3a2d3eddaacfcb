"""Makes the temporary tables on which one sync of the library works.

================= ============================= ========== ========================
table             one row per                   made by    read by
================= ============================= ========== ========================
parsed_scripts    script of a parsed file that  stage_scan diff, performance,
                  no earlier file has, without             known_files_update
                  its words
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
described_words   script whose description      diff       diff
                  differs from the stored one
parsed_readings   reading of a parsed file      performance performance
files_again       known file that was read again  performance performance
new_readings      reading that is not stored yet  performance performance
================= ============================= ========== ========================

They exist on one connection, for one transaction; `file_scripts` and `present_scripts`
are views. The words of new scripts are in none of them: they are read from one batch of
parsed files at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ig_assets.core.corpus.library.known_files import KnownFiles
from ig_assets.core.corpus.library.parsed_files import (
    DESCRIPTIVE_COLUMNS,
    NO_LANGUAGE,
    PARSED_COLUMNS,
    SCRIPT_COLUMNS,
)
from ig_assets.core.corpus.library.scan import LibraryScan
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.warehouse.warehouse import Connection

_PARSED_TYPES = {
    name: "TEXT"
    for name in PARSED_COLUMNS
    if name not in DESCRIPTIVE_COLUMNS or name == "source_uri"
} | {"description": "UBIGINT"}
FRAME_ROWS = 1000
"""Number of rows from which staging arrays is faster than staging lists."""


def texts(columns: Iterable[str]) -> str:
    """Return the SQL that names the columns of `execute_on_texts`, in a FROM clause."""
    cast = ", ".join(f"CAST({name} AS TEXT) AS {name}" for name in columns)
    return f"(SELECT {cast} FROM staged)"


STORED = {name: f"p.{name}" for name in SCRIPT_COLUMNS} | {
    "author": "nullif(p.author, '')",
    "language": f"nullif(p.language, '{NO_LANGUAGE}')",
}
"""The columns of `WORDS AS p` as `scripts` stores them; a NULL is staged as ''."""
WORDS = texts(PARSED_COLUMNS)
"""The columns `Batch.scripts`, for `execute_on_texts`."""

_CREATE_PARSED = (
    "CREATE TEMP TABLE parsed_scripts ("
    + ", ".join(f"{name} {kind}" for name, kind in _PARSED_TYPES.items())
    + ")"
)

# `description` is equal if all descriptive columns are.
_INSERT_PARSED = (
    f"INSERT INTO parsed_scripts ({', '.join(_PARSED_TYPES)}) SELECT "
    + ", ".join(f"p.{name}" for name in _PARSED_TYPES if name != "description")
    + f", hash({', '.join(STORED[name] for name in DESCRIPTIVE_COLUMNS)})"
    + f" FROM {WORDS} AS p"
)

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
    replaced = known.paths - scan.unchanged | scan.parsed.paths
    con.execute(_CREATE_PARSED)
    for batch in scan.parsed.batches():
        execute_on_texts(con, batch.scripts, (_INSERT_PARSED, ()))
    stage_texts(con, "replaced_files", {"file_uri": sorted(replaced)})
    stage_texts(con, "unreadable_files", {"file_uri": sorted(scan.unreadable)})
    stage_texts(con, "rejected_sources", _reject_columns(scan))
    con.execute(f"CREATE TEMP VIEW file_scripts AS {_FILE_SCRIPTS}")
    # Read twice, and both times sooner than its rows change; a table costs memory.
    con.execute(f"CREATE TEMP VIEW present_scripts AS {_PRESENT_SCRIPTS}")
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


def _reject_columns(scan: LibraryScan) -> dict[str, list[str]]:
    """Return {column: values} of the rejected sources: each source and its file.

    The source of a file that was not parsed is the file itself.
    """
    uris = sorted(scan.rejects)
    return {
        "source_uri": uris,
        "file_uri": [scan.rejected_in.get(uri, uri) for uri in uris],
    }


def stage_texts(
    con: Connection, table: str, columns: Mapping[str, Sequence[str]]
) -> None:
    """Make a temporary table of TEXT columns, with "" in place of NULL."""
    create = f"CREATE TEMP TABLE {table} AS SELECT * FROM {texts(columns)}"
    execute_on_texts(con, columns, (create, ()))


def execute_on_texts(
    con: Connection,
    columns: Mapping[str, Sequence[str]],
    *statements: tuple[str, Sequence[object]],
) -> None:
    """Run statements, given with their parameters, that read TEXT columns.

    The columns are read by `texts(columns)`, and are not copied into a table: DuckDB
    keeps a temporary table, even a dropped one, until the transaction ends.
    """
    if len(next(iter(columns.values()))) < FRAME_ROWS:
        unnested = ", ".join(f"unnest(?::TEXT[]) AS {name}" for name in columns)
        stage_query(con, "staged", f"SELECT {unnested}", list(columns.values()))
        for statement, parameters in statements:
            con.execute(statement, list(parameters))
        con.execute("DROP TABLE staged")
        return
    import numpy as np  # seven times faster for many rows

    # DuckDB finds the variable by its name. A registered one is kept like a table.
    staged = {  # noqa: F841
        name: np.array(column, dtype=object) for name, column in columns.items()
    }
    for statement, parameters in statements:
        con.execute(statement, list(parameters))
