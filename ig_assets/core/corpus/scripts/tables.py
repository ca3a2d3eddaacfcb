"""Parses a table file of any kind: one script per row, each row checked by itself.

Columns have the names of front matter fields; `body` or `text` has the words. Columns
of counts, with `source` and `as_of`, are the row's performance. Other columns are
ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timezone
from typing import NamedTuple

from ig_assets.core.corpus.scripts.build import BROKEN, SHEET, make_script
from ig_assets.core.corpus.scripts.decoding import refuse_secrets
from ig_assets.core.corpus.scripts.fields import word
from ig_assets.core.corpus.scripts.performance import words_format
from ig_assets.core.corpus.scripts.script import (
    COUNTS,
    InvalidSourceError,
    LeftOut,
    ParsedScript,
    Reject,
)
from ig_assets.core.corpus.scripts.sections.section_words import (
    BODY,
    CALL_TO_ACTION,
    HOOK,
    SPOKEN,
    section_of,
)
from ig_assets.core.tabular import (
    Cell,
    Formats,
    Nested,
    NotACountError,
    NotAnInstantError,
    NumberFormat,
    Order,
    Table,
    UnreadableTableError,
    decide_formats,
    open_table,
    parse_cell_instant,
    parse_count,
    plain_name,
    sheet_error,
    text_of,
    visible,
    with_times,
)
from ig_assets.core.tabular.damage import DamagedTextError, refuse_damage

TABLE_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".xlsx")
BROKEN_ROW = "broken row"
BROKEN_TABLE = "broken table"

_WORDS = ("hook", "text", "body")
_NAMES = frozenset(
    ("id", "topic", "hook_style", "author", "language", "cta", "call_to_action")
    + ("performance", "source", "as_of", *_WORDS, *COUNTS)
)


class ParsedTable(NamedTuple):
    """A table's scripts and rejects; `unreadable` is true if some row cannot be read.

    `left_out` are parts of the file outside its rows.
    """

    scripts: list[ParsedScript]
    rejects: list[Reject]
    unreadable: bool
    left_out: tuple[LeftOut, ...] = ()


class _Row(NamedTuple):
    """A row with its number from 1; `fields` is None if it cannot be read at all."""

    number: int
    fields: Mapping[str, object] | None
    problem: str = ""
    words: NumberFormat | None = None
    """Number format of the counts that the column `performance` holds as text."""


def parse_table(path: str, content: bytes) -> ParsedTable:
    """Return the scripts of a table file; of several rows with one id the first counts.

    Raises InvalidSourceError if the file as a whole is not a table.
    """
    try:
        table = with_times(open_table(content, path))
        rows = list(_rows(table))
    except UnreadableTableError as error:
        raise _unreadable(error) from None
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
    sheets = LeftOut(SHEET, len(table.unread_sheets), table.not_read)
    left_out: tuple[LeftOut, ...] = (sheets,) if table.unread_sheets else ()
    if hidden := sum(table.hidden.values()):
        left_out += (LeftOut("hidden count", hidden, "Their account hides them."),)
    return ParsedTable(list(scripts.values()), rejects, unreadable, left_out)


def _rows(table: Table) -> Iterator[_Row]:
    """Yield the rows in the file's order.

    A row's number counts from the header if there is one; otherwise it is its line.
    """
    names = _our_names(table.columns)
    if table.has_header:
        _check_columns(names)
    elif not names and not any(batch.problems for batch in table.batches()):
        raise InvalidSourceError("empty", "The file has no text.")
    counts = {name: names.index(name) for name in COUNTS if name in names}
    dates = {name: names.index(name) for name in ("as_of",) if name in names}
    formats = decide_formats(table, counts, dates, ask=False)
    words = _format_of_words(table, names)
    number = 0
    for batch in table.batches():
        for line, cells in batch.in_order():
            number = number + 1 if table.has_header else line
            if isinstance(cells, str):
                yield _Row(number, None, f"{cells} (line {line})")
            else:
                yield _Row(number, _fields(names, cells, formats), words=words)


def _unreadable(error: UnreadableTableError) -> InvalidSourceError:
    reasons = {"encoding": "invalid UTF-8", "binary": "binary", "empty": "empty"}
    sentence = str(error)
    return InvalidSourceError(
        reasons.get(error.kind, BROKEN_TABLE), f"{sentence[:1].upper()}{sentence[1:]}."
    )


def _our_names(columns: Sequence[str]) -> list[str]:
    """Return the plain names of the columns, with our names for spoken words.

    `Script` or `Voiceover` becomes `body` and `Aufhänger` becomes `hook`, unless the
    table already has a column of our name.
    """
    names = [plain_name(column) for column in columns]
    if not set(names) & set(_WORDS):
        return names  # a table of something else
    parts = {HOOK: "hook", BODY: "body", SPOKEN: "body", CALL_TO_ACTION: "cta"}
    for place, column in enumerate(columns):
        ours = parts.get(section_of(str(column)) or "")
        taken = {"cta", "call_to_action"} if ours == "cta" else {ours, "text"}
        if ours and names[place] not in _NAMES and not taken & set(names):
            names[place] = ours
    return names


def _check_columns(names: Sequence[str]) -> None:
    known = [name for name in names if name in _NAMES]
    if names and not set(known) & set(_WORDS):
        raise InvalidSourceError(
            BROKEN_TABLE, "It has no column named hook, text or body."
        )
    repeated = sorted({name for name in known if known.count(name) > 1})
    if repeated:
        raise InvalidSourceError(
            BROKEN_TABLE,
            f"Several columns are named {repeated[0]}; rename all but one.",
        )


def _fields(
    names: Sequence[str], cells: Sequence[Cell], formats: Formats
) -> dict[str, object]:
    """Return {our name: value} of the columns that have our names, scalars as text."""
    fields: dict[str, object] = {}
    for name, cell in zip(names, cells, strict=True):
        if name not in _NAMES or (cell is None and fields.get(name)):
            continue
        if isinstance(cell, Nested):
            fields[name] = cell.value
        elif name in formats.numbers:
            fields[name] = _count_text(cell, formats.numbers[name])
        elif name in formats.orders:
            fields[name] = _date_text(cell, formats.orders[name])
        elif isinstance(cell, bool):
            fields[name] = "true" if cell else "false"
        else:
            fields[name] = text_of(cell)
    return fields


def _count_text(cell: Cell, form: NumberFormat) -> str:
    """Return a count in plain digits; other values stay, and are rejected later."""
    try:
        count = parse_count(cell, form)
    except NotACountError:
        return text_of(cell)
    return sheet_error(cell) if count is None else str(int(count))


def _date_text(cell: Cell, order: Order | None) -> str:
    """Return a time in ISO 8601; other values stay, and are rejected later."""
    try:
        found = parse_cell_instant(cell, order)
    except NotAnInstantError:
        return text_of(cell)
    return "" if found is None else found.utc(timezone.utc).isoformat()


def _script(path: str, row: _Row) -> ParsedScript:
    if row.fields is None:
        raise InvalidSourceError(BROKEN_ROW, row.problem)
    fields = {**row.fields, "performance": _performance(row.fields)}
    for value in fields.values():
        if isinstance(value, str):
            refuse_secrets(value)
            try:
                refuse_damage(value)
            except DamagedTextError as error:
                raise InvalidSourceError(error.reason, str(error)) from None
    name = word(fields, "id")
    text = fields.get("text") or fields.get("body") or ""
    if not isinstance(text, str):
        raise InvalidSourceError(BROKEN_ROW, "`text` is not a plain text.")
    if not (visible(text) or visible(str(fields.get("hook") or ""))):
        raise InvalidSourceError("empty", "The row has no words.")
    has_text = bool(fields.get("text"))
    stem = path.rsplit(".", 1)[0]
    return make_script(
        fields,
        text,
        f"{path}#{name or row.number}",
        f"{stem}#{row.number}",
        plain_hook=has_text,
        numbers=row.words,
    )


def _format_of_words(table: Table, names: Sequence[str]) -> NumberFormat | None:
    """Return the number format of the texts in a column `performance`.

    Returns None if there is no such column.
    """
    if "performance" not in names:
        return None
    at = names.index("performance")
    cells = (row[at] for batch in table.batches() for row in batch.rows)
    return words_format(cell for cell in cells if isinstance(cell, str))


def _performance(fields: Mapping[str, object]) -> object:
    """Return the performance of a row, in the form that the row has.

    This is a nested object, a text, or {name: value} of the columns of counts.
    """
    block = fields.get("performance")
    if isinstance(block, Mapping):
        return {
            str(name): (
                json.dumps(value)
                if isinstance(value, (bool, int, float))
                else "" if value is None else value
            )
            for name, value in block.items()
        }
    if not any(fields.get(name) for name in COUNTS):
        return block
    return {n: fields.get(n, "") for n in ("source", "as_of", *COUNTS)}


def _row_name(row: _Row) -> str:
    """Return the row's id if it has a usable one, else its number."""
    try:
        return word(row.fields or {}, "id") or str(row.number)
    except InvalidSourceError:
        return str(row.number)
