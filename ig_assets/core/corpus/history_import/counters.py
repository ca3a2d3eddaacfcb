"""Checks that the readings of a post are totals, and not what each day added."""

from __future__ import annotations

from collections.abc import Sequence

from ig_assets.core.corpus.history_import.reading.columns import DENOMINATORS
from ig_assets.core.corpus.history_import.identity.file_posts import FilePost
from ig_assets.core.tabular import check_totals


def note_falling(posts: Sequence[FilePost], file_name: str) -> tuple[str, ...]:
    """A sentence where counts fall from one reading of a post to the next.

    Raises InputError where most posts' fall as those of single days do.
    """
    series = (
        ([_series(post, name) for name in DENOMINATORS], _series(post, "likes"))
        for post in posts
    )
    note = check_totals(series, file_name)
    return (note,) if note else ()


def _series(post: FilePost, name: str) -> list[float]:
    return [row.counts[name] for row in post.rows if name in row.counts]
