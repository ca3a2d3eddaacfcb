"""Reading the content calendar: the topics of a month, validated row by row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from ig_assets.errors import InputError

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class CalendarTopic(BaseModel):
    """One row of the calendar."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    topic: Text
    brief: str = ""
    audience: str = ""
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")] = "en"
    brand_voice: str = ""
    due_on: date


@dataclass(frozen=True)
class TopicReject:
    """A row that cannot be used, and why, in words for a person."""

    source_uri: str
    reason: str
    detail: str


@dataclass(frozen=True)
class CalendarReading:
    """What the calendar holds for one month."""

    topics: tuple[tuple[CalendarTopic, str], ...]
    rejects: tuple[TopicReject, ...]


def read_calendar(location: Path, month: str) -> CalendarReading:
    """Read the topics of `month` (YYYY-MM) from a YAML file or a folder of them.

    Raises InputError when the location does not exist. A broken file or row is a
    reject; the rest goes on.
    """
    if not location.exists():
        raise InputError(
            f"The content calendar {location.name!r} of IG_CALENDAR does not exist; "
            "create it or point IG_CALENDAR at a YAML file or a folder of them."
        )
    topics: list[tuple[CalendarTopic, str]] = []
    rejects: list[TopicReject] = []
    seen: set[str] = set()
    for source, row in _rows(location, month, rejects):
        try:
            topic = CalendarTopic.model_validate(row)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'row'}: {e['msg']}"
                for e in error.errors()
            )
            rejects.append(TopicReject(source, "not a valid topic", problems))
            continue
        if topic.due_on.strftime("%Y-%m") != month:
            detail = f"due_on {topic.due_on} is not in {month}"
            rejects.append(TopicReject(source, "due in another month", detail))
            continue
        if topic.topic.casefold() in seen:
            detail = f"{topic.topic!r} appears twice in {month}"
            rejects.append(TopicReject(source, "duplicate topic", detail))
            continue
        seen.add(topic.topic.casefold())
        topics.append((topic, source))
    return CalendarReading(tuple(topics), tuple(rejects))


def calendar_months(location: Path) -> dict[str, int]:
    """Months that the calendar has rows for, with how many."""
    months: dict[str, int] = {}
    for path in _files(location):
        try:
            document = _load(path)
        except (yaml.YAMLError, UnicodeDecodeError, ValueError):
            continue
        for part in document:
            month, topics = str(part["month"]), part.get("topics")
            if _MONTH.fullmatch(month) and isinstance(topics, list):
                months[month] = months.get(month, 0) + len(topics)
    return months


def _rows(
    location: Path, month: str, rejects: list[TopicReject]
) -> Iterator[tuple[str, Any]]:
    for path in _files(location):
        try:
            document = _load(path)
        except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
            detail = str(error).split("\n", 1)[0]
            rejects.append(TopicReject(path.name, "not a readable calendar", detail))
            continue
        for part in document:
            if not _MONTH.fullmatch(str(part["month"])):
                detail = "`month` must look like 2026-05"
                rejects.append(
                    TopicReject(path.name, "not a readable calendar", detail)
                )
            if str(part["month"]) != month:
                continue
            topics = part.get("topics") or []
            if not isinstance(topics, list):
                detail = "`topics` must be a list"
                rejects.append(
                    TopicReject(path.name, "not a readable calendar", detail)
                )
                continue
            for number, row in enumerate(topics, start=1):
                yield f"{path.name}#{number}", row


def _files(location: Path) -> list[Path]:
    if location.is_file():
        return [location]
    return sorted(p for p in location.glob("*.y*ml") if p.is_file())


def _load(path: Path) -> list[dict[str, Any]]:
    documents = [d for d in yaml.safe_load_all(path.read_text("utf-8-sig")) if d]
    parts = [part for d in documents for part in (d if isinstance(d, list) else [d])]
    if any(not isinstance(part, dict) or "month" not in part for part in parts):
        raise ValueError("each document needs `month` and `topics`")
    return parts
