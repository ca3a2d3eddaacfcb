"""Finds the present and the former names of a script."""

from __future__ import annotations

from ig_assets.core.corpus.queries import FORMER_FILE
from ig_assets.warehouse.warehouse import Connection

_FILES = f"""
    SELECT former
    FROM (
        SELECT changed_at, regexp_extract(reason, '{FORMER_FILE}', 1) AS former
        FROM script_status
        WHERE script_id = $1
    )
    WHERE former <> ''
    GROUP BY former
    ORDER BY max(changed_at) DESC, former
"""

_FILE_NOW = """
    SELECT s.source_uri
    FROM scripts AS s
    JOIN latest_script_status AS l
        ON l.script_id = s.script_id
        AND l.revision_hash = s.revision_hash
    WHERE s.script_id = ?
"""

# A file without an id of its own is another script after it was renamed.
_LATER = """
    WITH RECURSIVE later AS (
        SELECT child_id AS id, 1 AS step
        FROM edges
        WHERE parent_id = $1 AND child_kind = 'script' AND relation = 'renamed_from'
        UNION
        SELECT e.child_id, l.step + 1
        FROM edges AS e
        JOIN later AS l
            ON l.id = e.parent_id
        WHERE e.child_kind = 'script' AND e.relation = 'renamed_from' AND l.step < 100
    )
    SELECT id
    FROM later
    WHERE id IN (SELECT script_id FROM current_scripts)
    ORDER BY step DESC, id
    LIMIT 1
"""

_IS_ACTIVE = "SELECT 1 FROM current_scripts WHERE script_id = ?"


def renamed_sentence(con: Connection, script_id: str) -> str | None:
    """Return a sentence with a renamed script's present name; None if never renamed."""
    if not con.execute(_IS_ACTIVE, [script_id]).fetchall():
        later = con.execute(_LATER, [script_id]).fetchall()
        return f"Its file was renamed: it is {later[0][0]} now." if later else None
    former = [str(name) for (name,) in con.execute(_FILES, [script_id]).fetchall()]
    [(now,)] = con.execute(_FILE_NOW, [script_id]).fetchall()
    names = [name for name in former if name != now]
    if not names:
        return None
    return f"Its file is {now} now; before it was {', '.join(names)}."
