"""The corpus as rows: what the library says, as a difference computed in SQL.

`script_status` is append-only; the latest row of a script says whether it is
active, retired or forgotten, and names its current revision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.current import (
    CURRENT_SCRIPTS,
    FORGOTTEN_SCRIPTS,
    LATEST_STATUS,
    current_scripts,
)
from ig_assets.core.corpus.library import (
    COUNTS,
    LibraryReading,
    Reject,
    read_library,
)
from ig_assets.core.corpus.promotion import promote_winners, unpromoted_winners
from ig_assets.core.corpus.rejects import resolve_rejects, write_rejects
from ig_assets.core.ports import Clock
from ig_assets.warehouse.connection import Connection, Warehouse
from ig_assets.warehouse.rows import fetch_dicts, merge_rows

__all__ = [
    "CURRENT_SCRIPTS",
    "CorpusChange",
    "current_scripts",
    "sync_corpus",
    "unpromoted_winners",
]

SAMPLE_ROWS = 20

_DESCRIBED = (
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
_STAGED = ("script_id", "revision_hash", *_DESCRIBED)
_DIFFERS = " OR ".join(f"f.{c} IS DISTINCT FROM s.{c}" for c in _DESCRIBED)

# Every library script that is in the folder or was active, with what happened to it.
_VERDICTS = f"""
    CREATE TEMP TABLE library_verdicts AS
    WITH gone AS ({FORGOTTEN_SCRIPTS}),
    gone_words AS (
        SELECT DISTINCT revision_hash
        FROM script_status
        WHERE script_id IN (SELECT script_id FROM gone)
    ),
    known AS (
        SELECT l.*, s.source_uri
        FROM ({LATEST_STATUS}) AS l
        LEFT JOIN scripts AS s
            ON s.script_id = l.script_id
            AND s.revision_hash = l.revision_hash
        WHERE l.script_id LIKE 'library/%'
    )
    SELECT coalesce(f.script_id, k.script_id) AS script_id,
        coalesce(f.revision_hash, k.revision_hash) AS revision_hash,
        coalesce(f.source_uri, k.source_uri) AS source_uri,
        k.changed_at AS last_changed_at,
        CASE
            WHEN f.script_id IN (SELECT script_id FROM gone) THEN 'forgotten'
            WHEN k.script_id IS NULL
                AND f.revision_hash IN (SELECT revision_hash FROM gone_words)
                THEN 'forgotten'
            WHEN k.script_id IS NULL THEN 'new'
            WHEN f.script_id IS NULL THEN 'retired'
            WHEN k.status = 'retired' THEN 'revived'
            WHEN k.revision_hash <> f.revision_hash THEN 'revised'
            WHEN {_DIFFERS} THEN 'described'
            ELSE 'unchanged'
        END AS verdict
    FROM library_files AS f
    FULL JOIN known AS k
        ON k.script_id = f.script_id
    LEFT JOIN scripts AS s
        ON s.script_id = f.script_id
        AND s.revision_hash = f.revision_hash
    WHERE f.script_id IS NOT NULL
        OR (
            k.status = 'active'
            AND k.script_id NOT IN (SELECT script_id FROM gone)
            AND k.source_uri NOT IN (SELECT source_uri FROM library_rejects)
        )
"""

_ADD_REVISIONS = f"""
    INSERT INTO scripts ({", ".join(_STAGED)}, origin, simulated, first_seen_at)
    SELECT {", ".join(f"f.{c}" for c in _STAGED)}, 'library', FALSE, ?
    FROM library_files AS f
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
    SET {", ".join(f"{c} = f.{c}" for c in _DESCRIBED)}
    FROM library_files AS f
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

_SAMPLE = f"""
    SELECT w.script_id, w.verdict AS change, coalesce(s.topic, '') AS topic,
        coalesce(s.hook_style, '') AS hook_style, coalesce(s.language, '') AS language
    FROM library_verdicts AS w
    LEFT JOIN scripts AS s
        ON s.script_id = w.script_id
        AND s.revision_hash = w.revision_hash
    WHERE w.verdict NOT IN ('unchanged', 'forgotten')
    ORDER BY w.script_id
    LIMIT {SAMPLE_ROWS}
"""


@dataclass(frozen=True)
class CorpusChange:
    """What a sync did, in scripts; `renamed` are among `new`.

    `changed` are new words or a new description (topic, author, path, …) of a
    script; `rejected` counts the files that cannot be used now and `rejects` names
    them. `sample` has at most 20 rows of ids and labels, never a text.
    """

    new: int
    changed: int
    unchanged: int
    retired: int
    revived: int
    renamed: int
    rejected: int
    promoted: int
    sample: tuple[Mapping[str, str], ...]
    rejects: tuple[Reject, ...]


