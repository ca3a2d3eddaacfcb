"""Maps the columns of an export to ours, by guess, by preset or as stated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ig_assets.core.corpus.history_import.reading.tests_and_arms import with_tests
from ig_assets.core.tabular import (
    NAMES,
    ColumnGuess,
    ColumnProfile,
    Field,
    Kind,
    RepeatedColumnError,
    guess_columns,
    named_columns,
    plain_name,
)
from ig_assets.errors import InputError

NUMERATORS = ("likes", "clicks")
DENOMINATORS = ("impressions", "reach", "views")
METRICS = (*DENOMINATORS, *NUMERATORS, "comments", "shares", "saves")

_POST_DAYS = (*NAMES["published_at"], *NAMES["day"], *NAMES["time"])

# Our columns, with their names in the Upworthy archive, in the exports of platforms
# and schedulers in six languages, and in common A/B tools.
FIELDS: dict[str, Field] = {
    "experiment_id": Field(
        Kind.LABEL, ("experiment", "clickability_test_id", *NAMES["test"])
    ),
    "arm": Field(Kind.LABEL, NAMES["arm"]),
    "post_id": Field(Kind.ID, NAMES["post_id"]),
    "permalink": Field(Kind.ID, NAMES["permalink"]),
    "topic": Field(Kind.LABEL, (*NAMES["topic"], "category")),
    "hook_style": Field(Kind.LABEL, ("style", "hook_type")),
    "hook": Field(Kind.WORDS, ("headline", *NAMES["title"], "opening")),
    "body": Field(Kind.WORDS, ("lede", *NAMES["description"], "excerpt")),
    "call_to_action": Field(Kind.WORDS, ("cta",)),
    "text": Field(Kind.WORDS, ("script", "script_text", *NAMES["caption"])),
    "language": Field(Kind.LABEL, NAMES["language"]),
    "author": Field(Kind.LABEL, NAMES["author"]),
    "image": Field(
        Kind.LABEL, ("eyecatcher_id", "image_id", "thumbnail_id", "thumbnail")
    ),
    "posted_on": Field(Kind.DATE, _POST_DAYS),
    "as_of": Field(Kind.DATE, (*NAMES["read_at"], *NAMES["day"])),
    "running": Field(Kind.FLAG, ("is_running",)),
    "ends_on": Field(Kind.DATE, ("ends_at", "end_date")),
    "simulated": Field(Kind.FLAG, ("is_simulated", "synthetic")),
    **{name: Field(Kind.COUNT, NAMES[name]) for name in METRICS},
}

_COUNTS: dict[str, tuple[str, ...]] = {name: NAMES[name] for name in METRICS}
_READ = {"as_of": NAMES["read_at"]}
_NO_METRIC = re.compile(r"(?:^|_)(?:id|pk|height|width|duration|duree|dauer)$")
"""Matches names of columns whose numbers do not measure engagement (e.g. height)."""

_THUMBNAILS = re.compile(
    r"impressions?_click_through|clics?_par_impression|klickrate_der_impressionen"
    r"|klickrate_bei_impressionen|clics_de_las_impresiones|cliques_de_impressoes"
)
"""Matches the column of YouTube's share of thumbnail impressions that were clicked."""

_STUDIO_IDS = ("content", "video", "inhalte", "contenu", "contenido", "conteudo")

# What the export of each tool has; columns of other fields are left alone.
PRESETS: dict[str, dict[str, tuple[str, ...]]] = {
    "meta-business-suite": {
        "post_id": NAMES["post_id"],
        "permalink": NAMES["permalink"],
        "text": NAMES["description"],
        "author": NAMES["author"],
        "posted_on": NAMES["published_at"],
        **_READ,
        **_COUNTS,
    },
    # Its impressions count thumbnails, and there are views without impressions.
    "youtube-studio": {
        "post_id": (*_STUDIO_IDS, "contenuti", *NAMES["post_id"]),
        "hook": NAMES["title"],
        "posted_on": NAMES["published_at"],
        **_READ,
        **{name: _COUNTS[name] for name in METRICS if name != "impressions"},
    },
    "instagram-download": {
        "text": ("caption", "title", "media_title"),
        "posted_on": ("creation_timestamp", "media_creation_timestamp", "taken_at"),
        **_READ,
        **_COUNTS,
    },
    "yt-dlp": {
        "experiment_id": ("test_id",),
        "post_id": ("id",),
        "permalink": ("webpage_url",),
        "text": ("description",),
        "author": ("channel", "uploader_id", "uploader"),
        "posted_on": ("timestamp", "upload_date"),
        **_READ,
        **_COUNTS,
        "shares": ("repost_count", *NAMES["shares"]),
    },
    "scheduler": {
        "post_id": NAMES["post_id"],
        "permalink": NAMES["permalink"],
        "text": NAMES["caption"],
        "posted_on": _POST_DAYS,
        **_READ,
        **_COUNTS,
    },
    "airbyte": {
        "post_id": ("id", *NAMES["post_id"]),
        "permalink": NAMES["permalink"],
        "text": NAMES["caption"],
        "author": NAMES["author"],
        "posted_on": NAMES["published_at"],
        **_READ,
        **_COUNTS,
    },
}


