"""Records reviews of posts: who approved or declined, when, why, and which words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ig_assets.core.identity import next_instant
from ig_assets.errors import ConflictError, InputError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection

_WORDS_NOW = """
SELECT p.post_id, p.variant_id, c.edited_by,
    coalesce(c.revision_hash, v.revision_hash) AS revision_hash,
    w.reviewed_at
FROM posts AS p
LEFT JOIN variants AS v
  ON v.variant_id = p.variant_id
LEFT JOIN latest_edits AS c
  ON c.post_id = p.post_id
LEFT JOIN latest_reviews AS w
  ON w.post_id = p.post_id
WHERE list_contains(?::TEXT[], p.post_id)
ORDER BY p.post_id
"""


@dataclass(frozen=True)
class Review:
    """A person's review of posts: who, when (naive UTC) and why.

    `seen` is {post id: revision that the person read}; posts without an entry are not
    checked for changes. Raises InputError if `by` is blank.
    """

    by: str
    at: datetime
    reason: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.by.strip():
            raise InputError("Say who decides: a review needs a name.")

    def check_seen(self, con: Connection, post_ids: Sequence[str]) -> None:
        """Raise ConflictError if a post's words changed after the person read them."""
        for post in fetch_dicts(con, _WORDS_NOW, [list(post_ids)]):
            seen = self.seen.get(post["post_id"])
            if seen is None or seen == post["revision_hash"]:
                continue
            who = post["edited_by"] or "somebody"
            raise ConflictError(
                f"The words of post {post['post_id']} were changed by {who} after you "
                "read them; read them again. Nothing was decided."
            )


def record_reviews(
    con: Connection, post_ids: Sequence[str], decision: str, review: Review
) -> None:
    """Write one review row per post, with the revision of its present words."""
    rows = [
        {
            "post_id": post["post_id"],
            "reviewed_at": next_instant(review.at, post["reviewed_at"]),
            "decision": decision,
            "reason": review.reason.strip(),
            "reviewed_by": review.by.strip(),
            "variant_id": post["variant_id"],
            "revision_hash": post["revision_hash"],
        }
        for post in fetch_dicts(con, _WORDS_NOW, [list(post_ids)])
    ]
    merge_rows(con, "post_reviews", rows)
