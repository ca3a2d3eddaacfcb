"""The account of the Graph API's STAND-IN: its media, and videos on their way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

METRICS = {
    "REELS": {
        *("views", "reach", "likes", "comments", "shares", "saved"),
        *("total_interactions", "ig_reels_avg_watch_time"),
        "ig_reels_video_view_total_time",
    },
    "FEED": {
        *("views", "reach", "likes", "comments", "shares", "saved"),
        "total_interactions",
    },
}


@dataclass
class Media:
    """One post of the account; `empty` has no figures yet, `lacks` are metrics."""

    media_id: str
    caption: str
    posted_at: datetime
    kind: str = "REELS"
    values: dict[str, float] = field(default_factory=dict)
    empty: bool = False
    lacks: frozenset[str] = frozenset()

    @property
    def permalink(self) -> str:
        return f"https://www.instagram.com/reel/C{self.media_id}/"


@dataclass
class Container:
    """A video on its way; FINISHED after so many polls."""

    caption: str
    polls_left: int
    status: str | None = None
