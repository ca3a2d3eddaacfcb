"""Checks that the readings of a post are running totals, not daily increments."""

from __future__ import annotations

from collections.abc import Sequence

from ig_assets.core.corpus.history_import.identity.file_posts import FilePost
from ig_assets.core.corpus.history_import.reading.columns import DENOMINATORS
from ig_assets.core.tabular import check_totals


def note_falling(posts: Sequence[FilePost], file_name: str) -> tuple[str, ...]:
    """Return a note if counts fall between readings of a post, else an empty tuple.

    Raises InputError if the counts of most posts fall as daily increments do.
    """
    series = (
        ([_series(post, name) for name in DENOMINATORS], _series(post, "likes"))
        for post in posts
    )
    note = check_totals(series, file_name)
    return (note,) if note else ()


def _series(post: FilePost, name: str) -> list[float]:
    return [row.counts[name] for row in post.rows if name in row.counts]
