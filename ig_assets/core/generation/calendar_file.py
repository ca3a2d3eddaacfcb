"""The files of a content calendar as rows: YAML by month, CSV as spreadsheets save it.

YAML has documents of `month` and `topics`. CSV has a header and one topic a row,
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

from ig_assets.core.corpus.file_text import decoded
from ig_assets.core.corpus.script import Refused
from ig_assets.core.corpus.table_file import DELIMITERS

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
YAML_SUFFIXES = (".yaml", ".yml")
CSV_SUFFIX = ".csv"


class CalendarRow(NamedTuple):
    """One topic as it was written; `month` is None where it cannot be told."""

    source: str
    month: str | None
    values: object


class CalendarProblem(NamedTuple):
    """A file, or a part of one, that cannot be read."""

    source: str
    detail: str


def calendar_rows(
    location: Path, columns: frozenset[str]
) -> Iterator[CalendarRow | CalendarProblem]:
    """The rows of a file, or of a folder's files in the order of their names.

    `columns` are those that a topic has; a CSV column of another name is left alone
    and told as a problem.
    """
    for path in _files(location):
        try:
            text = decoded(path.read_bytes())
            if path.suffix.lower() == CSV_SUFFIX:
                yield from _csv(path.name, text, columns)
            else:
                yield from _yaml(path.name, text)
        except Refused as refused:
            yield CalendarProblem(path.name, str(refused.args[1]))
        except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
            detail = str(error).split("\n", 1)[0]
            yield CalendarProblem(path.name, detail or type(error).__name__)


def _files(location: Path) -> list[Path]:
    if location.is_file():
        return [location]
    known = (*YAML_SUFFIXES, CSV_SUFFIX)
    return sorted(
        path
        for path in location.iterdir()
        if path.suffix.lower() in known and path.is_file()
    )


def _yaml(name: str, text: str) -> Iterator[CalendarRow | CalendarProblem]:
    documents = [document for document in yaml.safe_load_all(text) if document]
    parts = [part for d in documents for part in (d if isinstance(d, list) else [d])]
    if any(not isinstance(part, dict) or "month" not in part for part in parts):
        raise ValueError("each document needs `month` and `topics`")
    for part in parts:
        month, topics = str(part["month"]), part.get("topics") or []
        if not MONTH.fullmatch(month):
            yield CalendarProblem(name, "`month` must look like 2026-05")
        elif not isinstance(topics, list):
            yield CalendarProblem(name, "`topics` must be a list")
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
            detail = f"no topic has a column {', '.join(unknown)}; it is left alone"
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
            f"it is not CSV from line {lines.line_num}; are quotes closed?"
        ) from None


def _column(cell: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", cell.strip().lower()).strip("_")


def _month_of(values: Mapping[str, Any]) -> str | None:
    month = str(values.get("due_on", ""))[:7]
    return month if MONTH.fullmatch(month) else None
