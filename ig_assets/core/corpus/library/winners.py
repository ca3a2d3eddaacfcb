"""Promotes winning variants to scripts of the corpus, with their lineage.

A promoted script is retired if its winner is held later or was replaced. The script
becomes active again when the winner is usable again.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict, cast

from ig_assets.core.identity import next_instant
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.lineage.model_scripts import record_scripts
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection

WITHDRAWN = "its winner is held or was replaced"
"""Reason in the status of a promoted script whose winner is no longer usable."""

# One row per experiment whose usable winning variant is no script yet, with the words
# that were published: the variant's own, or if a person edited them the revision in
# `post_edits` (or `scripts`). Words that are not stored cannot be promoted.
_UNPROMOTED = f"""
    SELECT d.experiment_id, v.variant_id,
        'winner/' || v.variant_id AS script_id,
        d.revision_hash, v.month, v.topic_id,
        coalesce(v.hook_style, '') AS hook_style,
        coalesce(s.hook, v.hook) AS hook,
        coalesce(s.body, v.body) AS body,
        coalesce(s.call_to_action, v.call_to_action) AS call_to_action,
        coalesce(s.text, v.text) AS text
    FROM (
        SELECT w.experiment_id, w.winner_variant_id,
            coalesce(
                w.winner_revision_hash, p.revision_hash, o.revision_hash
            ) AS revision_hash
        FROM usable_winners AS w
        JOIN variants AS o
            ON o.variant_id = w.winner_variant_id
        LEFT JOIN (
            SELECT experiment_id, variant_id,
                min(published_revision_hash) AS revision_hash
            FROM posts
            GROUP BY experiment_id, variant_id
        ) AS p
            ON p.experiment_id = w.experiment_id
            AND p.variant_id = w.winner_variant_id
    ) AS d
    JOIN variants AS v
        ON v.variant_id = d.winner_variant_id
    LEFT JOIN (
        SELECT revision_hash, hook, body, call_to_action, text
        FROM (
            SELECT revision_hash, hook, body, call_to_action, text, script_id AS id
            FROM scripts
            UNION ALL
            SELECT revision_hash, hook, body, call_to_action, text, post_id AS id
            FROM post_edits
        ) AS stored
        WHERE revision_hash IN (
            SELECT winner_revision_hash FROM decisions
            UNION ALL
            SELECT published_revision_hash FROM posts
        )
        QUALIFY row_number() OVER (
            PARTITION BY revision_hash
            ORDER BY id
        ) = 1
    ) AS s
        ON s.revision_hash = d.revision_hash
        AND d.revision_hash IS DISTINCT FROM v.revision_hash
    WHERE (d.revision_hash = v.revision_hash OR s.revision_hash IS NOT NULL)
        AND 'winner/' || v.variant_id NOT IN (
            SELECT script_id
            FROM latest_script_status
            WHERE reason IS DISTINCT FROM '{WITHDRAWN}'
        )
        AND 'winner/' || v.variant_id NOT IN (SELECT script_id FROM forgotten_scripts)
"""

_PROMOTED_SCRIPTS = f"""
    SELECT u.script_id, u.revision_hash,
        'winner' AS origin,
        'variant:' || u.variant_id AS source_uri,
        coalesce(t.topic, '') AS topic,
        u.hook_style, u.hook, u.body, u.call_to_action, u.text,
        coalesce(t.language, '') AS language,
        u.variant_id,
        coalesce(e.simulated, FALSE) AS simulated
    FROM ({_UNPROMOTED}) AS u
    LEFT JOIN experiments AS e
        ON e.experiment_id = u.experiment_id
    LEFT JOIN topics AS t
        ON t.month = u.month
        AND t.topic_id = u.topic_id
    QUALIFY row_number() OVER (
        PARTITION BY u.script_id
        ORDER BY u.experiment_id
    ) = 1
    ORDER BY u.script_id
"""


_WON_SCRIPTS = f"""
    SELECT script_id, variant_id, experiment_id
    FROM ({_UNPROMOTED}) AS u
    ORDER BY experiment_id
"""


def unpromoted_winners(con: Connection) -> list[str]:
    """Return the ids of winning variants (also provisional) that have no script."""
    sql = f"SELECT DISTINCT variant_id FROM ({_UNPROMOTED}) AS u ORDER BY variant_id"
    return [variant_id for (variant_id,) in con.execute(sql).fetchall()]


_KNOWN_STATUSES = """
    SELECT script_id, changed_at
    FROM latest_script_status
    WHERE starts_with(script_id, 'winner/')
"""

_ANY_DECISION = "SELECT 1 FROM decisions LIMIT 1"
_ANY_WINNER = "SELECT 1 FROM scripts WHERE origin = 'winner' LIMIT 1"

_WITHDRAWN = """
    SELECT l.script_id, l.revision_hash, l.changed_at
    FROM latest_script_status AS l
    WHERE l.status = 'active'
        AND l.script_id IN (
            SELECT script_id
            FROM scripts
            WHERE origin = 'winner'
                AND variant_id IN (SELECT winner_variant_id FROM decisions)
                AND variant_id NOT IN (
                    SELECT winner_variant_id
                    FROM usable_winners
                    WHERE winner_variant_id IS NOT NULL
                )
        )
    ORDER BY l.script_id
"""


class PromotedScript(TypedDict):
    """A new row of `scripts`, without its `first_seen_at`."""

    script_id: str
    revision_hash: str
    origin: str
    source_uri: str
    topic: str
    hook_style: str
    hook: str
    body: str
    call_to_action: str
    text: str
    language: str
    variant_id: str
    simulated: bool


def promote_winners(
    con: Connection, now: datetime, run_id: str | None
) -> list[PromotedScript]:
    """Make every winning variant a script `winner/<variant_id>`; return the new rows.

    Two edges are written for each script: it was `promoted_from` its variant, and it
    `won` its decision, whose id is the experiment's id.
    """
    if not con.execute(_ANY_DECISION).fetchall():  # the query takes longer
        return []
    won = con.execute(_WON_SCRIPTS).fetchall()
    if not won:
        return []
    scripts = cast(list[PromotedScript], fetch_dicts(con, _PROMOTED_SCRIPTS))
    known = dict(con.execute(_KNOWN_STATUSES).fetchall())
    rows = [{**row, "first_seen_at": now} for row in scripts]
    merge_rows(con, "scripts", rows, replace=False)
    record_scripts(con, (row["script_id"] for row in scripts))
    statuses = [
        {
            "script_id": row["script_id"],
            "changed_at": next_instant(now, known.get(row["script_id"])),
            "status": "active",
            "revision_hash": row["revision_hash"],
            "reason": "promoted winner",
        }
        for row in scripts
    ]
    merge_rows(con, "script_status", statuses)
    edges = [
        edge
        for script_id, variant_id, experiment_id in won
        for edge in (
            Edge("script", script_id, "variant", variant_id, "promoted_from"),
            Edge("script", script_id, "decision", experiment_id, "won"),
        )
    ]
    record_edges(con, edges, run_id, now)
    return scripts


def withdraw_winners(con: Connection, now: datetime) -> list[str]:
    """Retire promoted scripts whose winner is held or was replaced; return the ids."""
    if not con.execute(_ANY_WINNER).fetchall():  # the query takes longer
        return []
    rows = fetch_dicts(con, _WITHDRAWN)
    statuses = [
        {
            **row,
            "changed_at": next_instant(now, row["changed_at"]),
            "status": "retired",
            "reason": WITHDRAWN,
        }
        for row in rows
    ]
    merge_rows(con, "script_status", statuses)
    return [row["script_id"] for row in rows]
