"""Stores the containers of a platform that publishes in two steps.

A container is an unpublished video and caption at the vendor; a second request makes it
a post. The container's row is written before that request. After a crash the vendor is
asked about this container, so that nothing is posted twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ig_assets.core.ports import Published
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Warehouse

_LAST = """
SELECT container_id, intent_key, content_hash, caption_hash, created_at,
       publish_asked_at, platform_post_id, published_at
FROM reel_containers
WHERE intent_key = ?
ORDER BY created_at DESC, container_id DESC
LIMIT 1
"""

_TAKEN = """
SELECT platform_post_id
FROM reel_containers
WHERE platform_post_id IS NOT NULL
UNION
SELECT platform_post_id
FROM posts
WHERE platform_post_id IS NOT NULL
"""


@dataclass(frozen=True)
class Container:
    """One container; `content_hash` is the hash of its caption and video."""

    container_id: str
    intent_key: str
    content_hash: str
    caption_hash: str
    created_at: datetime
    publish_asked_at: datetime | None = None
    platform_post_id: str | None = None
    published_at: datetime | None = None

    @property
    def published(self) -> Published | None:
        """The post that was made from the container, or None if that is not known."""
        if self.platform_post_id is None or self.published_at is None:
            return None
        return Published(self.platform_post_id, self.published_at)


class ContainerStore:
    """Reads and writes the containers' rows, each in a short transaction."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def last(self, intent_key: str) -> Container | None:
        """Return the newest container of an intent, or None."""
        with self._warehouse.transaction() as con:
            rows = fetch_dicts(con, _LAST, [intent_key])
        return Container(**rows[0]) if rows else None

    def taken_posts(self) -> set[str]:
        """Return the ids of vendor posts that belong to a known post or container."""
        with self._warehouse.transaction() as con:
            return {str(post) for (post,) in con.execute(_TAKEN).fetchall()}

    def write(self, container: Container) -> None:
        """Store the present state of a container."""
        with self._warehouse.transaction() as con:
            merge_rows(con, "reel_containers", [vars(container)])
