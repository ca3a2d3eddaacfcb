"""What each library file was last read to say, kept as rows.

A file is *known* when all that it says is in the tables as it says it: then the same
bytes need not be read again. One with a reject, with a script that another file has
too, or with a forgotten one is never known, so that its state is always looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from ig_assets.core.corpus.library.scan import KnownFile
from ig_assets.core.corpus.queries import CURRENT_SCRIPTS
from ig_assets.core.corpus.scripts.parse import READER_VERSION
from ig_assets.warehouse.warehouse import Connection

# One row a file, and one without a file for active scripts that no file claims.
_FILES = f"""
    SELECT f.file_uri, count(*), min(f.content_hash), min(f.stamp),
        count(*) = count(s.script_id)
            AND count(*) = count(f.content_hash)
            AND min(f.reader_version) = {READER_VERSION}
            AND max(f.reader_version) = {READER_VERSION} AS is_known
    FROM library_files AS f
    FULL JOIN (
        SELECT script_id, revision_hash, source_uri
        FROM ({CURRENT_SCRIPTS})
        WHERE script_id LIKE 'library/%'
    ) AS s
        ON s.script_id = f.script_id
        AND s.revision_hash = f.revision_hash
        AND s.source_uri = f.source_uri
    GROUP BY f.file_uri
"""

# Says whether the rows are the same as at another moment, whatever their order.
_STATE = """
    SELECT count(*) || ' ' || coalesce(CAST(bit_xor(hash(
        file_uri, script_id, revision_hash, content_hash, stamp, reader_version
    )) AS TEXT), '')
    FROM library_files
"""

# What a read file said before goes, except what cannot be told just now.
_DROP_READ = """
    DELETE FROM library_files
    WHERE file_uri IN (SELECT file_uri FROM library_reread)
        AND (
            file_uri NOT IN (SELECT file_uri FROM library_hidden)
            OR script_id IN (SELECT script_id FROM library_read)
        )
"""

_DROP_LOSERS = """
    DELETE FROM library_files AS f
    USING library_losers AS l
    WHERE l.file_uri = f.file_uri
        AND l.script_id = f.script_id
"""

_ADD_READ = f"""
    INSERT INTO library_files (
        file_uri, script_id, source_uri, revision_hash, content_hash, stamp,
        reader_version
    )
    SELECT f.file_uri, f.script_id, f.source_uri, f.revision_hash, f.content_hash,
        nullif(f.stamp, ''), {READER_VERSION}
    FROM library_read AS f
    JOIN library_verdicts AS w
        ON w.script_id = f.script_id
    WHERE w.verdict <> 'forgotten'
"""

_UNSETTLED = """
    SELECT file_uri FROM library_hidden
    UNION
    SELECT file_uri FROM library_losers
    UNION
    SELECT file_uri FROM library_rejects WHERE file_uri IS NOT NULL
    UNION
    SELECT c.file_uri
    FROM library_claims AS c
    JOIN library_verdicts AS w
        ON w.script_id = c.script_id
    WHERE w.verdict = 'forgotten'
"""

_UNSETTLE = f"""
    UPDATE library_files
    SET content_hash = NULL
    WHERE content_hash IS NOT NULL
        AND file_uri IN ({_UNSETTLED})
"""


@dataclass(frozen=True)
class LibraryState:
    """The files that have rows, those that are known, and a mark of the moment.

    `scripts` are in known files, `unclaimed` are active and in no file's rows.
    """

    paths: frozenset[str]
    known: dict[str, KnownFile]
    scripts: int
    unclaimed: int
    mark: str


def library_state(con: Connection) -> LibraryState:
    """What the tables know of the library's files."""
    rows = con.execute(_FILES).fetchall()
    files = [row for row in rows if row[0] is not None]
    known = [row for row in files if row[-1]]
    return LibraryState(
        paths=frozenset(path for path, *_ in files),
        known={
            path: KnownFile(content_hash, stamp)
            for path, _, content_hash, stamp, _ in known
        },
        scripts=sum(scripts for _, scripts, *_ in known),
        unclaimed=sum(scripts for path, scripts, *_ in rows if path is None),
        mark=state_mark(con),
    )


def state_mark(con: Connection) -> str:
    """Changes with every change of the rows."""
    return str(con.execute(_STATE).fetchall()[0][0])


def write_claims(con: Connection) -> None:
    """Keep what the read files say, after the verdicts on it were carried out."""
    con.execute(_DROP_READ)
    con.execute(_DROP_LOSERS)
    con.execute(_ADD_READ)
    con.execute(_UNSETTLE)
