"""Reads the files of a content calendar: YAML by month, or CSV from a spreadsheet.

YAML has documents of `month` and `topics`. CSV has a header and one row per topic,
whose month is that of its `due_on`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ig_assets.core.corpus.scripts.decoding import decoded
from ig_assets.core.corpus.scripts.script import InvalidSourceError
from ig_assets.core.tabular.strict_csv import DELIMITERS

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
YAML_SUFFIXES = (".yaml", ".yml")
CSV_SUFFIX = ".csv"
SPREADSHEETS = (".tsv", ".xls", ".xlsx", ".ods", ".numbers")
"""Suffixes of files that may be calendars but are not read; they are reported."""


class CalendarRow(NamedTuple):
    """One topic as it is in the file; `month` is None where `due_on` has none."""

    source: str
    month: str | None
    values: object


class CalendarProblem(NamedTuple):
    """A file, or a part of one, that cannot be read.

    `unreadable` means that it is unknown which topics the file holds.
    """

    source: str
    detail: str
    unreadable: bool = False


class _PlainDates(yaml.SafeLoader):
    """Leaves dates as text, so that an impossible date spoils one row, not the file."""

    yaml_implicit_resolvers = {
        first: [(tag, known) for tag, known in found if not tag.endswith(":timestamp")]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def calendar_rows(
    location: Path, columns: frozenset[str]
) -> Iterator[CalendarRow | CalendarProblem]:
    """The rows of a file, or of a folder's files in the order of their names.

    `columns` are the fields of a topic; a CSV column of another name is ignored and
    reported as a problem.
    """
    for path in _files(location):
        if path.suffix.lower() not in (*YAML_SUFFIXES, CSV_SUFFIX):
            yield CalendarProblem(
                path.name, "a calendar is YAML or CSV; save it as one of them"
            )
            continue
        try:
            text = decoded(path.read_bytes())
            if path.suffix.lower() == CSV_SUFFIX:
                yield from _csv(path.name, text, columns)
            else:
                yield from _yaml(path.name, text)
        except InvalidSourceError as refused:
            yield CalendarProblem(path.name, str(refused.args[1]), unreadable=True)
        except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
            detail = str(error).split("\n", 1)[0]
            detail = detail or type(error).__name__
            yield CalendarProblem(path.name, detail, unreadable=True)


def _files(location: Path) -> list[Path]:
    if location.is_file():
        return [location]
    known = (*YAML_SUFFIXES, CSV_SUFFIX, *SPREADSHEETS)
    return sorted(
        path
        for path in location.iterdir()
        if path.suffix.lower() in known and path.is_file()
    )


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


def _csv(
    name: str, text: str, columns: frozenset[str]
) -> Iterator[CalendarRow | CalendarProblem]:
    delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [_column(cell) for cell in next(filter(None, lines), [])]
        if not {"topic", "due_on"} <= set(header):
            raise ValueError("a CSV calendar needs the columns topic and due_on")
        unknown = [f"`{name}`" for name in header if name and name not in columns]
        if unknown:
            detail = f"a topic has no column {', '.join(unknown)}; it is ignored"
            yield CalendarProblem(name, detail)
        for number, cells in enumerate(filter(any, lines), start=1):
            source = f"{name}#{number}"
            if len(cells) != len(header):
                detail = f"it has {len(cells)} values and the header {len(header)}"
                yield CalendarProblem(source, detail)
                continue
            values = {
                column: cell.strip()
                for column, cell in zip(header, cells, strict=True)
                if column in columns and cell.strip()
            }
            yield CalendarRow(source, _month_of(values), values)
    except csv.Error:
        raise ValueError(
            f"line {lines.line_num} is not CSV; are all quotes closed?"
        ) from None


def _column(cell: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", cell.strip().lower()).strip("_")


def padded_date(text: str) -> str:
    """`2026-2-3` as `2026-02-03`; any other text unchanged."""
    found = _DATE.fullmatch(text.strip())
    return "{}-{:0>2}-{:0>2}".format(*found.groups()) if found else text


def _month_of(values: Mapping[str, Any]) -> str | None:
    month = padded_date(str(values.get("due_on", "")))[:7]
    return month if MONTH.fullmatch(month) else None
