"""Reviews posts for a person: lists, approves and declines them, edits their words.

An edit is a new revision; the variant and earlier edits stay as they are. The last edit
is published, and evidence and training then use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, cast

from ig_assets.core.experiments.posts.late_slots import move_late_slots
from ig_assets.core.experiments.posts.reviewers import Review, record_reviews
from ig_assets.core.experiments.posts.states import states_in_words
from ig_assets.core.experiments.posts.words import (
    POSTS_WITH_WORDS,
    Edited,
    PostOfVariant,
    read_words,
    store_words,
)
from ig_assets.core.ports import Clock
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection, Warehouse

OPEN = ("proposed", "approved")

_REVIEW = f"""
SELECT p.post_id, e.month, t.topic, p.arm, p.hook_style, p.slot, p.status,
    p.variant_id, coalesce(c.revision_hash, v.revision_hash) AS revision_hash,
    c.edited_by, w.reviewed_by, w.decision AS review, w.reason AS review_reason,
    t.language, e.simulated, p.media_url IS NOT NULL AS has_video,
    coalesce(c.hook, v.hook) AS hook,
    coalesce(c.body, v.body) AS body,
    coalesce(c.call_to_action, v.call_to_action) AS call_to_action
{POSTS_WITH_WORDS}
LEFT JOIN latest_reviews AS w
  ON w.post_id = p.post_id
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
    """One row per post: its state, and the words that would be published.

    `revision_hash` identifies these words. `review`, `reviewed_by` and `review_reason`
    are from the latest review by a person, None if there is none.
    """

    post_id: str
    month: str
    topic: str | None
    arm: str
    hook_style: str | None
    slot: datetime
    status: str
    variant_id: str
    revision_hash: str
    edited_by: str | None
    reviewed_by: str | None
    review: str | None
    review_reason: str | None
    language: str | None
    simulated: bool
    has_video: bool
    hook: str
    body: str
    call_to_action: str


class StoredPost(PostOfVariant):
    """The fields of a post that are needed to approve, decline or edit it."""

    status: str
    media_url: str | None


@dataclass(frozen=True)
class Decided:
    """The number of posts that a review changed; `left` has the others.

    `left` is {id: state in words}.
    """

    count: int
    left: Mapping[str, str]


def posts_for_review(
    warehouse: Warehouse, month: str | None = None, status: str | None = None
) -> list[ReviewRow]:
    """Return posts with the words that would be published, ordered by slot.

    `month` and `status` restrict the posts if given.
    """
    with warehouse.transaction() as con:
        return posts_in_review(con, month, status)


def posts_in_review(
    con: Connection, month: str | None = None, status: str | None = None
) -> list[ReviewRow]:
    """Return the same rows as `posts_for_review`, in the caller's transaction."""
    rows = fetch_dicts(con, _REVIEW, [month, month, status, status])
    return cast(list[ReviewRow], rows)


def approve_posts(
    warehouse: Warehouse,
    post_ids: Sequence[str],
    video: str | None = None,
    needs_video: bool = False,
    now: datetime | None = None,
    review: Review | None = None,
) -> Decided:
    """Approve proposed posts; return their number, and why others were not approved.

    With `now`, a post that is approved more than a day after its slot is moved to one
    of the coming days, with the open posts of its experiment (`move_late_slots`).
    `video` is the public URL of the reel of a single post; it may also replace the
    video of a post that is approved or failed.

    Raises InputError for an id that is no post, for a video that is no web address or
    is given for several posts, and with `needs_video` for a post without one. Raises
    ConflictError if the words have changed since the person of `review` read them. No
    post is approved before these checks.
    """
    if video is None and not needs_video:
        return _move(warehouse, post_ids, ("proposed",), "approved", now, review)
    if video is not None:
        _check_video(video, post_ids)
    with warehouse.transaction() as con:
        if review is not None:
            review.check_seen(con, post_ids)
        for post in _found(con, post_ids):
            if video is None and post["media_url"] is None:
                raise InputError(
                    f"Post {post['post_id']} has no video yet; approve it with "
                    "`--video URL`, a public address that Instagram can read."
                )
        if video is not None:
            con.execute(_SET_VIDEO, [video, *post_ids])
    before = ("proposed",) if video is None else ("proposed", "approved", "failed")
    return _move(warehouse, post_ids, before, "approved", now, review)


def decline_posts(
    warehouse: Warehouse, post_ids: Sequence[str], review: Review
) -> Decided:
    """Decline open posts, which are then never published; return their number.

    The result also says why other posts were not declined. Raises InputError for a
    review without a reason and for an id that is no post. Raises ConflictError if the
    words have changed since the person of `review` read them. Both are raised before
    any post is declined.
    """
    if not review.reason.strip():
        raise InputError(
            "Say why not: a person's no is kept with its reason, which helps whoever "
            "writes the next one. Nothing was declined."
        )
    return _move(warehouse, post_ids, OPEN, "declined", review=review)


def edit_post(
    warehouse: Warehouse,
    clock: Clock,
    post_id: str,
    content: bytes,
    editor: str,
    run_id: str = "",
    based_on: str | None = None,
) -> Edited:
    """Store a person's words for a post as a new revision.

    `content` is a file in the library's format. `based_on` is the revision with which
    the person began. Raises InputError if the post is unknown, published or declined,
    or if the file cannot be used or lacks a hook, a body or a call to action. Raises
    ConflictError if the post has words of another revision than `based_on`.
    """
    script = read_words(content)
    with warehouse.transaction() as con:
        post = _found(con, [post_id])[0]
        if based_on is not None:
            seen = Review(editor, clock.now(), seen={post_id: based_on})
            seen.check_seen(con, [post_id])
        if post["status"] not in OPEN:
            state = states_in_words(con, [post_id])[post_id]
            raise InputError(
                f"Post {post_id} is {state}; only a post that is proposed or approved "
                "can be edited."
            )
        return store_words(con, post, script, editor, clock.now(), run_id)


def _move(
    warehouse: Warehouse,
    post_ids: Sequence[str],
    before: tuple[str, ...],
    after: str,
    now: datetime | None = None,
    review: Review | None = None,
) -> Decided:
    with warehouse.transaction() as con:
        if review is not None:
            review.check_seen(con, post_ids)
        found = _found(con, post_ids)
        moved = [row["post_id"] for row in found if row["status"] in before]
        others = [row["post_id"] for row in found if row["status"] not in before]
        left = states_in_words(con, others)
        con.execute(
            "UPDATE posts SET status = ? WHERE list_contains(?::TEXT[], post_id)",
            [after, moved],
        )
        if review is not None:
            record_reviews(con, moved, after, review)
        if now is not None:
            move_late_slots(con, now, asks_again=False)
    return Decided(len(moved), left)


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
