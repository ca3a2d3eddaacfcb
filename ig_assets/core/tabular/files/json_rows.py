"""Reads JSON objects: one per line, or all of them in one array or object."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ig_assets.core.tabular.files.decoding import Content, blocks
from ig_assets.core.tabular.files.json_shapes import (
    Pairs,
    flat,
    is_by_column,
    refuse_columns,
    row_of,
    rows_within,
)
from ig_assets.core.tabular.table import (
    BLANK,
    Batch,
    Cell,
    RowProblem,
    UnreadableTableError,
)

NOT_AN_OBJECT = "Its line is not one JSON object."
MAX_CHARACTERS = 512 * 1024 * 1024

_BATCH = 10_000


class _TwiceError(ValueError):
    """Raised if an object has the same name twice."""


def is_whole(content: Content) -> bool:
    """Return whether a file is one JSON value, instead of one value per line.

    A file is one value if it begins with an array, or with an object that spans several
    lines or wraps the rows. The file's suffix does not matter. Raises
    UnreadableTableError if a file that may be one value is longer than MAX_CHARACTERS,
    or if several lists in it may be the rows.
    """
    lines = (line for lines in blocks(content) for line in lines if line.strip())
    first, second = next(lines, "").strip(), next(lines, "").strip()
    if first.startswith("["):
        return not _is_list_of_values(first)
    found = _loaded(first)
    if not first.startswith("{") or (found is not None and second):
        return False
    if not second:
        return isinstance(found, dict) and (
            rows_within(found) is not None or is_by_column(found)
        )
    if _loaded(_text(content)) is not None:
        return True
    return first[-1] in "{[," and not isinstance(_loaded(second), dict)


def _is_list_of_values(text: str) -> bool:
    """Return whether a line is a complete list without objects.

    A list without objects is a broken row, not a table.
    """
    found = _loaded(text)
    return isinstance(found, list) and not any(isinstance(v, dict) for v in found)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _text(content: Content) -> str:
    text = "\n".join(line for lines in blocks(content) for line in lines)
    if len(text) > MAX_CHARACTERS:
        raise UnreadableTableError(
            "it is one JSON value of more than 512 MiB; save it as JSON Lines"
        )
    return text


def line_objects(content: Content) -> Iterator[tuple[int, dict[str, Any] | str | None]]:
    """Yield (line number, object) of each line of JSON Lines.

    The object is replaced by a sentence if the line is not an object or an object in it
    has one name twice, and by None if the line is blank.
    """
    number = 0
    for lines in blocks(content):
        for line in lines:
            number += 1
            yield number, _object(line) if line.strip() else None


def whole_objects(
    content: Content,
) -> Iterator[tuple[int, dict[str, Any] | str | None]]:
    """Yield (number, object) of each row in one JSON value, numbered from 1.

    The object is replaced by a sentence if the row is not an object or an object in it
    has one name twice. Raises UnreadableTableError if the content is longer than
    MAX_CHARACTERS or is not valid JSON, if the value has columns instead of rows, and
    if several lists in it may be the rows.
    """
    try:
        value = json.loads(_text(content), object_pairs_hook=Pairs)
    except json.JSONDecodeError as error:
        raise UnreadableTableError(
            f"it is JSON that breaks on line {error.lineno}; is it complete?",
            line=error.lineno,
        ) from None
    except (ValueError, RecursionError):
        raise UnreadableTableError("it is JSON that cannot be read") from None
    values = value
    if isinstance(value, Pairs):
        refuse_columns(value)
        rows = rows_within(value)
        values = [value] if rows is None else rows
    for number, row in enumerate(values, 1):
        if isinstance(row, Pairs):
            try:
                yield number, row_of(_plain(row))
            except _TwiceError as error:
                yield number, str(error)
        else:
            yield number, "It is not a JSON object."


def _object(line: str) -> dict[str, Any] | str:
    try:
        value = json.loads(line, object_pairs_hook=Pairs)
        if isinstance(value, Pairs):
            return row_of(_plain(value))
    except _TwiceError as error:
        return str(error)
    except (ValueError, RecursionError):
        pass
    return NOT_AN_OBJECT


def _plain(value: Any) -> Any:
    if isinstance(value, Pairs):
        found = {name: _plain(inner) for name, inner in value}
        if len(found) < len(value):
            raise _TwiceError("Its object has one name twice.")
        return found
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def object_columns(
    objects: Iterator[tuple[int, dict[str, Any] | str | None]],
) -> tuple[str, ...]:
    """Return the distinct names in all objects, in order of first appearance."""
    names: dict[str, None] = {}
    for _, row in objects:
        if isinstance(row, dict):
            names |= dict.fromkeys(flat(row))
    return tuple(names)


def object_batches(
    objects: Iterator[tuple[int, dict[str, Any] | str | None]],
    columns: Sequence[str],
) -> Iterator[Batch]:
    """Yield the objects as rows of these columns; a missing name gives None."""
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
