"""Maps the columns of a recorded history: guessed, or given by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ig_assets.core.tabular.strict_csv import plain_name
from ig_assets.errors import InputError

# Ours, and what others call it; the first that a file has is taken.
WORDS: dict[str, tuple[str, ...]] = {
    "post_id": ("video_id", "media_id", "ig_media_id", "shortcode", "permalink", "id"),
    "title": ("hook", "headline", "caption"),
    "author": ("channel_title", "channel", "username", "account", "creator"),
    "published_at": (
        "publish_time",
        "posted_at",
        "published_on",
        "posted_on",
        "created_at",
    ),
    "observed_on": (
        "observed_at",
        "as_of",
        "snapshot_at",
        "snapshot_date",
        "read_at",
        "read_on",
        "date",
        "day",
    ),
}
COUNTERS: dict[str, tuple[str, ...]] = {
    "views": ("view_count", "video_views", "plays"),
    "reach": ("accounts_reached",),
    "likes": ("like_count", "likes_count"),
    "comments": ("comment_count", "comments_count"),
    "shares": ("share_count", "shares_count"),
    "saved": ("saves", "save_count", "saves_count"),
}


def parse_columns(text: str) -> dict[str, str]:
    """`views=plays, post_id=video` as {ours: theirs}; nothing after `=` drops a guess.

    Raises ValueError with a sentence.
    """
    mapping = {}
    for part in filter(None, map(str.strip, text.split(","))):
        ours, equals, theirs = (p.strip() for p in part.partition("="))
        if not equals or ours not in {**WORDS, **COUNTERS}:
            raise ValueError(
                f"{part!r} is not OURS=COLUMN; ours are "
                f"{', '.join({**WORDS, **COUNTERS})}"
            )
        mapping[ours] = theirs
    return mapping


def map_columns(
    theirs: Sequence[str], given: Mapping[str, str], name: str
) -> dict[str, str]:
    """Which of the file's columns is which of ours: the guess, and over it the given.

    Raises InputError where a given one is not there, or what every recording needs.
    """
    known = {plain_name(column): column for column in reversed(theirs)}
    found = {
        ours: known[found]
        for ours, aliases in {**WORDS, **COUNTERS}.items()
        if (found := next((n for n in (ours, *aliases) if n in known), None))
    }
    if gone := sorted(
        column for column in given.values() if column not in ("", *theirs)
    ):
        raise InputError(
            f"{name} has no column {gone[0]!r}; it has {', '.join(theirs)}."
        )
    mapping = {o: t for o, t in {**found, **given}.items() if t}
    lacking = (
        "a post (post_id, or title)"
        if not {"post_id", "title"} & set(mapping)
        else (
            "a day (observed_on)"
            if "observed_on" not in mapping
            else (
                f"a counter ({', '.join(COUNTERS)})"
                if not set(COUNTERS) & set(mapping)
                else None
            )
        )
    )
    if lacking is not None:
        raise InputError(
            f"No column of {name} is known to be {lacking}; say which one with "
            f"IG_REPLAY_COLUMNS=OURS=COLUMN (columns: {', '.join(theirs)})."
        )
    return mapping
