"""Parses a JSONL, CSV or Parquet file: one script per row, each row checked alone.

Columns have the names of front matter fields, and `body` or `text` for the words;
counts with `source` and `as_of` are the row's performance. Other columns are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ig_assets.core.corpus.scripts.build import BROKEN, make_script, word
from ig_assets.core.corpus.scripts.decoding import decoded, refuse_secrets
from ig_assets.core.corpus.scripts.script import (
    COUNTS,
    InvalidSourceError,
    ParsedScript,
    Reject,
)
from ig_assets.core.tabular.strict_csv import (
    BrokenCsvError,
    NotParquetError,
    csv_rows,
    parquet_rows,
    plain_name,
)

TABLE_SUFFIXES = (".jsonl", ".csv", ".parquet")
BROKEN_ROW = "broken row"
BROKEN_TABLE = "broken table"

_WORDS = ("hook", "text", "body")
_NAMES = frozenset(
    ("id", "topic", "hook_style", "author", "language", "cta", "call_to_action")
    + ("performance", "source", "as_of", *_WORDS, *COUNTS)
)


class ParsedTable(NamedTuple):
    """A table's scripts and rejects; `unreadable` where a row's id cannot be read."""

    scripts: list[ParsedScript]
    rejects: list[Reject]
    unreadable: bool


class _Row(NamedTuple):
    """A row by its number from 1; `fields` is None where it cannot be read at all."""

    number: int
    fields: Mapping[str, object] | None
    problem: str = ""


def parse_table(path: str, content: bytes) -> ParsedTable:
    """The scripts of a table file; of several rows with one id the first is taken.

    Raises InvalidSourceError where the file as such is no table.
    """
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
        except InvalidSourceError as error:
            is_duplicate = error.reason == "duplicate id"
            name = str(row.number) if is_duplicate else _row_name(row)
            reason = BROKEN_ROW if error.reason == BROKEN else error.reason
            rejects.append(Reject(f"{path}#{name}", reason, error.detail))
    unreadable = any(row.fields is None for row in rows)
    return ParsedTable(list(scripts.values()), rejects, unreadable)


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
            yield _Row(number, _known_fields(value))
        else:
            yield _Row(number, None, "Its line is not one JSON object.")


def _csv(text: str) -> Iterator[_Row]:
    rows = csv_rows(text)
    try:
        header = next(rows, [])
        _check_columns(header)
        for number, cells in enumerate(rows, 1):
            if len(cells) == len(header):
                fields = dict(zip(header, cells, strict=True))
                yield _Row(number, _known_fields(fields))
            else:
                problem = f"It has {len(cells)} values and the header {len(header)}."
                yield _Row(number, None, problem)
    except BrokenCsvError as error:
        raise InvalidSourceError(
            BROKEN_TABLE, f"It is not CSV from line {error.line}; are quotes closed?"
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
        yield _Row(number, _known_fields(dict(zip(header, cells, strict=True))))


def _check_columns(header: list[str]) -> None:
    known = [name for name in map(plain_name, header) if name in _NAMES]
    if not set(known) & set(_WORDS):
        raise InvalidSourceError(
            BROKEN_TABLE, "It has no column named hook, text or body."
        )
    repeated = sorted({name for name in known if known.count(name) > 1})
    if repeated:
        raise InvalidSourceError(
            BROKEN_TABLE,
            f"Several columns are named {repeated[0]}; rename all but one.",
        )


def _known_fields(values: Mapping[str, object]) -> dict[str, object]:
    """The values of the columns that we know, by our names, scalars as text."""
    return {
        known: _scalar_text(value)
        for name, value in values.items()
        if (known := plain_name(name)) in _NAMES
    }


def _scalar_text(value: object) -> object:
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
    _check_characters(text)
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
    """The counts of a row: one nested object, or columns beside the others."""
    block = fields.get("performance")
    if isinstance(block, Mapping):
        return {str(name): _scalar_text(value) for name, value in block.items()}
    if not any(fields.get(name) for name in COUNTS):
        return None
    return {n: fields.get(n, "") for n in ("source", "as_of", *COUNTS)}


def _check_characters(text: str) -> None:
    if "\x00" in text:
        raise InvalidSourceError("binary", "The text has NUL characters.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidSourceError(
            "invalid UTF-8", "The text has surrogates, which no UTF-8 text has."
        ) from None


def _row_name(row: _Row) -> str:
    """The row's id where it has a usable one, else its number."""
    try:
        return word(row.fields or {}, "id") or str(row.number)
    except InvalidSourceError:
        return str(row.number)
