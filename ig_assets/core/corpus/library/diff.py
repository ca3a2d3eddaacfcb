"""What happened to each library script, decided and carried out in SQL.

`script_status` is append-only; the latest row of a script says whether it is
active, retired or forgotten, and names its current revision.
"""

from __future__ import annotations

from datetime import datetime

from ig_assets.core.corpus.library.staging import DESCRIBED, NO_LANGUAGE, STAGED
from ig_assets.core.corpus.queries import FORGOTTEN_SCRIPTS, LATEST_STATUS
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.warehouse.warehouse import Connection

# `''` stands for no author: staged columns have no NULL.
_SAID = {name: f"f.{name}" for name in STAGED} | {
    "author": "nullif(f.author, '')",
    "language": f"nullif(f.language, '{NO_LANGUAGE}')",
}
_DIFFERS = " OR ".join(f"{_SAID[c]} IS DISTINCT FROM s.{c}" for c in DESCRIBED)

# Every library script that is there or was active, with what happened to it. Words
# that were forgotten come back under no name; a script whose file or row cannot be
# told just now stays as it was.
_VERDICTS = f"""
    CREATE TEMP TABLE library_verdicts AS
    WITH gone AS ({FORGOTTEN_SCRIPTS}),
    gone_words AS (
        SELECT DISTINCT revision_hash
        FROM script_status
        WHERE script_id IN (SELECT script_id FROM gone)
            AND revision_hash IS NOT NULL
    ),
    known AS (
        SELECT l.*, s.source_uri
        FROM ({LATEST_STATUS}) AS l
        LEFT JOIN scripts AS s
            ON s.script_id = l.script_id
            AND s.revision_hash = l.revision_hash
        WHERE l.script_id LIKE 'library/%'
    ),
    kept AS (
        SELECT script_id
        FROM library_files
        WHERE file_uri IN (SELECT file_uri FROM library_hidden)
    )
    SELECT coalesce(n.script_id, k.script_id) AS script_id,
        coalesce(n.revision_hash, k.revision_hash) AS revision_hash,
        coalesce(n.source_uri, k.source_uri) AS source_uri,
        k.changed_at AS last_changed_at,
        CASE
            WHEN n.script_id IN (SELECT script_id FROM gone) THEN 'forgotten'
            WHEN n.revision_hash IS DISTINCT FROM k.revision_hash
                AND n.revision_hash IN (SELECT revision_hash FROM gone_words)
                THEN 'forgotten'
            WHEN k.script_id IS NULL THEN 'new'
            WHEN n.script_id IS NULL THEN 'retired'
            WHEN k.status = 'retired' THEN 'revived'
            WHEN k.revision_hash <> n.revision_hash THEN 'revised'
            WHEN f.script_id IS NOT NULL AND ({_DIFFERS}) THEN 'described'
            ELSE 'unchanged'
        END AS verdict
    FROM library_found AS n
    FULL JOIN known AS k
        ON k.script_id = n.script_id
    LEFT JOIN library_read AS f
        ON f.script_id = n.script_id
    LEFT JOIN scripts AS s
        ON s.script_id = f.script_id
        AND s.revision_hash = f.revision_hash
    WHERE n.script_id IS NOT NULL
        OR (
            k.status = 'active'
            AND k.script_id NOT IN (SELECT script_id FROM gone)
            AND k.script_id NOT IN (SELECT script_id FROM kept)
            AND k.source_uri NOT IN (SELECT source_uri FROM library_rejects)
            AND k.source_uri NOT IN (SELECT file_uri FROM library_hidden)
        )
"""

_ADD_REVISIONS = f"""
    INSERT INTO scripts ({", ".join(STAGED)}, origin, simulated, first_seen_at)
    SELECT {", ".join(_SAID[c] for c in STAGED)}, 'library', FALSE, ?
    FROM library_read AS f
    JOIN library_verdicts AS w
        ON w.script_id = f.script_id
    LEFT JOIN scripts AS s
        ON s.script_id = f.script_id
        AND s.revision_hash = f.revision_hash
    WHERE w.verdict IN ('new', 'revised', 'revived')
        AND s.script_id IS NULL
"""

_DESCRIBE = f"""
    UPDATE scripts AS s
    SET {", ".join(f"{c} = {_SAID[c]}" for c in DESCRIBED)}
    FROM library_read AS f
    JOIN library_verdicts AS w
        ON w.script_id = f.script_id
    WHERE s.script_id = f.script_id
        AND s.revision_hash = f.revision_hash
        AND w.verdict IN ('described', 'revised', 'revived')
        AND ({_DIFFERS})
"""

# The clock may stand still or go back; the order of a script's rows may not.
_ADD_STATUS = """
    INSERT INTO script_status (script_id, changed_at, status, revision_hash, reason)
    SELECT script_id,
        greatest(
            CAST(? AS TIMESTAMP),
            coalesce(last_changed_at + INTERVAL 1 MICROSECOND, CAST(? AS TIMESTAMP))
        ),
        CASE verdict WHEN 'retired' THEN 'retired' ELSE 'active' END,
        revision_hash,
        CASE verdict
            WHEN 'new' THEN 'new file'
            WHEN 'revised' THEN 'the text changed'
            WHEN 'revived' THEN 'the file came back'
            ELSE 'the file vanished'
        END
    FROM library_verdicts
    WHERE verdict IN ('new', 'revised', 'revived', 'retired')
"""

# A new script with the words of one that is retired now: the old one, latest first.
_RENAMED = f"""
    SELECT n.script_id, o.script_id AS old_script_id
    FROM library_verdicts AS n
    JOIN ({LATEST_STATUS}) AS o
        ON o.revision_hash = n.revision_hash
    WHERE n.verdict = 'new'
        AND o.status = 'retired'
        AND o.script_id LIKE 'library/%'
    QUALIFY row_number() OVER (
        PARTITION BY n.script_id
        ORDER BY o.changed_at DESC, o.script_id
    ) = 1
    ORDER BY n.script_id
"""


def decide_verdicts(con: Connection) -> tuple[dict[str, int], list[Reject]]:
    """Make `library_verdicts` of the staged reading: counts, and the forgotten."""
    con.execute(_VERDICTS)
    counted = con.execute(
        "SELECT verdict, count(*) FROM library_verdicts GROUP BY verdict"
    ).fetchall()
    forgotten = con.execute(
        "SELECT source_uri FROM library_verdicts WHERE verdict = 'forgotten' "
        "ORDER BY source_uri"
    ).fetchall()
    detail = "The script was forgotten on request; delete the file."
    return dict(counted), [Reject(uri, "forgotten", detail) for (uri,) in forgotten]


def carry_out_verdicts(con: Connection, now: datetime) -> None:
    """Write revisions, descriptions and statuses."""
    con.execute(_ADD_REVISIONS, [now])
    con.execute(_DESCRIBE)
    con.execute(_ADD_STATUS, [now, now])


def write_renames(con: Connection, now: datetime, run_id: str | None) -> int:
    """One edge from each new script to the retired one with the same words."""
    renamed = con.execute(_RENAMED).fetchall()
    edges = (Edge("script", new, "script", old, "renamed_from") for new, old in renamed)
    return record_edges(con, edges, run_id, now)
