"""A post that a person put out by hand becomes the post of its variant.

What was published may be edited: its words are then a revision of their own with an
edge to the variant, and evidence and training look at them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ig_assets.core.experiments.publishing import record_published
from ig_assets.core.experiments.review import LAST_EDITS, read_words, store_words
from ig_assets.core.ports import Clock, MediaLookup
from ig_assets.errors import InputError
from ig_assets.warehouse.connection import Connection, Warehouse
from ig_assets.warehouse.rows import fetch_dicts

_PLANNED = f"""
SELECT p.post_id, p.variant_id, p.status, p.detail, p.platform,
       coalesce(c.text, v.text) AS text
FROM posts AS p
JOIN variants AS v
  ON v.variant_id = p.variant_id
LEFT JOIN ({LAST_EDITS}) AS c
  ON c.post_id = p.post_id
WHERE p.variant_id = ?
ORDER BY p.slot, p.post_id
"""

_OWNER = """
SELECT post_id
FROM posts
WHERE platform_post_id = ?
"""


@dataclass(frozen=True)
class Attached:
    """What is now known to be out; `edited` where its words are not the variant's."""

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
    """Say which media of the account a variant went out as, and in which words.

    `content` is a file like a library's; without it the planned words went out.
    Raises InputError when the variant has no open post, when the media is unknown or
    another post's, when the file is no script; and the vendor's errors.
    """
    script = None if content is None else read_words(content)
    with warehouse.transaction() as con:
        _open_post(con, variant_id, media_of.platform)
    published = media_of.look_up(media)
    with warehouse.transaction() as con:
        post = _open_post(con, variant_id, media_of.platform)
        owners = con.execute(_OWNER, [published.platform_post_id]).fetchall()
        if owners:
            raise InputError(
                f"The media {media} is attached to post {owners[0][0]} already."
            )
        edited = script is not None and script.text != post["text"]
        if script is not None and edited:
            store_words(con, post, script, editor, clock.now())
            post["text"] = script.text
    record_published(warehouse, clock, post, published, "")
    return Attached(post["post_id"], variant_id, published.platform_post_id, edited)


def _open_post(con: Connection, variant_id: str, platform: str) -> dict[str, Any]:
    """The variant's post that is not out yet, on this platform."""
    posts = fetch_dicts(con, _PLANNED, [variant_id])
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
