"""Checks that the readings of a post are totals, and not what each day added."""

from __future__ import annotations

from collections.abc import Sequence

from ig_assets.core.corpus.history_import.columns import DENOMINATORS
from ig_assets.core.corpus.history_import.identity.file_posts import FilePost
from ig_assets.errors import InputError

_LEAST = 20
"""Counts below say nothing: vendors correct them."""


def check_totals(posts: Sequence[FilePost], file_name: str) -> None:
    """Raise InputError where the counts of most posts fall by half and more.

    Counters go back a little now and then; one that halves is the count of a day.
    """
    several = [post for post in posts if len(post.rows) > 1]
    falling = [post for post in several if _halves(post)]
    if len(falling) * 2 > len(several):
        raise InputError(
            f"{file_name} has several readings of {len(several):,} posts, and the "
            f"counts of {len(falling):,} fall from one to the next, as those of single "
            "days do. Export totals (lifetime) of each post instead, one row per post "
            "or per day of reading."
        )


def _halves(post: FilePost) -> bool:
    for name in DENOMINATORS:
        counts = [row.counts[name] for row in post.rows if name in row.counts]
        highest = 0.0
        for count in counts:
            if highest >= _LEAST and count < highest / 2:
                return True
            highest = max(highest, count)
    return False
