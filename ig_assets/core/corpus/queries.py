"""Reads which scripts, words and variants were forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ig_assets.warehouse.warehouse import Connection

WINNER_PREFIX = "winner/"
"""Prefix of the id of a script that was promoted from a winning variant."""

FORMER_FILE = "its file was (.*) before$"
"""Pattern of a former file's name in the column `reason` of `script_status`.

The table `scripts` has only a script's present file.
"""

# The views of `warehouse.views`, for callers that do not name them yet.
CURRENT_SCRIPTS = "SELECT * FROM current_scripts"
REVISION_EVIDENCE = "SELECT * FROM won_revisions"


def forgotten_scripts(con: Connection) -> set[str]:
    """Return the ids of all scripts that were ever forgotten."""
    rows = con.execute("SELECT script_id FROM forgotten_scripts").fetchall()
    return {str(row[0]) for row in rows}


def forgotten_words(con: Connection) -> set[str]:
    """Return `identity.forgotten_hashes` of all forgotten texts, from their receipts.

    An unfinished request to forget has no receipt; its hashes come from the step that
    deleted the words.
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


@dataclass(frozen=True)
class AuthoredScript:
    """A script that has a revision by a given author.

    `author_now` is the author of its current words, None if they have none.
    `is_by_another` is true if that is not the given author.
    """

    script_id: str
    author_now: str | None
    is_by_another: bool


_BY_AUTHOR = """
    SELECT s.script_id, s.author,
        lower(trim(s.author)) IS DISTINCT FROM lower(trim($1)) AS is_by_another
    FROM scripts AS s
    LEFT JOIN latest_script_status AS l
        ON l.script_id = s.script_id
        AND l.revision_hash = s.revision_hash
    WHERE s.script_id IN (
        SELECT script_id
        FROM scripts
        WHERE lower(trim(author)) = lower(trim($1))
    )
    QUALIFY row_number() OVER (
        PARTITION BY s.script_id
        ORDER BY l.script_id IS NULL, s.first_seen_at DESC NULLS LAST, s.revision_hash
    ) = 1
    ORDER BY s.script_id
"""


def scripts_by_author(con: Connection, author: str) -> list[AuthoredScript]:
    """Return the scripts with at least one revision by this author, ordered by id.

    Letter case and spaces around the name are ignored. A forgotten script is found only
    if rows with its author are left.
    """
    rows = con.execute(_BY_AUTHOR, [author]).fetchall()
    return [AuthoredScript(str(i), now, bool(other)) for i, now, other in rows]


def by_another_now(found: Iterable[AuthoredScript], author: str) -> dict[str, str]:
    """Return {script id: words on its present author} of scripts by others now.

    Only scripts of `found` whose current words are not by `author` are returned.
    """
    return {
        one.script_id: f"{f'by {one.author_now}' if one.author_now else 'no author'} "
        f"now; its earlier words were by {author.strip()}"
        for one in found
        if one.is_by_another
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
