"""Review by a person: list posts, approve or decline them, edit their words.

An edit is a revision of its own; the variant and earlier edits stay as they are. The
last edit is what is published, and from then on what evidence and training look at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, cast

from ig_assets.core.corpus.scripts.script import InvalidSourceError, ParsedScript
from ig_assets.core.experiments.posts.late_slots import move_late_slots
from ig_assets.core.identity import next_instant, text_hash
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

OPEN = ("proposed", "approved")

_REVIEW = """
SELECT p.post_id, e.month, t.topic, p.arm, p.hook_style, p.slot, p.status,
    p.variant_id, c.edited_by,
    coalesce(c.hook, v.hook) AS hook,
    coalesce(c.body, v.body) AS body,
    coalesce(c.call_to_action, v.call_to_action) AS call_to_action
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
WHERE (? IS NULL OR e.month = ?)
  AND (? IS NULL OR p.status = ?)
ORDER BY p.slot, p.post_id
"""

_POSTS = """
SELECT post_id, variant_id, status, media_url
FROM posts
WHERE list_contains(?::TEXT[], post_id)
"""


_SET_VIDEO = """
UPDATE posts
SET media_url = ?
WHERE post_id = ?
  AND status IN ('proposed', 'approved', 'failed')
"""


class ReviewRow(TypedDict):
    """One row per post: its state, and the words that would be published."""

    post_id: str
    month: str
    topic: str | None
    arm: str
    hook_style: str | None
    slot: datetime
    status: str
    variant_id: str
    edited_by: str | None
    hook: str
    body: str
    call_to_action: str


class PostOfVariant(TypedDict):
    """A post and the variant that it publishes."""

    post_id: str
    variant_id: str


class StoredPost(PostOfVariant):
    """A post as approving, declining and editing need it."""

    status: str
    media_url: str | None


@dataclass(frozen=True)
class Edited:
    """An edit as it was stored; `original_hash` is the variant's revision."""

    post_id: str
    variant_id: str
    revision_hash: str
    original_hash: str


def posts_for_review(
    warehouse: Warehouse, month: str | None = None, status: str | None = None
) -> list[ReviewRow]:
    """The posts with the words that would go out, in the order of their slots."""
    with warehouse.transaction() as con:
        rows = fetch_dicts(con, _REVIEW, [month, month, status, status])
    return cast(list[ReviewRow], rows)


def approve_posts(
    warehouse: Warehouse,
    post_ids: Sequence[str],
    video: str | None = None,
    needs_video: bool = False,
    now: datetime | None = None,
) -> int:
    """Approve proposed posts; return how many were.

    With `now`, a post that is approved more than a day after its slot gets one of the
    coming days, with the open posts of its experiment (`move_late_slots`).

    `video` is the public URL of one post's reel; with it a post that failed for its
    video, or was approved with another, gets this one. Raises InputError, before any
    is approved, for an id that is no post, for a video that is no web address or is
    for several posts, and with `needs_video` for a post without one.
    """
    if video is None and not needs_video:
        return _move(warehouse, post_ids, ("proposed",), "approved", now)
    if video is not None:
        _check_video(video, post_ids)
    with warehouse.transaction() as con:
        for post in _found(con, post_ids):
            if video is None and post["media_url"] is None:
                raise InputError(
                    f"Post {post['post_id']} has no video yet; approve it with "
                    "`--video URL`, a public address that Instagram can read."
                )
        if video is not None:
            con.execute(_SET_VIDEO, [video, *post_ids])
    before = ("proposed",) if video is None else ("proposed", "approved", "failed")
    return _move(warehouse, post_ids, before, "approved", now)


def decline_posts(warehouse: Warehouse, post_ids: Sequence[str]) -> int:
    """Decline open posts, which then never go out; return how many were.

    Raises InputError for an id that is no post, before any is declined.
    """
    return _move(warehouse, post_ids, OPEN, "declined")


def edit_post(
    warehouse: Warehouse,
    clock: Clock,
    post_id: str,
    content: bytes,
    editor: str,
    run_id: str = "",
) -> Edited:
    """Store a person's words for a post, written like a library file.

    Raises InputError when the post is unknown or out already, when the file cannot
    be used, and when it lacks a hook, a body or a call to action.
    """
    script = read_words(content)
    with warehouse.transaction() as con:
        post = _found(con, [post_id])[0]
        if post["status"] not in OPEN:
            raise InputError(
                f"Post {post_id} is {post['status']}; only a post that has not gone "
                "out can be edited."
            )
        return store_words(con, post, script, editor, clock.now(), run_id)


def read_words(content: bytes) -> ParsedScript:
    """The script in a person's file. Raises InputError where a part is missing."""
    # Here, since it reads tables and workbooks too, and a list of posts reads none.
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


def store_words(
    con: Connection,
    post: PostOfVariant,
    script: ParsedScript,
    editor: str,
    now: datetime,
    run_id: str = "",
) -> Edited:
    """Write the words as a revision of their own, with an edge to the variant."""
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


def _move(
    warehouse: Warehouse,
    post_ids: Sequence[str],
    before: tuple[str, ...],
    after: str,
    now: datetime | None = None,
) -> int:
    with warehouse.transaction() as con:
        moved = [
            row["post_id"] for row in _found(con, post_ids) if row["status"] in before
        ]
        con.execute(
            "UPDATE posts SET status = ? WHERE list_contains(?::TEXT[], post_id)",
            [after, moved],
        )
        if now is not None:
            move_late_slots(con, now, asks_again=False)
    return len(moved)


def _check_video(video: str, post_ids: Sequence[str]) -> None:
    if len(post_ids) != 1:
        raise InputError("A video is for one post; approve the others separately.")
    if not video.startswith("https://"):
        raise InputError(
            f"The video {video} must be a public https:// address, since "
            "Instagram's servers fetch it."
        )


def _found(con: Connection, post_ids: Sequence[str]) -> list[StoredPost]:
    rows = cast(list[StoredPost], fetch_dicts(con, _POSTS, [list(post_ids)]))
    unknown = sorted(set(post_ids) - {row["post_id"] for row in rows})
    if unknown:
        raise InputError(
            f"There is no post {unknown[0]}; `ig-assets posts list` shows them all."
        )
    return rows
