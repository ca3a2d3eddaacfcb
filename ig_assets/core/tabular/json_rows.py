"""Reads JSON objects: one per line, or all of them in one array."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ig_assets.core.tabular.decoding import Content, blocks
from ig_assets.core.tabular.table import (
    BLANK,
    Batch,
    Cell,
    Nested,
    RowProblem,
    UnreadableTableError,
)

NOT_AN_OBJECT = "Its line is not one JSON object."
UNWRAPPED = ("_airbyte_data",)
"""Columns whose object is the row itself; Airbyte puts its records into one."""

MAX_ARRAY_CHARACTERS = 512 * 1024 * 1024

_BATCH = 10_000


class _TwiceError(ValueError):
    """An object has one name twice."""


def is_array(content: Content) -> bool:
    """Whether a file is one JSON array, whatever its name says."""
    for lines in blocks(content):
        for line in lines:
            if line.strip():
                text = line.lstrip()
                return text.startswith("[") and not _is_json(text)
    return False


def _is_json(text: str) -> bool:
    """Whether a line is a complete list that is no array of rows: a broken row."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return not (isinstance(found, list) and any(isinstance(v, dict) for v in found))


def line_objects(content: Content) -> Iterator[tuple[int, dict[str, Any] | str | None]]:
    """Line and object of each line: a sentence where it is none, None where blank."""
    number = 0
    for lines in blocks(content):
        for line in lines:
            number += 1
            yield number, _object(line) if line.strip() else None


def array_objects(
    content: Content,
) -> Iterator[tuple[int, dict[str, Any] | str | None]]:
    """Number and object of each element. Raises UnreadableTableError."""
    text = "\n".join(line for lines in blocks(content) for line in lines)
    if len(text) > MAX_ARRAY_CHARACTERS:
        raise UnreadableTableError(
            "it is one JSON array of more than 512 MiB; save it as JSON Lines"
        )
    try:
        values = json.loads(text, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        raise UnreadableTableError(
            f"it is a JSON array that breaks on line {error.lineno}; is it complete?",
            line=error.lineno,
        ) from None
    except (ValueError, RecursionError):
        raise UnreadableTableError("it is a JSON array that cannot be read") from None
    for number, value in enumerate(values, 1):
        if isinstance(value, _Pairs):
            try:
                yield number, _unwrapped(_plain(value))
            except _TwiceError as error:
                yield number, str(error)
        else:
            yield number, "It is not a JSON object."


class _Pairs(list[tuple[str, Any]]):
    """An object of an array, whose names are checked row by row."""


def _object(line: str) -> dict[str, Any] | str:
    try:
        value = json.loads(line, object_pairs_hook=_Pairs)
        if isinstance(value, _Pairs):
            return _unwrapped(_plain(value))
    except _TwiceError as error:
        return str(error)
    except (ValueError, RecursionError):
        pass
    return NOT_AN_OBJECT


def _plain(value: Any) -> Any:
    if isinstance(value, _Pairs):
        found = {name: _plain(inner) for name, inner in value}
        if len(found) < len(value):
            raise _TwiceError("Its object has one name twice.")
        return found
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def _unwrapped(row: dict[str, Any]) -> dict[str, Any]:
    for name in UNWRAPPED:
        inner = row.get(name)
        if isinstance(inner, str):
            try:
                inner = json.loads(inner)
            except (ValueError, RecursionError):
                continue
        if isinstance(inner, dict):
            return inner
    return row


def flat(row: dict[str, Any], prefix: str = "") -> dict[str, Cell]:
    """The cells of an object; an object within gives names such as `owner.username`.

    The whole inner object is kept under its own name too, as `Nested`.
    """
    cells: dict[str, Cell] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            cells[f"{prefix}{name}"] = Nested(value)
            if prefix.count(".") < 4:
                cells |= flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            cells[f"{prefix}{name}"] = Nested(value)
        else:
            cells[f"{prefix}{name}"] = value
    return cells


def object_columns(
    objects: Iterator[tuple[int, dict[str, Any] | str | None]],
) -> tuple[str, ...]:
    """All names of all objects, in the order in which they come."""
    names: dict[str, None] = {}
    for _, row in objects:
        if isinstance(row, dict):
            names |= dict.fromkeys(flat(row))
    return tuple(names)


def object_batches(
    objects: Iterator[tuple[int, dict[str, Any] | str | None]],
    columns: Sequence[str],
) -> Iterator[Batch]:
    """The objects as rows of these columns; a name that one lacks is None there."""
    numbers: list[int] = []
    rows: list[Sequence[Cell]] = []
    problems: list[RowProblem] = []
    skipped: Counter[str] = Counter()
    for number, row in objects:
        if row is None:
            skipped[BLANK] += 1
        elif isinstance(row, str):
            problems.append(RowProblem(number, row))
        else:
            cells = flat(row)
            numbers.append(number)
            rows.append([cells.get(name) for name in columns])
        if len(rows) + len(problems) >= _BATCH:
            yield Batch(numbers, rows, problems, skipped)
            numbers, rows, problems, skipped = [], [], [], Counter()
    yield Batch(numbers, rows, problems, skipped)