@dataclass(frozen=True)
class ColumnMapping:
    """How each column of a file is interpreted."""

    guesses: tuple[ColumnGuess, ...]
    numbers: tuple[str, ...] = ()
    """Names of the columns with counts that are mapped to none of our columns."""
    labels: tuple[int, ...] = ()
    """Positions of unmapped columns with few, repeated values, e.g. country or age."""

    @property
    def indices(self) -> dict[str, int]:
        """{our column: its position in the file}, in the order of `FIELDS`."""
        found = {guess.ours: n for n, guess in enumerate(self.guesses) if guess.ours}
        order = [*FIELDS]
        return dict(sorted(found.items(), key=lambda pair: order.index(pair[0])))

    @property
    def names(self) -> dict[str, str]:
        """{our column: the file's column}."""
        return {ours: self.guesses[n].column for ours, n in self.indices.items()}

    @property
    def left_alone(self) -> tuple[str, ...]:
        """The names of the file's columns that are not mapped."""
        return tuple(guess.column for guess in self.guesses if not guess.ours)

    def notes(self, numerator: str | None, denominator: str | None) -> tuple[str, ...]:
        """Return one sentence for each column that is not used, with the consequence.

        `numerator` and `denominator` are the metrics of the rate; each is None if the
        file has no such column.
        """
        notes = []
        lacking = []
        if numerator is None:
            lacking.append((" or ".join(NUMERATORS), NUMERATORS[0]))
        if denominator is None:
            lacking.append((" or ".join(DENOMINATORS), DENOMINATORS[-1]))
        if lacking:
            what = ", nor ".join(names for names, _ in lacking)
            how = " ".join(f"--map {ours}=COLUMN" for _, ours in lacking)
            notes.append(
                f"No post has a rate, since no column is known as {what}: the texts "
                f"become scripts, and decide nothing. {how} names it."
            )
        for guess in self.guesses:
            for ours in (*METRICS, "posted_on", "post_id", "permalink"):
                if not guess.ours and guess.why.startswith(f"not {ours}: "):
                    why = guess.why.removeprefix(f"not {ours}: ")
                    notes.append(
                        f"Column {guess.column!r} was not taken for {ours}: {why}. "
                        f"--map {ours}={guess.column} takes it."
                    )
        if "arm" in self.indices and "experiment_id" not in self.indices:
            notes.append(
                f"Column {self.names['arm']!r} names arms, and no column names their "
                "test: each row is a post of its own, and none are compared. --map "
                "experiment_id=COLUMN names it."
            )
        if self.numbers:
            notes.append(
                "Columns of numbers that were not taken: "
                f"{named_columns(self.numbers)}. "
                f"--map takes one for {', '.join(METRICS)}."
            )
        return tuple(notes)


