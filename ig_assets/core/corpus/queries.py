"""Reads which scripts, words and variants were forgotten."""

from __future__ import annotations

import json

from ig_assets.warehouse.warehouse import Connection

WINNER_PREFIX = "winner/"
"""Prefix of the id of a script that was promoted from a winning variant."""

# The views of `warehouse.views`, for callers that do not name them yet.
CURRENT_SCRIPTS = "SELECT * FROM current_scripts"
REVISION_EVIDENCE = "SELECT * FROM won_revisions"


def forgotten_scripts(con: Connection) -> set[str]:
    """Return the ids of all scripts that were ever forgotten."""
    rows = con.execute("SELECT script_id FROM forgotten_scripts").fetchall()
    return {str(row[0]) for row in rows}


def forgotten_words(con: Connection) -> set[str]:
    """Return `identity.forgotten_hashes` of all forgotten texts, from their receipts.

    A request that is not yet finished has no receipt; its hashes come from the step
    that deleted the words.
    """
    rows = con.execute("""
        SELECT receipt
        FROM forget_requests
        WHERE receipt IS NOT NULL
        UNION ALL
        SELECT detail
        FROM forget_steps
        WHERE step = 'tables'
        """).fetchall()
    return {
        str(words)
        for (found,) in rows
        for words in json.loads(found)["erasure"].get("words", ())
    }


def forgotten_variants(con: Connection) -> set[str]:
    """Return the ids of the variants that became scripts and were forgotten."""
    forgotten = forgotten_scripts(con)
    rows = con.execute(
        """
        SELECT variant_id
        FROM scripts
        WHERE variant_id IS NOT NULL AND script_id IN (SELECT unnest(?::TEXT[]))
        """,
        [sorted(forgotten)],
    ).fetchall()
    # The id of a promoted winner contains its variant's id, also after its rows are
    # deleted.
    promoted = {
        script_id.removeprefix(WINNER_PREFIX)
        for script_id in forgotten
        if script_id.startswith(WINNER_PREFIX)
    }
    return promoted | {str(row[0]) for row in rows}
