"""Compares the staged library with the tables, and applies the changes in SQL.

`script_status` is append-only: a script's latest row has its status (active, retired or
forgotten) and its current revision.
"""

from __future__ import annotations

from datetime import datetime

from ig_assets.core.corpus.library.staging import (
    DESCRIPTIVE_COLUMNS,
    NO_LANGUAGE,
    SCRIPT_COLUMNS,
    stage_query,
    stage_texts,
)
from ig_assets.core.corpus.queries import forgotten_words
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.core.identity import forgotten_hashes
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.lineage.model_scripts import record_scripts
from ig_assets.warehouse.warehouse import Connection

# The staged columns as `scripts` stores them; a NULL is staged as ''.
_STORED = {name: f"p.{name}" for name in SCRIPT_COLUMNS} | {
    "author": "nullif(p.author, '')",
    "language": f"nullif(p.language, '{NO_LANGUAGE}')",
}
_DIFFERS = " OR ".join(
    f"{_STORED[name]} IS DISTINCT FROM s.{name}" for name in DESCRIPTIVE_COLUMNS
)

# One row per library script that is present or was active, with its change. Forgotten
# words do not come back under another id. A script whose file or row is unreadable now
# is not among the changes, so it stays as it is.
_CHANGES = f"""
    WITH forgotten_revisions AS (
        SELECT DISTINCT revision_hash
        FROM script_status
        WHERE script_id IN (SELECT script_id FROM forgotten_scripts)
            AND revision_hash IS NOT NULL
        UNION
        SELECT revision_hash
        FROM revisions_of_forgotten_words
    ),
    known AS (
        SELECT l.*, s.source_uri
        FROM latest_script_status AS l
        LEFT JOIN scripts AS s
            ON s.script_id = l.script_id
            AND s.revision_hash = l.revision_hash
        WHERE l.script_id LIKE 'library/%'
    ),
    unreadable AS (
        SELECT script_id
        FROM library_files
        WHERE file_uri IN (SELECT file_uri FROM unreadable_files)
    )
    SELECT coalesce(n.script_id, k.script_id) AS script_id,
        coalesce(n.revision_hash, k.revision_hash) AS revision_hash,
        coalesce(n.source_uri, k.source_uri) AS source_uri,
        k.changed_at AS last_changed_at,
        nullif(coalesce(s.source_uri, k.source_uri), n.source_uri) AS former_uri,
        CASE
            WHEN n.script_id IN (SELECT script_id FROM forgotten_scripts)
                THEN 'forgotten'
            WHEN n.revision_hash IS DISTINCT FROM k.revision_hash
                AND n.revision_hash IN (SELECT revision_hash FROM forgotten_revisions)
                THEN 'forgotten'
            WHEN k.script_id IS NULL THEN 'new'
            WHEN n.script_id IS NULL THEN 'retired'
            WHEN k.status = 'retired' THEN 'revived'
            WHEN k.revision_hash <> n.revision_hash THEN 'revised'
            WHEN p.script_id IS NOT NULL AND ({_DIFFERS}) THEN 'described'
            ELSE 'unchanged'
        END AS change
    FROM present_scripts AS n
    FULL JOIN known AS k
        ON k.script_id = n.script_id
    LEFT JOIN parsed_scripts AS p
        ON p.script_id = n.script_id
    LEFT JOIN scripts AS s
        ON s.script_id = p.script_id
        AND s.revision_hash = p.revision_hash
    WHERE n.script_id IS NOT NULL
        OR (
            k.status = 'active'
            AND k.script_id NOT IN (SELECT script_id FROM forgotten_scripts)
            AND k.script_id NOT IN (SELECT script_id FROM unreadable)
            AND k.source_uri NOT IN (SELECT source_uri FROM rejected_sources)
            AND k.source_uri NOT IN (SELECT file_uri FROM unreadable_files)
        )
"""

_INSERT_REVISIONS = f"""
    INSERT INTO scripts ({", ".join(SCRIPT_COLUMNS)}, origin, simulated, first_seen_at)
    SELECT {", ".join(_STORED[name] for name in SCRIPT_COLUMNS)}, 'library', FALSE, ?
    FROM parsed_scripts AS p
    JOIN script_changes AS c
        ON c.script_id = p.script_id
    LEFT JOIN scripts AS s
        ON s.script_id = p.script_id
        AND s.revision_hash = p.revision_hash
    WHERE c.change IN ('new', 'revised', 'revived')
        AND s.script_id IS NULL
"""

