"""Publishes approved posts whose slot has come, each at most once.

A post's row is marked `ambiguous` before the platform is called and gets its outcome
afterwards. A process that dies in between leaves an ambiguous row; the next run asks
the platform for the outcome before it sends anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict, cast

from ig_assets.core.experiments.posts.late_slots import move_late_slots
from ig_assets.core.experiments.posts.words import POSTS_WITH_WORDS
from ig_assets.core.identity import text_hash
from ig_assets.core.lineage.edges import Edge, record_edges
from ig_assets.core.ports import Clock, Published, PublishRequest, SocialPlatform
from ig_assets.errors import RefusedError, TransientVendorError, VendorError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection, Warehouse

SENT = "sent, outcome not yet known"
DAY = timedelta(days=1)

_DUE = f"""
SELECT p.post_id, p.intent_key, p.status, p.slot, p.media_url, p.hook_style, p.arm,
       p.detail,
       e.segment, v.variant_id, coalesce(c.text, v.text) AS text, t.topic,
       t.brief
{POSTS_WITH_WORDS}
WHERE p.platform = ?
  AND (? IS NULL OR e.month = ?)
  AND (p.status = 'ambiguous' OR (p.status = 'approved' AND p.slot <= ?))
ORDER BY p.slot, p.post_id
"""

_DUE_POSTS = """
SELECT e.month, p.post_id || ' ' || p.status || ' ' || p.slot AS post
FROM posts AS p
JOIN experiments AS e
  ON e.experiment_id = p.experiment_id
WHERE p.variant_id IS NOT NULL
  AND (p.status = 'ambiguous' OR (p.status = 'approved' AND p.slot <= ?))
ORDER BY e.month, p.post_id
"""

_LAST_TEXT = """
SELECT text
FROM latest_edits AS c
WHERE post_id = ?
"""

_PUBLISHED = """
UPDATE posts
SET status = 'published', platform_post_id = ?, published_at = ?,
    published_revision_hash = ?, detail = ?
WHERE post_id = ?
"""

_OPEN = """
SELECT count(*) FILTER (WHERE p.status IN ('proposed', 'approved')),
       count(*) FILTER (WHERE p.status = 'ambiguous')
FROM posts AS p
JOIN experiments AS e
  ON e.experiment_id = p.experiment_id
