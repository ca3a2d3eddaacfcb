"""Reads a JSONL, CSV or Parquet file: one script a row, each checked for itself.

Columns have front matter's names, and `body` or `text` for the words; counts with
`source` and `as_of` are the row's performance. Other columns are left alone.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ig_assets.core.corpus.scripts.build import BROKEN, make_script, word
from ig_assets.core.corpus.scripts.decoding import decoded, refuse_secrets
from ig_assets.core.corpus.scripts.parquet import NotParquetError, parquet_rows
from ig_assets.core.corpus.scripts.script import (
    COUNTS,
    InvalidSourceError,
    ParsedScript,
    Reject,
)

TABLE_SUFFIXES = (".jsonl", ".csv", ".parquet")
BROKEN_ROW = "broken row"
BROKEN_TABLE = "broken table"
DELIMITERS = ",;\t"

_WORDS = ("hook", "text", "body")
_NAMES = frozenset(
    ("id", "topic", "hook_style", "author", "language", "cta", "call_to_action")
    + ("performance", "source", "as_of", *_WORDS, *COUNTS)
)


class TableReading(NamedTuple):
    """A table's scripts and rejects; `hides` says that a row's id cannot be told."""

    scripts: list[ParsedScript]
    rejects: list[Reject]
    hides: bool


class _Row(NamedTuple):
    """A row by its number from 1; fields are None where it is no row at all."""

    number: int
    fields: Mapping[str, object] | None
    problem: str = ""


def read_table(path: str, content: bytes) -> TableReading:
    """The scripts of a table file; raises Refused when it is no table at all."""
    rows = list(_rows(path, content))
    if rows and all(row.fields is None for row in rows):
        raise InvalidSourceError(BROKEN_TABLE, f"No row can be read. {rows[0].problem}")
    scripts: dict[str, ParsedScript] = {}
    rejects: list[Reject] = []
    for row in rows:
        try:
            script = _script(path, row)
            earlier = scripts.setdefault(script.script_id, script)
            if earlier.text != script.text:
                raise InvalidSourceError(
                    "duplicate id",
                    f"The id is taken by {earlier.source_uri} with other words; "
                    "give one of them another id.",
                )
        except InvalidSourceError as refused:
            reason, detail = refused.args
            reason = BROKEN_ROW if reason == BROKEN else reason
            uri = f"{path}#{row.number}"
            if reason != "duplicate id":
                uri = f"{path}#{_row_name(row)}"
            rejects.append(Reject(uri, reason, detail))
    hides = any(row.fields is None for row in rows)
    return TableReading(list(scripts.values()), rejects, hides)


def _rows(path: str, content: bytes) -> Iterator[_Row]:
    if path.lower().endswith(".parquet"):
        return _parquet(content)
    text = decoded(content)
    if not text.strip():
        raise InvalidSourceError("empty", "The file has no text.")
    return _csv(text) if path.lower().endswith(".csv") else _jsonl(text)


def _jsonl(text: str) -> Iterator[_Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            yield _Row(number, _named(value))
        else:
            yield _Row(number, None, "It is not one JSON object a line.")


def _csv(text: str) -> Iterator[_Row]:
    delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    # A quote that is never closed would swallow the rows after it: strict says so.
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(filter(None, lines), [])
        _check_columns(header)
        for number, cells in enumerate(filter(None, lines), 1):
            if len(cells) == len(header):
                yield _Row(number, _named(dict(zip(header, cells, strict=True))))
            else:
                problem = f"It has {len(cells)} values and the header {len(header)}."
                yield _Row(number, None, problem)
    except csv.Error:
        raise InvalidSourceError(
            BROKEN_TABLE,
            f"It is not CSV from line {lines.line_num}; are quotes closed?",
        ) from None


def _parquet(content: bytes) -> Iterator[_Row]:
    try:
        header, rows = parquet_rows(content)
    except NotParquetError:
        raise InvalidSourceError(
            BROKEN_TABLE, "It cannot be read as Parquet; is it complete?"
        ) from None
    _check_columns(header)
    for number, cells in enumerate(rows, 1):
        yield _Row(number, _named(dict(zip(header, cells, strict=True))))


def _check_columns(header: list[str]) -> None:
    ours = [name for name in map(_plain_name, header) if name in _NAMES]
    if not set(ours) & set(_WORDS):
        raise InvalidSourceError(
            BROKEN_TABLE, "It has no column named hook, text or body."
        )
    twice = sorted({name for name in ours if ours.count(name) > 1})
    if twice:
        raise InvalidSourceError(
            BROKEN_TABLE, f"Several columns are named {twice[0]}; rename all but one."
        )


def _plain_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def _named(values: Mapping[str, object]) -> dict[str, object]:
    """The values under our names, scalars as text."""
    named: dict[str, object] = {}
    for name, value in values.items():
        if (ours := _plain_name(name)) in _NAMES:
            named[ours] = _plain_value(value)
    return named


def _plain_value(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return value


def _script(path: str, row: _Row) -> ParsedScript:
    if row.fields is None:
        raise InvalidSourceError(BROKEN_ROW, row.problem)
    fields = {**row.fields, "performance": _performance(row.fields)}
    for value in fields.values():
        if isinstance(value, str):
            refuse_secrets(value)
    name = word(fields, "id")
    text = fields.get("text") or fields.get("body") or ""
    if not isinstance(text, str):
        raise InvalidSourceError(BROKEN_ROW, "`text` is not a plain text.")
    if not (text.strip() or fields.get("hook")):
        raise InvalidSourceError("empty", "The row has no words.")
    _refuse_odd(text)
    has_text = bool(fields.get("text"))
    stem = path.rsplit(".", 1)[0]
    return make_script(
        fields,
        text,
        f"{path}#{name or row.number}",
        f"{stem}#{row.number}",
        plain_hook=has_text,
    )


def _performance(fields: Mapping[str, object]) -> dict[str, object] | None:
    """The counts of a row: an object of their own, or columns beside the others."""
    block = fields.get("performance")
    if isinstance(block, Mapping):
        return {str(name): _plain_value(value) for name, value in block.items()}
    if not any(fields.get(name) for name in COUNTS):
        return None
    return {n: fields.get(n, "") for n in ("source", "as_of", *COUNTS)}


def _refuse_odd(text: str) -> None:
    if "\x00" in text:
        raise InvalidSourceError("binary", "The text has NUL characters.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidSourceError(
            "invalid UTF-8", "The text has half characters."
        ) from None


def _row_name(row: _Row) -> str:
    """The row's id where it has a usable one, else its number."""
    try:
        return word(row.fields or {}, "id") or str(row.number)
    except InvalidSourceError:
        return str(row.number)
