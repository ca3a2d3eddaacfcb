"""What the corpus is now, as SQL: active scripts, and the words that won.

Each constant is a query to be used as `FROM ({CONSTANT}) AS alias`.
"""

from __future__ import annotations

from typing import Any

from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

WINNER_PREFIX = "winner/"
"""Begins the id of a script that a winning variant became."""

# One row a script: where it stands. Every script has one, the forgotten included.
LATEST_STATUS = """
    SELECT script_id, status, revision_hash, changed_at
    FROM script_status
    QUALIFY row_number() OVER (
        PARTITION BY script_id
        ORDER BY changed_at DESC
    ) = 1
"""

# One row a script that was forgotten and never comes back.
FORGOTTEN_SCRIPTS = """
    SELECT script_id
    FROM forgotten
    UNION
    SELECT script_id
    FROM script_status
    WHERE status = 'forgotten'
"""

# One row an active script, with its current revision: all columns of `scripts`.
CURRENT_SCRIPTS = f"""
    SELECT s.*
    FROM scripts AS s
    JOIN ({LATEST_STATUS}) AS l
        ON l.script_id = s.script_id
        AND l.revision_hash = s.revision_hash
    WHERE l.status = 'active'
        AND s.script_id NOT IN ({FORGOTTEN_SCRIPTS})
"""

# One row an experiment that has a winner now, provisional ones included.
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

# One row a revision that won, with its latest decision. The words count, whichever
# script they stand in: a copy or a renamed file keeps the evidence.
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

# One row a source that cannot be used now. History's sources start with `history:`,
# the library's are paths; a source that was put right has a last row `resolved`.
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


def current_scripts(con: Connection) -> list[dict[str, Any]]:
    """The active scripts with their current revision, by script_id."""
    return fetch_dicts(con, f"SELECT * FROM ({CURRENT_SCRIPTS}) ORDER BY script_id")


def forgotten_scripts(con: Connection) -> set[str]:
    """Ids of all forgotten scripts, whenever they were forgotten."""
    rows = con.execute(FORGOTTEN_SCRIPTS).fetchall()
    return {str(row[0]) for row in rows}


def forgotten_variants(con: Connection) -> set[str]:
    """Ids of the variants that became forgotten scripts."""
    gone = sorted(forgotten_scripts(con))
    rows = con.execute(
        """
        SELECT variant_id
        FROM scripts
        WHERE variant_id IS NOT NULL AND script_id IN (SELECT unnest(?::TEXT[]))
        """,
        [gone],
    ).fetchall()
    # A promoted winner's id names its variant, even when its rows are gone.
    named = {i.removeprefix(WINNER_PREFIX) for i in gone if i.startswith(WINNER_PREFIX)}
    return named | {str(row[0]) for row in rows}
