"""Reads the files of a content calendar: YAML by month, or tables.

YAML has documents of `month` and `topics`. A table (CSV, TSV, JSON Lines, Parquet,
Excel) has a header and one row per topic; the topic's month is that of its `due_on`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ig_assets.core.corpus.scripts.decoding import decoded
from ig_assets.core.corpus.scripts.script import InvalidSourceError
from ig_assets.core.tabular import (
    NAMES,
    Cell,
    Field,
    Formats,
    Kind,
    NestedCellError,
    NotAnInstantError,
    decide_formats,
    guess_columns,
    open_table,
    parse_cell_instant,
    profile_table,
    text_of,
    visible,
)
from ig_assets.core.tabular.damage import DamagedTextError, refuse_damage

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
YAML_SUFFIXES = (".yaml", ".yml")
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx")
SPREADSHEETS = (".xls", ".ods", ".numbers")
"""Suffixes of files that may be calendars but cannot be read; they are reported."""


# A topic's fields, with the names that planners and spreadsheets give to columns.
FIELDS: dict[str, Field] = {
    "topic": Field(
        Kind.LABEL, (*NAMES["topic"], *NAMES["task"], "card_name", *NAMES["title"])
    ),
    "due_on": Field(
        Kind.DATE, (*NAMES["due_on"], *NAMES["day"], *NAMES["published_at"])
    ),
    "brief": Field(
        Kind.LABEL,
        (*NAMES["brief"], *NAMES["description"], "card_description", "task_content"),
    ),
    "audience": Field(Kind.LABEL, NAMES["audience"]),
    "language": Field(Kind.LABEL, NAMES["language"]),
    "brand_voice": Field(Kind.LABEL, ("voice", "tone", "markenstimme", "tonalitat")),
}


class CalendarRow(NamedTuple):
    """One topic as it is in the file, not yet validated.

    `values` maps columns to values, or is another object if the file has no mapping
    there; `month` is None if `due_on` has none. `note` says how a value was
    interpreted.
    """

    source: str
    month: str | None
    values: object
    note: str = ""


class CalendarProblem(NamedTuple):
    """A file, or a part of one, that cannot be read.

    `unreadable` is true if it is unknown which topics the file holds, `is_row` if the
    problem concerns one row of a table.
    """

    source: str
    detail: str
    unreadable: bool = False
    is_row: bool = False


class CalendarNote(NamedTuple):
    """A note for a person on a file that was read, or on one of its topics."""

    source: str
    detail: str


class _PlainDates(yaml.SafeLoader):
    """A YAML loader that leaves dates as text.

    An impossible date then makes one row invalid, not the whole file.
    """

    yaml_implicit_resolvers = {
        first: [(tag, known) for tag, known in found if not tag.endswith(":timestamp")]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def calendar_rows(
    location: Path,
) -> Iterator[CalendarRow | CalendarProblem | CalendarNote]:
    """Yield the rows of a file, or of a folder's files in the order of their names.

    Columns that are not fields of a topic are ignored, since planning tools add their
    own. Problems are yielded as CalendarProblem, not raised.
    """
    for path in _files(location):
        if path.suffix.lower() not in (*YAML_SUFFIXES, *TABLE_SUFFIXES):
            yield CalendarProblem(
                path.name, "a calendar is YAML or CSV or Excel; save it as one of them"
            )
            continue
        try:
            if path.suffix.lower() in TABLE_SUFFIXES:
                yield from _table(path)
            else:
                yield from _yaml(path.name, decoded(path.read_bytes()))
        except InvalidSourceError as refused:
            yield CalendarProblem(path.name, str(refused.args[1]), unreadable=True)
        except yaml.YAMLError as error:
            yield CalendarProblem(path.name, _yaml_problem(error), unreadable=True)
        except (OSError, ValueError, RecursionError) as error:
            detail = str(error).split("\n", 1)[0]
            detail = detail or type(error).__name__
            yield CalendarProblem(path.name, detail, unreadable=True)


def _files(location: Path) -> list[Path]:
    if location.is_file():
        return [location]
    known = (*YAML_SUFFIXES, *TABLE_SUFFIXES, *SPREADSHEETS)
    return sorted(
        path
        for path in location.iterdir()
        if path.suffix.lower() in known and path.is_file()
    )


def _yaml_problem(error: yaml.YAMLError) -> str:
    """Return a sentence on where a file is not valid YAML."""
    mark = getattr(error, "problem_mark", None)
    where = "" if mark is None else f" in line {mark.line + 1}"
    return f"it is not YAML{where}; are quotes and brackets closed?"


def _yaml(name: str, text: str) -> Iterator[CalendarRow | CalendarProblem]:
    documents = [document for document in yaml.load_all(text, _PlainDates) if document]
    parts = [part for d in documents for part in (d if isinstance(d, list) else [d])]
    if any(not isinstance(part, dict) or "month" not in part for part in parts):
        raise ValueError("each document needs `month` and `topics`")
    for part in parts:
        month, topics = str(part["month"]), part.get("topics") or []
        if not MONTH.fullmatch(month):
            detail = "`month` must look like 2026-05"
            yield CalendarProblem(name, detail, unreadable=True)
        elif not isinstance(topics, list):
            detail = "`topics` must be a list"
            yield CalendarProblem(name, detail, unreadable=True)
        else:
            for number, values in enumerate(topics, start=1):
                yield CalendarRow(f"{name}#{number}", month, values)


def _table(path: Path) -> Iterator[CalendarRow | CalendarProblem | CalendarNote]:
    """Yield the rows of a table, numbered from 1 without blank rows."""
    table = open_table(path, path.name)
    guesses = guess_columns(profile_table(table), FIELDS)
    at = {guess.ours: n for n, guess in enumerate(guesses) if guess.ours}
    if not {"topic", "due_on"} <= set(at):
        raise ValueError(
            "a calendar needs the columns topic and due_on; it has "
            + ", ".join(filter(None, table.columns))
        )
    if table.not_read:
        yield CalendarNote(path.name, table.not_read)
    formats = decide_formats(table, {}, {"due_on": at["due_on"]}, ask=False)
    number = 0
    for batch in table.batches():
        for line, cells in batch.in_order():
            number += 1
            source = f"{path.name}#{number}"
            try:
                if isinstance(cells, str):
                    raise ValueError(f"{cells[:1].lower()}{cells[1:].rstrip('.')}")
                values, note = _values(cells, at, formats)
            except ValueError as error:
                yield CalendarProblem(source, f"{error} (line {line})", is_row=True)
            else:
                yield CalendarRow(source, _month_of(values), values, note)


def _values(
    cells: Sequence[Cell], at: Mapping[str, int], formats: Formats
) -> tuple[dict[str, str], str]:
    """Return the filled fields of a row as text, and a note. Raises ValueError."""
    values: dict[str, str] = {}
    note = ""
    for name, n in at.items():
        if name == "due_on":
            try:
                found = parse_cell_instant(cells[n], formats.orders[name])
            except NotAnInstantError as error:
                raise ValueError(f"due_on: {text_of(cells[n])!r} {error}") from None
            if found is None:
                raise ValueError("due_on: it is missing; write it as 2026-01-31")
            values[name] = found.local.date().isoformat()
            if found.until and found.until.date() > found.local.date():
                note = f"due_on is a range, taken for its first day {values[name]}"
            continue
        try:
            text = text_of(cells[n])
            refuse_damage(text)
        except DamagedTextError as error:
            sentence = str(error)
            raise ValueError(
                f"{name}: {sentence[:1].lower()}{sentence[1:].rstrip('.')}"
            ) from None
        except NestedCellError as error:
            raise ValueError(f"{name}: {error}") from None
        if text := visible(text):
            values[name] = text
    return values, note


def padded_date(text: str) -> str:
    """Return a date with two-digit month and day: `2026-2-3` as `2026-02-03`.

    Any other text is returned unchanged.
    """
    found = _DATE.fullmatch(text.strip())
    return "{}-{:0>2}-{:0>2}".format(*found.groups()) if found else text


def _month_of(values: Mapping[str, Any]) -> str | None:
    month = padded_date(str(values.get("due_on", "")))[:7]
    return month if MONTH.fullmatch(month) else None
