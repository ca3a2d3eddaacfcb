"""Maps the columns of a recorded history: guessed, or given by a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ig_assets.core.tabular import (
    NAMES,
    ColumnProfile,
    Field,
    Kind,
    RepeatedColumnError,
    guess_columns,
    named_columns,
)
from ig_assets.errors import InputError

COUNTERS = ("views", "reach", "likes", "comments", "shares", "saved")
AUDIENCES = ("views", "reach")
"""Counters of viewers; a post's likes cannot exceed any of them."""

_READING_DAYS = ("as_of", *NAMES["read_at"], *NAMES["day"], "time")

# Our names with those of other tools; the first column whose values fit is taken.
FIELDS: dict[str, Field] = {
    "post_id": Field(Kind.ID, (*NAMES["post_id"], *NAMES["permalink"])),
    "title": Field(
        Kind.LABEL, ("hook", "headline", *NAMES["title"], *NAMES["caption"])
    ),
    "author": Field(Kind.LABEL, ("channel_title", "channel", *NAMES["author"])),
    "published_at": Field(Kind.DATE, NAMES["published_at"]),
    "observed_on": Field(Kind.DATE, _READING_DAYS),
    **{
        name: Field(Kind.COUNT, NAMES["saves" if name == "saved" else name])
        for name in COUNTERS
    },
}

OPTIONS = ("numbers", "dates", "timezone")
"""Keys among the columns that say how the file's values are written."""


def parse_columns(text: str) -> dict[str, str]:
    """Parse `views=plays, post_id=video` as {our name: the file's column}.

    An empty column after `=` means that the file has no such column. `numbers=de`,
    `dates=mdy` and `timezone=Europe/Berlin` say how values are written. Raises
    ValueError with a sentence for the user.
    """
    mapping = {}
    for part in filter(None, map(str.strip, text.split(","))):
        ours, equals, theirs = (p.strip() for p in part.partition("="))
        if not equals or ours not in (*FIELDS, *OPTIONS):
            raise ValueError(
                f"{part!r} is not OURS=COLUMN; ours are {', '.join(FIELDS)}"
            )
        mapping[ours] = theirs
    return mapping


def map_columns(
    profiles: Sequence[ColumnProfile], given: Mapping[str, str], name: str
) -> dict[str, int]:
    """Return {our name: position of the file's column}.

    A column in `given` overrides the guess. Raises InputError if a given column does
    not exist or exists twice, or if a required column is missing.
    """
    theirs = [profile.name for profile in profiles]
    given = {ours: column for ours, column in given.items() if ours not in OPTIONS}
    if gone := sorted(set(given.values()) - {"", *theirs}):
        raise InputError(
            f"{name} has no column {gone[0]!r}; it has {', '.join(theirs)}."
        )
    try:
        guesses = guess_columns(profiles, FIELDS, given)
    except RepeatedColumnError as error:
        raise InputError(f"In {name} {error}.") from None
    mapping = {guess.ours: n for n, guess in enumerate(guesses) if guess.ours}
    if lacking := _lacking(set(mapping)):
        raise InputError(
            f"No column of {name} is known to be {lacking}; say which one with "
            f"IG_REPLAY_COLUMNS=OURS=COLUMN (columns: {named_columns(theirs)})."
        )
    return {ours: mapping[ours] for ours in FIELDS if ours in mapping}


def _lacking(mapped: set[str]) -> str | None:
    if not {"post_id", "title"} & mapped:
        return "a post (post_id, or title)"
    if "observed_on" not in mapped:
        return "a day (observed_on)"
    if not set(COUNTERS) & mapped:
        return f"a counter ({', '.join(COUNTERS)})"
    return None