def map_history(
    profiles: Sequence[ColumnProfile],
    given: Mapping[str, str],
    preset: str | None,
    file_name: str,
) -> ColumnMapping:
    """Map the columns of an export to ours.

    `given` ({our column: the file's column}) overrides the guesses; the value "" means
    that the file has no such column. `preset` is the tool that made the file. Raises
    InputError if a given column is missing, if the preset is not known, or if no column
    holds the hook.
    """
    columns = [profile.name for profile in profiles]
    _check_given(columns, given, file_name)
    fields = FIELDS if preset is None else _fields_of(preset)
    try:
        guesses = guess_columns(profiles, fields, given)
    except RepeatedColumnError as error:
        raise InputError(f"In {file_name} {error}.") from None
    guesses = with_tests(guesses, profiles, given, preset is None)
    guesses = _without_days_of_single_rows(guesses, profiles, given)
    if any(_THUMBNAILS.search(plain_name(column)) for column in columns):
        guesses = [_without_thumbnails(guess, given) for guess in guesses]
    taken = {guess.ours for guess in guesses}
    if "hook" not in given and taken & {"text", "body"}:
        guesses = [_without_name(guess) for guess in guesses]
        taken = {guess.ours for guess in guesses}
    if preset is None and not taken & {"post_id", "permalink"}:
        guesses = [_named_by_video(guess, given) for guess in guesses]
    if "body" in taken and not taken & {"hook", "text"} and "body" not in given:
        guesses = [_renamed(guess, "body", "text") for guess in guesses]
        taken.add("text")
    if not taken & {"hook", "text"}:
        raise InputError(
            f"No column of {file_name} is known to be the hook; say which one with "
            f"--map hook=COLUMN (columns: {named_columns(columns)})."
        )
    numbers = tuple(
        profile.name
        for profile, guess in zip(profiles, guesses, strict=True)
        if guess.ours is None
        and guess.column not in given.values()
        and profile.mostly(profile.counts)
        and not profile.mostly(profile.dates)
        and not _NO_METRIC.search(plain_name(profile.name))
    )
    labels = tuple(
        n
        for n, (profile, guess) in enumerate(zip(profiles, guesses, strict=True))
        if guess.ours is None
        and 1 < len(profile.values) < profile.filled
        and profile.name not in numbers
    )
    return ColumnMapping(tuple(guesses), numbers, labels)


def _check_given(
    columns: Sequence[str], given: Mapping[str, str], file_name: str
) -> None:
    if unknown := sorted(set(given) - set(FIELDS)):
        raise InputError(
            f"--map {unknown[0]}=… names nothing we know; known are "
            f"{', '.join(FIELDS)}."
        )
    if missing := sorted(set(given.values()) - {*columns, ""}):
        raise InputError(
            f"{file_name} has no column {missing[0]!r}; it has "
            f"{named_columns(columns)}."
        )


def _fields_of(preset: str) -> dict[str, Field]:
    if preset not in PRESETS:
        raise InputError(
            f"--preset {preset!r} is not known; known are {', '.join(PRESETS)}."
        )
    return {
        ours: Field(FIELDS[ours].kind, names) for ours, names in PRESETS[preset].items()
    }


def _without_days_of_single_rows(
    guesses: list[ColumnGuess],
    profiles: Sequence[ColumnProfile],
    given: Mapping[str, str],
) -> list[ColumnGuess]:
    """Return the guesses, without a column `date` as the reading time.

    The column is kept if some post has several rows.
    """
    at = {guess.ours: n for n, guess in enumerate(guesses) if guess.ours}
    day = at.get("as_of")
    if day is None or "as_of" in given:
        return guesses
    if plain_name(guesses[day].column) not in NAMES["day"]:
        return guesses
    ids = [profiles[at[name]] for name in ("post_id", "permalink") if name in at]
    if any(0 < profile.distinct < profile.filled for profile in ids):
        return guesses
    why = "not as_of: no post has several rows"
    kept = guesses[day]
    guesses[day] = ColumnGuess(kept.column, kept.samples, None, why)
    return guesses


def _without_thumbnails(guess: ColumnGuess, given: Mapping[str, str]) -> ColumnGuess:
    """Return the guess; leave YouTube's impressions of thumbnails unmapped."""
    if guess.ours != "impressions" or "impressions" in given:
        return guess
    why = "not impressions: they are of thumbnails, and there are views without them"
    return ColumnGuess(guess.column, guess.samples, None, why)


def _without_name(guess: ColumnGuess) -> ColumnGuess:
    """Return the guess; do not take a planner's column `Name` as the hook.

    Its values, such as `Reel 12`, are not spoken.
    """
    if guess.ours != "hook" or plain_name(guess.column) != "name":
        return guess
    why = "not hook: another column holds the words"
    return ColumnGuess(guess.column, guess.samples, None, why)


def _named_by_video(guess: ColumnGuess, given: Mapping[str, str]) -> ColumnGuess:
    """Take YouTube's column `Content` as the post's id if it holds ids."""
    is_id = guess.why.endswith(": its values are ids")
    if guess.ours or not is_id or "post_id" in given:
        return guess
    if plain_name(guess.column) not in (*_STUDIO_IDS, "contenuti"):
        return guess
    return ColumnGuess(guess.column, guess.samples, "post_id", "its values are ids")


def _renamed(guess: ColumnGuess, before: str, after: str) -> ColumnGuess:
    if guess.ours != before:
        return guess
    why = f"{guess.why}; no other column holds words"
    return ColumnGuess(guess.column, guess.samples, after, why)
