"""Judges whether the readings of posts are running totals or daily increments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ig_assets.errors import InputError

LEAST = 20
"""Count below which a fall is ignored, since vendors correct small counts."""

CORRECTION = 0.1
"""Share of a count by which a vendor's correction may lower it."""

Series = Sequence[float]
"""Values of one counter of one post in order of time, without missing values."""


def check_totals(
    posts: Iterable[tuple[Sequence[Series], Series]], file_name: str
) -> str:
    """Return a note if counts fall between readings, else "".

    `posts` has, for each post, the series of its audience counters and the series of
    its likes. Totals may sometimes fall a little. A counter counts as daily increments
    if it halves, or if it loses a tenth while falling in every other step, unless the
    post's likes grow with every reading. Raises InputError if this holds for most
    posts.
    """
    several = falling = daily = 0
    for counters, likes in posts:
        series = [counts for counts in counters if len(counts) > 1]
        several += bool(series)
        falling += any(map(_falls, series))
        daily += any(map(_is_daily, series)) and not _grows(likes)
    if daily * 2 > several:
        raise InputError(
            f"{file_name} has several readings of {several:,} posts, and the "
            f"counts of {daily:,} fall from one to the next, as those of single "
            "days do. Export totals (lifetime) of each post instead, one row per post "
            "or per day of reading."
        )
    if not falling:
        return ""
    return (
        f"Counts fall from one reading to the next for {falling:,} of the {several:,} "
        "posts with several readings; they were kept as they are, the newest last. "
        "Are they totals, and not counts of single days?"
    )


def _falls(counts: Series) -> bool:
    return any(after < before for before, after in zip(counts, counts[1:]))


def _grows(counts: Series) -> bool:
    steps = list(zip(counts, counts[1:]))
    return len(steps) > 1 and all(after > before for before, after in steps)


def _is_daily(counts: Series) -> bool:
    highest = counts[0]
    falls = 0
    for before, after in zip(counts, counts[1:]):
        if highest >= LEAST and after < highest / 2:
            return True
        highest = max(highest, after)
        falls += after < before
    is_lower = highest >= LEAST and counts[-1] < highest * (1 - CORRECTION)
    return is_lower and falls * 2 >= len(counts) - 1