def sync_corpus(
    warehouse: Warehouse, location: str, clock: Clock, run_id: str | None = None
) -> CorpusChange:
    """Make the rows say what the library folder and the decisions say.

    One transaction; with the same input a second run changes no row. A file that
    became unusable keeps its script as it was. Raises InputError when the folder
    is missing.
    """
    reading = read_library(location)
    now = clock.now()
    with warehouse.transaction() as con:
        _stage(con, reading)
        counts, forgotten = _verdicts(con)
        rejects = reading.rejects + forgotten
        con.execute(_ADD_REVISIONS, [now])
        con.execute(_DESCRIBE)
        con.execute(_ADD_STATUS, [now, now])
        renamed = _write_renames(con, now, run_id)
        _write_performance(con, reading)
        write_rejects(con, rejects, now)
        resolve_rejects(con, rejects, now)
        sample = fetch_dicts(con, _SAMPLE)
        promoted = promote_winners(con, now, run_id)
    labels = ("script_id", "topic", "hook_style", "language")
    sample += [
        {"change": "promoted", **{c: row[c] for c in labels}} for row in promoted
    ]
    return CorpusChange(
        new=counts.get("new", 0),
        changed=counts.get("revised", 0) + counts.get("described", 0),
        unchanged=counts.get("unchanged", 0),
        retired=counts.get("retired", 0),
        revived=counts.get("revived", 0),
        renamed=renamed,
        rejected=len(rejects),
        promoted=len(promoted),
        sample=tuple(sample[:SAMPLE_ROWS]),
        rejects=rejects,
    )


def _stage(con: Connection, reading: LibraryReading) -> None:
    columns = ", ".join(f"unnest(?::TEXT[]) AS {name}" for name in _STAGED)
    con.execute(
        f"CREATE TEMP TABLE library_files AS SELECT {columns}",
        [[getattr(s, name) for s in reading.scripts] for name in _STAGED],
    )
    con.execute(
        "CREATE TEMP TABLE library_rejects AS SELECT unnest(?::TEXT[]) AS source_uri",
        [[r.source_uri for r in reading.rejects]],
    )
    con.execute(_VERDICTS)


def _verdicts(con: Connection) -> tuple[dict[str, int], tuple[Reject, ...]]:
    counted = con.execute(
        "SELECT verdict, count(*) FROM library_verdicts GROUP BY verdict"
    ).fetchall()
    forgotten = con.execute(
        "SELECT source_uri FROM library_verdicts WHERE verdict = 'forgotten' "
        "ORDER BY source_uri"
    ).fetchall()
    detail = "The script was forgotten on request; delete the file."
    rejects = tuple(Reject(uri, "forgotten", detail) for (uri,) in forgotten)
    return dict(counted), rejects


def _write_renames(con: Connection, now: datetime, run_id: str | None) -> int:
    renamed = con.execute(_RENAMED).fetchall()
    return merge_rows(
        con,
        "edges",
        [
            {
                "child_kind": "script",
                "child_id": script_id,
                "parent_kind": "script",
                "parent_id": old_script_id,
                "relation": "renamed_from",
                "run_id": run_id,
                "recorded_at": now,
            }
            for script_id, old_script_id in renamed
        ],
        replace=False,
    )


def _write_performance(con: Connection, reading: LibraryReading) -> None:
    """Add what the files say and is not there; a correction replaces its reading."""
    rows: list[dict[str, Any]] = [
        {
            "script_id": script.script_id,
            "revision_hash": script.revision_hash,
            "source": performance.source,
            "as_of": performance.as_of,
            **{name: getattr(performance, name) for name in COUNTS},
            "rate": performance.rate,
        }
        for script in reading.scripts
        if (performance := script.performance) is not None
    ]
    known = {
        tuple(row.values())
        for row in fetch_dicts(
            con,
            f"SELECT script_id, revision_hash, source, as_of, {', '.join(COUNTS)}, "
            "rate FROM script_performance WHERE script_id LIKE 'library/%'",
        )
    }
    kept = {
        script_id
        for (script_id,) in con.execute(
            "SELECT script_id FROM library_verdicts WHERE verdict <> 'forgotten'"
        ).fetchall()
    }
    merge_rows(
        con,
        "script_performance",
        [
            row
            for row in rows
            if row["script_id"] in kept and tuple(row.values()) not in known
        ],
    )