WHERE ? IS NULL OR e.month = ?
"""


class PostWords(TypedDict):
    """A post of a variant and the words that are published."""

    post_id: str
    variant_id: str
    detail: str | None
    text: str


class DuePost(PostWords):
    """A post that may be sent to the platform."""

    intent_key: str
    status: str
    slot: datetime
    media_url: str | None
    hook_style: str | None
    arm: str
    segment: str | None
    topic: str | None
    brief: str | None


@dataclass(frozen=True)
class PublishSummary:
    """The numbers of posts in one call.

    `published`, `failed` and `moved` (to another day) were changed by this call;
    `waiting` and `ambiguous` are in these states after it.
    """

    published: int
    waiting: int
    failed: int
    ambiguous: int
    moved: int = 0


def publish_due(
    warehouse: Warehouse,
    clock: Clock,
    platform: SocialPlatform,
    month: str | None = None,
    *,
    run_id: str = "",
    is_on: bool = True,
    asks_again: bool = True,
) -> PublishSummary:
    """Publish the approved posts that are due, of one month or of all.

    Call it under the pool of posts, which allows one publisher at a time. A post that
    the vendor refuses becomes `failed`, with the vendor's sentence. If the vendor
    certainly has not published a post but may do so later, the post stays `approved`;
    it moves to a later day if the vendor asks for a wait of hours. After any other
    vendor error it is `ambiguous`, and the next call asks the vendor for the outcome.
    Raises no VendorError.

    Without `is_on`, waiting posts are only counted. With `asks_again`, posts that are
    more than a day late are first moved and need a new approval (`move_late_slots`);
    without it they are published late, since no person can be asked.
    """
    with warehouse.transaction() as con:
        now = clock.now()
        moved = move_late_slots(con, now, asks_again) if is_on and asks_again else 0
        parameters = [platform.platform, month, month, clock.now()]
        rows = fetch_dicts(con, _DUE, parameters) if is_on else []
        open_posts = _open_posts(con, month)
    outcomes = ("published", "failed", "ambiguous", "withdrawn", "postponed")
    counts = dict.fromkeys(outcomes, 0)
    due = cast(list[DuePost], rows)
    for post in due:
        counts[_publish_one(warehouse, clock, platform, post, run_id)] += 1
    if due:
        with warehouse.transaction() as con:
            open_posts = _open_posts(con, month)
    waiting, ambiguous = open_posts
    return PublishSummary(
        counts["published"], waiting, counts["failed"], ambiguous, moved
    )


def due_posts(con: Connection, now: datetime) -> dict[str, list[str]]:
    """Return {month: posts to publish or to look up}, in order.

    Each post is the text `<post_id> <status> <slot>`, which changes whenever an attempt
    to publish changes the post.
    """
    posts: dict[str, list[str]] = {}
    for month, post in con.execute(_DUE_POSTS, [now]).fetchall():
        posts.setdefault(month, []).append(post)
    return posts


def _open_posts(con: Connection, month: str | None) -> tuple[int, int]:
    """Return (number of posts waiting for approval or a slot, number ambiguous)."""
    ((waiting, ambiguous),) = con.execute(_OPEN, [month, month]).fetchall()
    return int(waiting), int(ambiguous)


def _publish_one(
    warehouse: Warehouse,
    clock: Clock,
    platform: SocialPlatform,
    post: DuePost,
    run_id: str,
) -> str:
    published = None
    try:
        if post["status"] == "ambiguous":
            published = platform.find(post["intent_key"])
        elif not _claim(warehouse, post):
            return "withdrawn"
    except VendorError as error:
        _mark(warehouse, post, "ambiguous", str(error))
        return "ambiguous"
    try:
        published = published or platform.publish(_request(post))
    except RefusedError as error:
        _mark(warehouse, post, "failed", str(error))
        return "failed"
    except VendorError as error:
        if isinstance(error, TransientVendorError) and not error.outcome_unknown:
            _postpone(warehouse, clock, post, error)
            return "postponed"
        _mark(warehouse, post, "ambiguous", str(error))
        return "ambiguous"
    record_published(warehouse, clock, post, published, run_id)
    return "published"


def _request(post: DuePost) -> PublishRequest:
    labels = {
        "hook_style": post["hook_style"],
        "topic": post["topic"],
        "brief": post["brief"],
        "arm": post["arm"],
    }
    return PublishRequest(
        intent_key=post["intent_key"],
        text=post["text"],
        segment=post["segment"] or "all",
        slot=post["slot"],
        labels={name: value for name, value in labels.items() if value is not None},
        media_url=post["media_url"],
    )


def _claim(warehouse: Warehouse, post: DuePost) -> bool:
    """Mark a post as being sent; return False if a person has declined or edited it."""
    with warehouse.transaction() as con:
        (status,) = con.execute(
            "SELECT status FROM posts WHERE post_id = ?", [post["post_id"]]
        ).fetchall()[0]
        edits = con.execute(_LAST_TEXT, [post["post_id"]]).fetchall()
        as_read = not edits or edits[0][0] == post["text"]
        if status == "approved" and as_read:
            _set_status(con, post, "ambiguous", SENT)
            return True
    return False


def _mark(warehouse: Warehouse, post: DuePost, status: str, sentence: str) -> None:
    with warehouse.transaction() as con:
        _set_status(con, post, status, sentence)


def _postpone(
    warehouse: Warehouse,
    clock: Clock,
    post: DuePost,
    error: TransientVendorError,
) -> None:
    """Set a post back to approved.

    If the vendor asks for a wait of hours, the post moves to a later day.
    """
    slot = post["slot"]
    wait = timedelta(seconds=error.retry_after_s or 0.0)
    if wait >= timedelta(hours=1):
        slot += max(-((slot - clock.now() - wait) // DAY), 0) * DAY
    with warehouse.transaction() as con:
        _set_status(con, post, "approved", str(error))
        con.execute(
            "UPDATE posts SET slot = ? WHERE post_id = ?", [slot, post["post_id"]]
        )


def _set_status(con: Connection, post: DuePost, status: str, sentence: str) -> None:
    con.execute(
        "UPDATE posts SET status = ?, detail = ? WHERE post_id = ?",
        [status, f"{_plan_of(post)}; {sentence}", post["post_id"]],
    )


def _plan_of(post: PostWords) -> str:
    """Return the part of a post's `detail` that the plan wrote: slot and seed."""
    return str(post["detail"] or "planned").split("; ")[0]


def record_published(
    warehouse: Warehouse,
    clock: Clock,
    post: PostWords,
    published: Published,
    run_id: str,
) -> None:
    """Record that a post was published, with which words, and of which variant."""
    with warehouse.transaction() as con:
        con.execute(
            _PUBLISHED,
            [
                published.platform_post_id,
                published.published_at,
                text_hash(post["text"]),
                _plan_of(post),
                post["post_id"],
            ],
        )
        edge = Edge("post", post["post_id"], "variant", post["variant_id"], "publishes")
        record_edges(con, [edge], run_id, clock.now())
