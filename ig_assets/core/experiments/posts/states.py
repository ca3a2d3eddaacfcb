"""Says in words whether a post was published, approved or declined, and by whom."""

from __future__ import annotations

from collections.abc import Sequence

from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_STATES = """
SELECT p.post_id, p.status, p.published_at, w.decision, w.reviewed_by, w.reason
FROM posts AS p
LEFT JOIN latest_reviews AS w
  ON w.post_id = p.post_id
WHERE list_contains(?::TEXT[], p.post_id)
ORDER BY p.slot, p.post_id
"""


def states_in_words(con: Connection, post_ids: Sequence[str]) -> dict[str, str]:
    """Return {post id: its state}, such as `declined by ben (too loud)`.

    An id that is no post is left out.
    """
    found = {}
    for post in fetch_dicts(con, _STATES, [list(post_ids)]):
        words = str(post["status"])
        if words == "published" and post["published_at"] is not None:
            words += f" since {post['published_at']:%Y-%m-%d}"
        elif words == post["decision"]:
            words += f" by {post['reviewed_by']}"
            words += f" ({post['reason']})" if post["reason"] else ""
        found[post["post_id"]] = words
    return found
