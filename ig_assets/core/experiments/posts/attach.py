"""Attaches to a variant the post that a person published by hand.

Edited words are stored as a new revision with an edge to the variant, and evidence and
training use that revision.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from ig_assets.core.experiments.posts.publish import PostWords, record_published
from ig_assets.core.experiments.posts.states import states_in_words
from ig_assets.core.experiments.posts.words import read_words, store_words
from ig_assets.core.operations.present import Present
from ig_assets.core.ports import Clock, MediaLookup
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts, only_one
from ig_assets.warehouse.warehouse import Connection, Warehouse

_PLANNED = """
SELECT p.post_id, p.variant_id, p.status, p.detail, p.platform, v.created_at,
       coalesce(c.text, v.text) AS text
FROM posts AS p
JOIN variants AS v
  ON v.variant_id = p.variant_id
LEFT JOIN latest_edits AS c
  ON c.post_id = p.post_id
WHERE p.variant_id = ?
ORDER BY p.slot, p.post_id
"""

# The variants that match an id, its beginning, or the id of a post.
_MEANT = """
SELECT DISTINCT variant_id
FROM posts
WHERE variant_id = ?
   OR post_id = ?
   OR length(?) >= 4 AND starts_with(variant_id, ?)
ORDER BY variant_id = ? DESC, variant_id
"""

_OWNER = """
SELECT post_id
FROM posts
WHERE platform_post_id = ?
"""


_ATTACHED = """
SELECT p.experiment_id, p.platform_post_id, p.status,
       EXISTS (
           SELECT 1
           FROM reel_containers AS c
           WHERE c.intent_key = p.intent_key
             AND c.publish_asked_at IS NOT NULL
       ) AS is_ours,
       EXISTS (
           SELECT 1
           FROM decisions AS d
           WHERE d.experiment_id = p.experiment_id
             AND d.decision <> 'running'
       ) AS is_decided
FROM posts AS p
WHERE p.post_id = ?
  AND p.variant_id IS NOT NULL
"""

_TAKEN_BACK = """
UPDATE posts
SET status = 'approved', platform_post_id = NULL, published_at = NULL,
    published_revision_hash = NULL
WHERE post_id = ?
"""


class PlannedPost(PostWords):
    """A post of a variant, published or not."""

    status: str
    platform: str
    created_at: datetime | None


@dataclass(frozen=True)
class Attached:
    """An attached post; `edited` if its words differ from the variant's."""

    post_id: str
    variant_id: str
    platform_post_id: str
    edited: bool


def attach_post(
    warehouse: Warehouse,
    clock: Clock,
    media_of: MediaLookup,
    variant_id: str,
    media: str,
    content: bytes | None = None,
    editor: str = "",
) -> Attached:
    """Record that a variant was published as a media of the account.

    `variant_id` may be the variant's id, the beginning of the id, or the id of its
    post. `content` is a file in the library's format with the published words; without
    it the planned words were published. Raises InputError if the variant has no open
    post, if the media is unknown, belongs to another post, is older than the variant or
    dated in the future, or if the file is no script; and the vendor's errors.
    """
    script = None if content is None else read_words(content)
    with warehouse.transaction() as con:
        variant_id = _variant_meant(con, variant_id)
        _open_post(con, variant_id, media_of.platform)
    published = media_of.look_up(media)
    with warehouse.transaction() as con:
        post = _open_post(con, variant_id, media_of.platform)
        owners = con.execute(_OWNER, [published.platform_post_id]).fetchall()
        if owners:
            raise InputError(
                f"The media {media} is attached to post {owners[0][0]} already."
            )
        if post["created_at"] and published.published_at < post["created_at"]:
            raise InputError(
                f"The media {media} went out on {published.published_at:%Y-%m-%d}, and "
                f"this variant was written on {post['created_at']:%Y-%m-%d}; choose "
                "the post that it became."
            )
        present = Present(clock.now(), clock.now())
        if published.published_at > present.latest:
            raise InputError(
                f"The media {media} is dated {published.published_at:%Y-%m-%d}, which "
                f"is after {present.day_in_words}: its figures would have no age. "
                "Correct the clock (`ig-assets doctor`), then attach it again."
            )
        edited = script is not None and script.text != post["text"]
        if script is not None and edited:
            store_words(con, post, script, editor, clock.now())
            post["text"] = script.text
    record_published(warehouse, clock, post, published, "")
    return Attached(post["post_id"], variant_id, published.platform_post_id, edited)


def detach_post(warehouse: Warehouse, post_id: str) -> str:
    """Undo a wrong attachment; return the media's id.

    The media's counts are deleted, since they were never about the variant, and so is
    the evidence of the post's experiment, which was computed from them. Raises
    InputError for a post that was not attached by a person or whose experiment is
    decided.
    """
    with warehouse.transaction() as con:
        found = fetch_dicts(con, _ATTACHED, [post_id])
        if not found or found[0]["status"] != "published":
            state = states_in_words(con, [post_id]).get(post_id)
            there_is = "" if state is None else f" Post {post_id} is {state}."
            raise InputError(f"There is no published post {post_id!r}.{there_is}")
        [post] = found
        if post["is_ours"]:
            raise InputError(
                f"The post {post_id} was published from here and not attached, "
                "so it cannot be detached."
            )
        if post["is_decided"]:
            raise InputError(
                f"The experiment of post {post_id} is decided, so its posts stay."
            )
        con.execute(_TAKEN_BACK, [post_id])
        con.execute("DELETE FROM engagement WHERE post_id = ?", [post_id])
        con.execute(
            "DELETE FROM evidence WHERE experiment_id = ?", [post["experiment_id"]]
        )
    return str(post["platform_post_id"])


def _variant_meant(con: Connection, named: str) -> str:
    found = con.execute(_MEANT, [named] * 5).fetchall()
    ids = [str(variant_id) for (variant_id,) in found if variant_id is not None]
    return only_one(ids, named, "variant") if ids else named


def _open_post(con: Connection, variant_id: str, platform: str) -> PlannedPost:
    """Return the variant's open post on a platform, or raise InputError."""
    posts = cast(list[PlannedPost], fetch_dicts(con, _PLANNED, [variant_id]))
    if not posts:
        raise InputError(
            f"The variant {variant_id} has no planned post; materialise `posts` for "
            "its month first."
        )
    still_open = [
        post
        for post in posts
        if post["platform"] == platform
        and post["status"] not in ("published", "declined")
    ]
    if not still_open:
        post = posts[0]
        raise InputError(
            f"The post {post['post_id']} of this variant is {post['status']} on "
            f"{post['platform']}; there is none to attach on {platform}."
        )
    return still_open[0]
