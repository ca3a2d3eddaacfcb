"""Compares the staged library with the tables, and applies the changes in SQL.

`script_status` is append-only: a script's latest row has its status (active, retired or
forgotten) and its current revision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ig_assets.core.corpus.library.parsed_files import (
    DESCRIPTIVE_COLUMNS,
    SCRIPT_COLUMNS,
    Batch,
    ParsedFiles,
)
from ig_assets.core.corpus.library.staging import (
    STORED,
    WORDS,
    execute_on_texts,
    stage_query,
    stage_texts,
)
from ig_assets.core.corpus.queries import forgotten_words
from ig_assets.core.corpus.scripts.script import Reject
from ig_assets.core.identity import forgotten_hashes
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.lineage.model_scripts import record_scripts
from ig_assets.warehouse.warehouse import Connection

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
    stored AS (
        SELECT script_id, revision_hash, source_uri,
            hash({", ".join(DESCRIPTIVE_COLUMNS)}) AS description
        FROM scripts
        WHERE script_id IN (SELECT script_id FROM parsed_scripts)
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
            WHEN p.description IS DISTINCT FROM s.description THEN 'described'
            ELSE 'unchanged'
        END AS change,
        p.script_id IS NOT NULL AND s.script_id IS NULL AS is_missing,
        p.description <> s.description AS differs
    FROM present_scripts AS n
    FULL JOIN known AS k
        ON k.script_id = n.script_id
    LEFT JOIN parsed_scripts AS p
        ON p.script_id = n.script_id
    LEFT JOIN stored AS s
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

# The words of a batch, without those of scripts that an earlier file has.
_WORDS = f"""
    FROM {WORDS} AS p
    JOIN parsed_scripts AS o
        ON o.script_id = p.script_id
        AND o.file_uri = p.file_uri
    JOIN script_changes AS c
        ON c.script_id = p.script_id
"""

_INSERT_REVISIONS = f"""
    INSERT INTO scripts ({", ".join(SCRIPT_COLUMNS)}, origin, simulated, first_seen_at)
    SELECT {", ".join(STORED[name] for name in SCRIPT_COLUMNS)}, 'library', FALSE, ?
    {_WORDS}
    WHERE c.is_missing
        AND c.change IN ('new', 'revised', 'revived')
"""

_WRITTEN = """
    SELECT script_id
    FROM script_changes
    WHERE is_missing
        AND change IN ('new', 'revised', 'revived')
"""

_DESCRIBED = "differs AND change IN ('described', 'revised', 'revived')"
_TO_WRITE = f"""
    SELECT count_if(is_missing AND change IN ('new', 'revised', 'revived')),
        count_if({_DESCRIBED})
    FROM script_changes
"""
_CREATE_DESCRIBED = (
    "CREATE TEMP TABLE described_words ("
    + ", ".join(f"{name} TEXT" for name in SCRIPT_COLUMNS)
    + ")"
)
_STAGE_DESCRIBED = f"""
    INSERT INTO described_words
    SELECT {", ".join(STORED[name] for name in SCRIPT_COLUMNS)}
    {_WORDS}
    WHERE {_DESCRIBED}
"""

# Once for all batches, as a home on a server reads all its scripts for it.
_UPDATE_DESCRIPTIONS = f"""
    UPDATE scripts AS s
    SET {", ".join(f"{name} = d.{name}" for name in DESCRIPTIVE_COLUMNS)}
    FROM described_words AS d
    WHERE s.script_id = d.script_id
        AND s.revision_hash = d.revision_hash
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


def stage_changes(
    con: Connection, parsed: ParsedFiles
) -> tuple[dict[str, int], list[Reject]]:
    """Make the table `script_changes` from the staged scan.

    Returns {change: number of scripts}, and a reject for each forgotten script.
    """
    stage_texts(
        con, "revisions_of_forgotten_words", {"revision_hash": _same_words(con, parsed)}
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


def _same_words(con: Connection, parsed: ParsedFiles) -> list[str]:
    """Return the parsed revisions whose words are those of a forgotten script.

    Case, spacing and punctuation may differ (`identity.forgotten_hashes`).
    """
    words = forgotten_words(con)
    if not words:
        return []
    return sorted(
        {
            revision_hash
            for batch in parsed.batches()
            for revision_hash, text in zip(
                batch.scripts["revision_hash"], batch.scripts["text"], strict=True
            )
            if not words.isdisjoint(forgotten_hashes(text))
        }
    )


def write_words(
    con: Connection, batches: Iterable[Batch], now: datetime
) -> Iterator[Batch]:
    """Write the new revisions of each batch, and yield the batch afterwards.

    After the last batch the descriptions that differ are written.
    """
    [(revisions, descriptions)] = con.execute(_TO_WRITE).fetchall()
    con.execute(_CREATE_DESCRIBED)
    for batch in batches:
        if revisions or descriptions:
            execute_on_texts(
                con, batch.scripts, (_INSERT_REVISIONS, [now]), (_STAGE_DESCRIBED, ())
            )
        yield batch
    if descriptions:
        con.execute(_UPDATE_DESCRIPTIONS)


def apply_changes(con: Connection, now: datetime) -> None:
    """Write the statuses of `script_changes`, after the words were written."""
    record_scripts(con, _written(con))
    con.execute(_INSERT_STATUSES, [now, now])


def _written(con: Connection) -> Iterator[str]:
    for (script_id,) in con.execute(_WRITTEN).fetchall():
        yield script_id


def write_renames(con: Connection, now: datetime, run_id: str | None) -> int:
    """Write an edge from each new script to the retired one with the same words.

    Returns the number of edges.
    """
    edges = [
        Edge("script", script_id, "script", old_script_id, "renamed_from")
        for script_id, old_script_id in con.execute(_RENAMES).fetchall()
    ]
    return record_edges(con, edges, run_id, now)
