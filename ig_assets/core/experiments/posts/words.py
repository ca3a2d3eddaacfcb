"""Reads a person's words for a post from a file, and stores them as a revision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from ig_assets.core.corpus.scripts.script import InvalidSourceError, ParsedScript
from ig_assets.core.identity import next_instant, text_hash
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Connection

POSTS_WITH_WORDS = """
FROM posts AS p
JOIN experiments AS e
  ON e.experiment_id = p.experiment_id
JOIN variants AS v
  ON v.variant_id = p.variant_id
LEFT JOIN topics AS t
  ON t.month = e.month
 AND t.topic_id = e.topic_id
LEFT JOIN latest_edits AS c
  ON c.post_id = p.post_id
"""
"""Joins posts (p) with experiment (e), variant (v), topic (t) and last edit (c).

Topic and last edit may be missing.
"""


class PostOfVariant(TypedDict):
    """A post and the variant that it publishes."""

    post_id: str
    variant_id: str


@dataclass(frozen=True)
class Edited:
    """An edit as it was stored; `original_hash` is the variant's revision."""

    post_id: str
    variant_id: str
    revision_hash: str
    original_hash: str


def read_words(content: bytes) -> ParsedScript:
    """Return the script in a person's file. Raises InputError if a part is missing."""
    # Imported here, since it loads table readers that a list of posts does not need.
    from ig_assets.core.corpus.scripts.markdown import markdown_script

    try:
        script = markdown_script("edit.md", content)
    except InvalidSourceError as refused:
        reason, detail = refused.args
        raise InputError(f"The edited text cannot be used ({reason}): {detail}")
    missing = [
        name for name in ("hook", "body", "call_to_action") if not getattr(script, name)
    ]
    if missing:
        raise InputError(
            f"The edited text has no {' and no '.join(missing)}; write `# hook`, the "
            "body, and a last paragraph that begins with `CTA:`."
        )
    return script


def words_as_file(hook: str, body: str, call_to_action: str) -> bytes:
    """Return the three parts as a file from which `edit_post` reads the same parts.

    Raises InputError if the file would be parsed into other parts, e.g. for a body with
    a heading.
    """
    parts = [" ".join(hook.split()), body.strip(), " ".join(call_to_action.split())]
    content = f"# {parts[0]}\n\n{parts[1]}\n\nCTA: {parts[2]}\n".encode()
    found = read_words(content)
    read = (found.hook, found.body, found.call_to_action)
    for name, part, back in zip(("hook", "body", "call to action"), parts, read):
        if part.split() != back.split():
            raise InputError(
                f"The {name} has a line that is read as the start of another part: "
                "let no line begin with `#`, `CTA:` or the like."
            )
    return content


def store_words(
    con: Connection,
    post: PostOfVariant,
    script: ParsedScript,
    editor: str,
    now: datetime,
    run_id: str = "",
) -> Edited:
    """Store the words as a new revision, with an edge to the variant."""
    [(last,)] = con.execute(
        "SELECT max(edited_at) FROM post_edits WHERE post_id = ?", [post["post_id"]]
    ).fetchall()
    edited_at = next_instant(now, last)
    [(original,)] = con.execute(
        "SELECT revision_hash FROM variants WHERE variant_id = ?",
        [post["variant_id"]],
    ).fetchall()
    edited = Edited(
        post["post_id"], post["variant_id"], text_hash(script.text), original
    )
    merge_rows(
        con,
        "post_edits",
        [
            {
                "post_id": edited.post_id,
                "edited_at": edited_at,
                "variant_id": edited.variant_id,
                "revision_hash": edited.revision_hash,
                "hook": script.hook,
                "body": script.body,
                "call_to_action": script.call_to_action,
                "text": script.text,
                "edited_by": editor,
            }
        ],
    )
    edge = Edge("revision", edited.revision_hash, "variant", edited.variant_id, "edits")
    record_edges(con, [edge], run_id, edited_at)
    return edited