_WRITTEN = """
    SELECT script_id
    FROM script_changes
    WHERE change IN ('new', 'revised', 'revived')
"""

_UPDATE_DESCRIPTIONS = f"""
    UPDATE scripts AS s
    SET {", ".join(f"{name} = {_STORED[name]}" for name in DESCRIPTIVE_COLUMNS)}
    FROM parsed_scripts AS p
    JOIN script_changes AS c
        ON c.script_id = p.script_id
    WHERE s.script_id = p.script_id
        AND s.revision_hash = p.revision_hash
        AND c.change IN ('described', 'revised', 'revived')
        AND ({_DIFFERS})
"""

# `changed_at` is later than the script's latest row, even if the clock was set back.
# `queries.FORMER_FILE` reads the name of the file from the reason.
_INSERT_STATUSES = """
    INSERT INTO script_status (script_id, changed_at, status, revision_hash, reason)
    SELECT script_id,
        greatest(
            CAST(? AS TIMESTAMP),
            coalesce(last_changed_at + INTERVAL 1 MICROSECOND, CAST(? AS TIMESTAMP))
        ),
        CASE change WHEN 'retired' THEN 'retired' ELSE 'active' END,
        revision_hash,
        concat_ws('; ',
            CASE change
                WHEN 'new' THEN 'new file'
                WHEN 'revised' THEN 'the text changed'
                WHEN 'revived' THEN 'the file came back'
                WHEN 'retired' THEN 'the file vanished'
            END,
            CASE WHEN change <> 'retired'
                THEN 'its file was ' || former_uri || ' before' END
        )
    FROM script_changes
    WHERE change IN ('new', 'revised', 'revived', 'retired')
        OR (change = 'described' AND former_uri IS NOT NULL)
"""

# One row per new script that has the words of retired scripts: the one retired last.
_RENAMES = """
    SELECT c.script_id, o.script_id AS old_script_id
    FROM script_changes AS c
    JOIN latest_script_status AS o
        ON o.revision_hash = c.revision_hash
    WHERE c.change = 'new'
        AND o.status = 'retired'
        AND o.script_id LIKE 'library/%'
    QUALIFY row_number() OVER (
        PARTITION BY c.script_id
        ORDER BY o.changed_at DESC, o.script_id
    ) = 1
    ORDER BY c.script_id
"""


def stage_changes(con: Connection) -> tuple[dict[str, int], list[Reject]]:
    """Make the table `script_changes` from the staged scan.

    Returns {change: number of scripts}, and a reject for each forgotten script.
    """
    stage_texts(
        con, "revisions_of_forgotten_words", {"revision_hash": _same_words(con)}
    )
    stage_query(con, "script_changes", _CHANGES)
    counts = con.execute(
        "SELECT change, count(*) FROM script_changes GROUP BY change"
    ).fetchall()
    forgotten = con.execute(
        "SELECT source_uri FROM script_changes WHERE change = 'forgotten' "
        "ORDER BY source_uri"
    ).fetchall()
    detail = (
        "The script was forgotten on request; delete the file, or give other words "
        "another id."
    )
    return dict(counts), [Reject(uri, "forgotten", detail) for (uri,) in forgotten]


def _same_words(con: Connection) -> list[str]:
    """Return the staged revisions whose words are those of a forgotten script.

    Case, spacing and punctuation may differ (`identity.forgotten_hashes`).
    """
    words = forgotten_words(con)
    if not words:
        return []
    rows = con.execute(
        "SELECT DISTINCT revision_hash, text FROM parsed_scripts"
    ).fetchall()
    return sorted(
        revision
        for revision, text in rows
        if not words.isdisjoint(forgotten_hashes(text))
    )


def apply_changes(con: Connection, now: datetime) -> None:
    """Write the revisions, descriptions and statuses of `script_changes`."""
    [(written,)] = con.execute(_INSERT_REVISIONS, [now]).fetchall()
    if written:
        rows = con.execute(_WRITTEN).fetchall()
        record_scripts(con, (script_id for (script_id,) in rows))
    con.execute(_UPDATE_DESCRIPTIONS)
    con.execute(_INSERT_STATUSES, [now, now])


def write_renames(con: Connection, now: datetime, run_id: str | None) -> int:
    """Write an edge from each new script to the retired one with the same words.

    Returns the number of edges.
    """
    edges = [
        Edge("script", script_id, "script", old_script_id, "renamed_from")
        for script_id, old_script_id in con.execute(_RENAMES).fetchall()
    ]
    return record_edges(con, edges, run_id, now)
