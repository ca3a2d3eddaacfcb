"""Reads from the table `library_files` which library files are already in the tables.

A file is known if the tables hold all of its scripts as the file has them; the same
bytes then need not be parsed again. Some files are never known, so that every sync
checks them: a file with a reject, a file with a script that is also in another file,
and a file with a forgotten script.

`known_files_update` writes the rows. A sync does not read them if files and tables have
the digests of the last sync (`checkpoints.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ig_assets.core.corpus.checkpoints import SCRIPT_STATES, rows_digest
from ig_assets.core.corpus.scripts.parse import READER_VERSION
from ig_assets.warehouse.warehouse import Connection

# One row per file, and one with a NULL file_uri for active scripts that are in no
# file's rows.
_FILES = f"""
    SELECT f.file_uri, count(*), min(f.content_hash), min(f.stamp),
        min(f.rest_hash),
        count(*) = count(s.script_id)
            AND count(*) = count(f.content_hash)
            AND min(f.reader_version) = {READER_VERSION}
            AND max(f.reader_version) = {READER_VERSION} AS is_known
    FROM library_files AS f
    FULL JOIN (
        SELECT script_id, revision_hash, source_uri
        FROM current_scripts
        WHERE script_id LIKE 'library/%'
    ) AS s
        ON s.script_id = f.script_id
        AND s.revision_hash = f.revision_hash
        AND s.source_uri = f.source_uri
    GROUP BY f.file_uri
"""

# Equal if the rows are equal, in any order.
_VERSION = """
    SELECT count(*) || ' ' || coalesce(CAST(bit_xor(hash(
        file_uri, script_id, revision_hash, content_hash, stamp, rest_hash,
        reader_version
    )) AS TEXT), '')
    FROM library_files
"""


_READ = {
    "scripts": "script_id, revision_hash, source_uri",
    "library_files": (
        "file_uri, script_id, source_uri, revision_hash, content_hash, stamp, "
        "rest_hash, reader_version"
    ),
    **SCRIPT_STATES,
}


class KnownFile(NamedTuple):
    """A file whose scripts are all in the tables.

    `version` is the version that the file store gave for the bytes, None if it gave
    none. `rest_hash` is the hash of the file without its script's performance, None if
    the two cannot be separated (`reading_apart`).
    """

    content_hash: str
    version: str | None
    rest_hash: str | None


@dataclass(frozen=True)
class KnownFiles:
    """What the last sync stored about the library's files.

    `paths` are all files with rows in `library_files`; `by_path` has those that are
    known. `scripts` is the number of scripts in known files, `unclaimed` the number of
    active scripts that are in none of the files. `version` changes with every change of
    the rows.
    """

    paths: frozenset[str]
    by_path: dict[str, KnownFile]
    scripts: int
    unclaimed: int
    version: str


def read_known_files(con: Connection) -> KnownFiles:
    """Return the state of all library files as the last sync stored it."""
    rows = con.execute(_FILES).fetchall()
    files = [row for row in rows if row[0] is not None]
    known = [row for row in files if row[-1]]
    return KnownFiles(
        paths=frozenset(path for path, *_ in files),
        by_path={
            path: KnownFile(content_hash, version, rest_hash)
            for path, _, content_hash, version, rest_hash, _ in known
        },
        scripts=sum(scripts for _, scripts, *_ in known),
        unclaimed=sum(scripts for path, scripts, *_ in rows if path is None),
        version=known_files_version(con),
    )


def known_files_version(con: Connection) -> str:
    """Return a digest of the rows of `library_files`; it changes if any row changes."""
    return str(con.execute(_VERSION).fetchall()[0][0])


def tables_digest(con: Connection) -> str:
    """Return a digest of all rows with which the library's files are compared.

    It changes if any of these rows changes.
    """
    return rows_digest(con, _READ)
