"""Drops counts that an account hides, if a column of the file says so.

Instagram's tools report a hidden count as 0, as 3, or as the number of friends who
liked. The column that says so is `like_and_view_counts_disabled` or `likes_hidden`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ig_assets.core.tabular.cells.missing import is_missing
from ig_assets.core.tabular.columns.vocabulary import NAMES, bare_name, plain_name
from ig_assets.core.tabular.table import Batch, Cell

_BOTH = ("likes", "views")
_HIDES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("like_and_view_counts_disabled", "like_and_view_counts_hidden")
        + ("hide_like_and_view_counts", "likes_and_views_hidden", "counts_hidden"),
        _BOTH,
    ),
    **dict.fromkeys(
        ("likes_hidden", "hidden_likes", "hide_likes", "is_likes_hidden")
        + ("like_count_hidden", "like_count_disabled", "like_counts_disabled")
        + ("has_hidden_likes", "likes_are_hidden", "hide_like_count"),
        ("likes",),
    ),
    **dict.fromkeys(
        ("views_hidden", "view_count_hidden", "view_count_disabled")
        + ("is_view_count_hidden", "hide_view_count", "view_counts_disabled"),
        ("views",),
    ),
}
_TRUE = frozenset(("true", "t", "yes", "y", "1"))


def without_hidden(
    batches: Iterator[Batch], names: Sequence[str], hidden: Counter[str]
) -> Iterator[Batch]:
    """Yield the batches with None in place of hidden counts.

    `hidden` counts the replaced values by metric.
    """
    hidden.clear()
    plain = [plain_name(name) for name in names]
    bare = [bare_name(name) for name in plain]
    hides = [
        (at, metric, counts)
        for at, name in enumerate(plain)
        for metric in _HIDES.get(name, _HIDES.get(bare[at], ()))
        if (counts := _columns_of(metric, plain, bare))
    ]
    for batch in batches:
        if hides:
            batch.rows = [_shown(row, hides, hidden) for row in batch.rows]
        yield batch


def _columns_of(
    metric: str, plain: Sequence[str], bare: Sequence[str]
) -> tuple[int, ...]:
    known = {metric, *NAMES[metric]}
    return tuple(n for n in range(len(plain)) if {plain[n], bare[n]} & known)


def _shown(
    row: Sequence[Cell],
    hides: Sequence[tuple[int, str, tuple[int, ...]]],
    hidden: Counter[str],
) -> Sequence[Cell]:
    cells: list[Cell] | None = None
    for at, metric, counts in hides:
        if str(row[at]).strip().casefold() not in _TRUE:
            continue
        cells = list(row) if cells is None else cells
        for n in counts:
            hidden[metric] += not is_missing(cells[n])
            cells[n] = None
    return row if cells is None else cells
