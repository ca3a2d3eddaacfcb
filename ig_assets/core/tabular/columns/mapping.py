"""Guesses which column of a file is which of ours, by its name and its values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ig_assets.core.tabular.columns.profile import ColumnProfile
from ig_assets.core.tabular.columns.vocabulary import bare_name, plain_name


class Kind(Enum):
    """The kind of values in a field."""

    WORDS = "words"
    COUNT = "counts"
    DATE = "dates"
    ID = "ids"
    LABEL = "labels"
    FLAG = "yes or no"


@dataclass(frozen=True)
class Field:
    """One of our columns: the kind of its values, and exporters' names for it."""

    kind: Kind
    names: tuple[str, ...]


@dataclass(frozen=True)
class ColumnGuess:
    """Our column that a file's column is taken for, and why; `ours` may be None."""

    column: str
    samples: tuple[str, ...]
    ours: str | None
    why: str


class RepeatedColumnError(ValueError):
    """Raised if several columns of the file have the name of one of our columns."""

    def __init__(self, column: str) -> None:
        super().__init__(f"several columns are named {column!r}; rename all but one")


def named_columns(columns: Iterable[str]) -> str:
    """Return a list of a file's column names for a person; count nameless ones."""
    names = list(columns)
    filled = [name for name in names if name.strip()]
    if nameless := len(names) - len(filled):
        filled.append(f"{nameless} without a name")
    return ", ".join(filled) or "none"


def guess_columns(
    profiles: Sequence[ColumnProfile],
    fields: Mapping[str, Field],
    given: Mapping[str, str] | None = None,
) -> list[ColumnGuess]:
    """Return, for each column of a file, which of our columns it is.

    `given` ({our column: the file's}) overrides the guess; "" leaves our column
    unmapped. Raises RepeatedColumnError.
    """
    given = given or {}
    taken: dict[int, tuple[str, str]] = {}
    refused: dict[int, str] = {}
    by_name: dict[str, list[int]] = {}
    by_bare_name: dict[str, list[int]] = {}
    for n, profile in enumerate(profiles):
        plain = plain_name(profile.name)
        by_name.setdefault(plain, []).append(n)
        by_bare_name.setdefault(bare_name(plain), []).append(n)
    for ours, theirs in given.items():
        same = [n for n, profile in enumerate(profiles) if profile.name == theirs]
        if len(same) > 1:
            raise RepeatedColumnError(theirs)
        if same:
            taken[same[0]] = (ours, "given by --map")
    for known in (by_name, by_bare_name):
        for ours, field in fields.items():
            if ours in given or ours in {found for found, _ in taken.values()}:
                continue
            for name in dict.fromkeys((ours, *field.names)):
                same = [n for n in known.get(name, ()) if n not in taken]
                fitting = []
                for n in same:
                    is_ours = name == ours and known is by_name
                    if problem := _misfit(profiles[n], field.kind, is_ours):
                        refused.setdefault(n, f"not {ours}: {problem}")
                    else:
                        fitting.append(n)
                if len(fitting) > 1 and known is by_name:
                    raise RepeatedColumnError(profiles[fitting[0]].name)
                if len(fitting) == 1:
                    taken[fitting[0]] = (ours, _why(profiles[fitting[0]], field.kind))
                    break
    return [
        ColumnGuess(
            profile.name,
            profile.samples,
            taken[n][0] if n in taken else None,
            taken[n][1] if n in taken else refused.get(n, "its name is not known"),
        )
        for n, profile in enumerate(profiles)
    ]


def _misfit(profile: ColumnProfile, kind: Kind, is_ours: bool) -> str | None:
    """Return why the values cannot be of this kind; None if they can, or are missing.

    A column with the name of our column (`is_ours`) is accepted; its cells are checked
    one by one later.
    """
    if not profile.filled:
        return None
    if profile.nested:
        return "it holds objects"
    if is_ours:
        return None
    check: Callable[[ColumnProfile], str | None] = {
        Kind.WORDS: _not_words,
        Kind.COUNT: _not_counts,
        Kind.DATE: _not_dates,
        Kind.ID: _not_ids,
    }.get(kind, lambda _: None)
    return check(profile)


def _not_words(profile: ColumnProfile) -> str | None:
    for count, what in (
        (profile.ids, "ids"),
        (profile.links, "links"),
        (profile.numbers, "numbers"),
        (profile.boilerplate, "texts that a downloader wrote"),
    ):
        if profile.mostly(count):
            return f"its values are {what}"
    return None


def _not_counts(profile: ColumnProfile) -> str | None:
    return None if profile.mostly(profile.counts, 0.5) else "its values are no counts"


def _not_dates(profile: ColumnProfile) -> str | None:
    return None if profile.mostly(profile.dates, 0.5) else "its values are no dates"


def _not_ids(profile: ColumnProfile) -> str | None:
    return "its values are sentences" if profile.mostly(profile.words, 0.5) else None


def _why(profile: ColumnProfile, kind: Kind) -> str:
    return (
        f"its name, and its values are {kind.value}" if profile.filled else "its name"
    )
