"""Queries for the current state of the corpus: active scripts, and winning words.

Each constant is a query to be used as `FROM ({CONSTANT}) AS alias`.
"""

from __future__ import annotations

from ig_assets.warehouse.warehouse import Connection

WINNER_PREFIX = "winner/"
"""Begins the id of a script that was promoted from a winning variant."""

# One row per script, the forgotten included: its current status.
LATEST_STATUS = """
    SELECT script_id, status, revision_hash, changed_at
    FROM script_status
    QUALIFY row_number() OVER (
        PARTITION BY script_id
        ORDER BY changed_at DESC
    ) = 1
"""

# One row per script that was forgotten; it never becomes active again.
FORGOTTEN_SCRIPTS = """
    SELECT script_id
    FROM forgotten
    UNION
    SELECT script_id
    FROM script_status
    WHERE status = 'forgotten'
"""

# One row per active script, with its current revision: all columns of `scripts`.
CURRENT_SCRIPTS = f"""
    SELECT s.*
    FROM scripts AS s
    JOIN ({LATEST_STATUS}) AS l
        ON l.script_id = s.script_id
        AND l.revision_hash = s.revision_hash
    WHERE l.status = 'active'
        AND s.script_id NOT IN ({FORGOTTEN_SCRIPTS})
"""

# One row per experiment that has a winner now, provisional ones included.
WON_DECISIONS = """
    SELECT *
    FROM (
        SELECT *
        FROM decisions
        QUALIFY row_number() OVER (
            PARTITION BY experiment_id
            ORDER BY decided_at DESC
        ) = 1
    )
    WHERE decision IN ('winner', 'provisional')
"""

# One row per revision that won, with its latest decision. Evidence belongs to the
# words, whichever script has them: a copy or a renamed file keeps it.
REVISION_EVIDENCE = f"""
    WITH won AS ({WON_DECISIONS}),
    named AS (
        SELECT winner_revision_hash AS revision_hash, won.*
        FROM won
        WHERE winner_revision_hash IS NOT NULL
        UNION ALL
        SELECT s.revision_hash, won.*
        FROM won
        JOIN scripts AS s
            ON s.variant_id = won.winner_variant_id
        UNION ALL
        SELECT s.revision_hash, won.*
        FROM won
        JOIN ({LATEST_STATUS}) AS s
            ON s.script_id = won.winner_script_id
        WHERE won.winner_revision_hash IS NULL
    )
    SELECT revision_hash, experiment_id, decision, shrunken_lift
    FROM named
    QUALIFY row_number() OVER (
        PARTITION BY revision_hash
        ORDER BY decided_at DESC, experiment_id
    ) = 1
"""

# One row per source that is rejected now. A source that was fixed has a last row
# `resolved`.
CURRENT_REJECTS = """
    SELECT source_uri, seen_at, reason, detail
    FROM (
        SELECT *
        FROM script_rejects
        QUALIFY row_number() OVER (
            PARTITION BY source_uri
            ORDER BY seen_at DESC
        ) = 1
    )
    WHERE reason <> 'resolved'
"""


def forgotten_scripts(con: Connection) -> set[str]:
    """Ids of all forgotten scripts, whenever they were forgotten."""
    rows = con.execute(FORGOTTEN_SCRIPTS).fetchall()
    return {str(row[0]) for row in rows}


def forgotten_variants(con: Connection) -> set[str]:
    """Ids of the variants that became forgotten scripts."""
    forgotten = forgotten_scripts(con)
    rows = con.execute(
        """
        SELECT variant_id
        FROM scripts
        WHERE variant_id IS NOT NULL AND script_id IN (SELECT unnest(?::TEXT[]))
        """,
        [sorted(forgotten)],
    ).fetchall()
    # A promoted winner's id has its variant's, even when its rows were deleted.
    promoted = {
        script_id.removeprefix(WINNER_PREFIX)
        for script_id in forgotten
        if script_id.startswith(WINNER_PREFIX)
    }
    return promoted | {str(row[0]) for row in rows}
