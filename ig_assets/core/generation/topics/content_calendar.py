"""Reads the topics of a month from the content calendar, validated row by row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from ig_assets.core.corpus.scripts.labels import language_of
from ig_assets.core.corpus.scripts.screening.secret_scan import secret_kind
from ig_assets.core.generation.topics.calendar_file import (
    CalendarNote,
    CalendarProblem,
    CalendarRow,
    calendar_rows,
    padded_date,
)
from ig_assets.errors import InputError


def _one_line(text: object) -> object:
    return " ".join(text.split()) if isinstance(text, str) else text


def _without_secrets(text: str) -> str:
    """Return the text; raise ValueError if it seems to contain a secret.

    Topics are sent to a vendor and stored in tables that many people read.
    """
    kind = secret_kind(text)
    if kind is not None:
        raise ValueError(f"seems to contain {kind}; take it out")
    return text


def _language(value: object) -> object:
    """Return the language code without region: en for `EN-us` and for `English`.

    Raises ValueError if the value is no tag or name of a language.
    """
    tag = language_of(value) if isinstance(value, str) else None
    if not tag:
        raise ValueError(f"{value!r} is not a language such as en, de or pt")
    return tag.partition("-")[0]


def _padded(day: object) -> object:
    """Return a typed date in ISO form: 2026-2-3 becomes 2026-02-03."""
    return padded_date(day) if isinstance(day, str) else day


Safe = AfterValidator(_without_secrets)
Title = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    BeforeValidator(_one_line),
    Safe,
]
Note = Annotated[str, StringConstraints(max_length=300), Safe]
Brief = Annotated[str, StringConstraints(max_length=2000), Safe]


class CalendarTopic(BaseModel):
    """One valid row of the calendar."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    topic: Title
    brief: Brief = ""
    audience: Note = ""
    language: Annotated[str, BeforeValidator(_language)] = "en"
    brand_voice: Note = ""
    due_on: Annotated[date, BeforeValidator(_padded)]


@dataclass(frozen=True)
class TopicReject:
    """A row that cannot be used, with the reason in words for a person."""

    source_uri: str
    reason: str
    detail: str


@dataclass(frozen=True)
class CalendarReading:
    """The calendar's topics of one month with their sources, and its rejected rows.

    `unreadable` are the names of files whose topics are unknown. `notes` say which
    parts of a file are not read, and how a topic's value was interpreted.
    """

    topics: tuple[tuple[CalendarTopic, str], ...]
    rejects: tuple[TopicReject, ...]
    unreadable: frozenset[str] = frozenset()
    notes: tuple[CalendarNote, ...] = ()

    @property
    def state(self) -> str:
        """A hash of the valid topics in their order."""
        rows = "\n".join(topic.model_dump_json() for topic, _ in self.topics)
        return hashlib.sha256(rows.encode()).hexdigest()


def read_calendar(location: Path, month: str) -> CalendarReading:
    """Read the topics of `month` (YYYY-MM) from a YAML file, a table, or a folder.

    Raises InputError if the location does not exist. A broken file or row becomes a
    reject, and the others are read. A row without a month is a reject of every month.
    """
    if not location.exists():
        raise InputError(
            f"The content calendar {location.name!r} of IG_CALENDAR does not exist; "
            "create it or point IG_CALENDAR at a YAML or CSV file or a folder of them."
        )
    topics: list[tuple[CalendarTopic, str]] = []
    rejects: list[TopicReject] = []
    seen: set[str] = set()
    unreadable: set[str] = set()
    notes: list[CalendarNote] = []
    for row in calendar_rows(location):
        if isinstance(row, CalendarProblem):
            what = "row" if row.is_row else "calendar"
            rejects.append(
                TopicReject(row.source, f"not a readable {what}", row.detail)
            )
            if row.unreadable:
                unreadable.add(row.source)
            continue
        if isinstance(row, CalendarNote):
            notes.append(row)
            continue
        if row.month not in (month, None):
            continue
        try:
            topic = CalendarTopic.model_validate(row.values)
        except ValidationError as error:
            rejects.append(
                TopicReject(row.source, "not a valid topic", problems_of(error))
            )
            continue
        if topic.due_on.strftime("%Y-%m") != month:
            detail = f"due_on {topic.due_on} is not in {month}"
            rejects.append(TopicReject(row.source, "due in another month", detail))
            continue
        if topic.topic.casefold() in seen:
            detail = f"{topic.topic!r} appears twice in {month}"
            rejects.append(TopicReject(row.source, "duplicate topic", detail))
            continue
        seen.add(topic.topic.casefold())
        topics.append((topic, row.source))
        if row.note:
            notes.append(CalendarNote(row.source, row.note))
    return CalendarReading(
        tuple(topics), tuple(rejects), frozenset(unreadable), tuple(notes)
    )


def calendar_months(location: Path) -> dict[str, int]:
    """Return {month: number of the calendar's rows}."""
    months: dict[str, int] = {}
    for row in calendar_rows(location):
        if isinstance(row, CalendarRow) and row.month is not None:
            months[row.month] = months.get(row.month, 0) + 1
    return months


def problems_of(error: ValidationError) -> str:
    """Return the problems of a row, column by column, as a sentence for a person."""
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'row'}: {_problem_of(e)}"
        for e in error.errors()
    )


def _problem_of(error: ErrorDetails) -> str:
    kind, limit = error["type"], error.get("ctx", {}).get("max_length")
    if kind.startswith("date"):
        return f"{error['input']!r} is not a date; write it as 2026-01-31"
    sentences = {
        "missing": "it is missing; fill it in",
        "string_too_short": "it is empty; fill it in",
        "string_too_long": f"it must have at most {limit} characters; shorten it",
        "string_type": "it is not a text; write it in quotes",
        "extra_forbidden": "a topic has no field of this name; take it out",
        "model_type": "it has no named values, such as topic and due_on",
    }
    return sentences.get(kind, error["msg"].removeprefix("Value error, "))
