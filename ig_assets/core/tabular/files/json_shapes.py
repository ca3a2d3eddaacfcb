"""Finds rows and cells in vendors' nested JSON; nested values never become text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ig_assets.core.tabular.columns.vocabulary import is_known_name
from ig_assets.core.tabular.table import Cell, Nested, UnreadableTableError

RECORD = "_airbyte_data"
"""Name of the object that contains Airbyte's record, beside the extraction time."""

MEDIA, OF_MEDIA = "media", ("title", "creation_timestamp")
"""Where Instagram's download has a post's words and time: in its first media."""

LIFETIME = "lifetime"
"""Name of the period of a metric that is a total."""

_DEEPEST = 4


class Pairs(list[tuple[str, Any]]):
    """An object as its (name, value) pairs, since a name may occur twice."""


def rows_within(value: object, depth: int = 0) -> list[Any] | None:
    """Return the rows in a wrapper such as `{"data": […], "paging": …}`, or None.

    None means that the object is itself a row: it has at least as many known column
    names as the objects in it. Raises UnreadableTableError if several lists may be the
    rows.
    """
    found = _members(value)
    if found is None or depth > _DEEPEST or RECORD in found:
        return None
    if _is_by_row(found):
        return list(found.values())
    lists = {n: v for n, v in found.items() if type(v) is list and _of_objects(v)}
    rows = {name: [_inner(row) for row in rows] for name, rows in lists.items()}
    for name, inner in found.items():
        within = rows_within(inner, depth + 1)
        if within is not None:
            rows[name] = within
    own = _known_names(found)
    fuller = {n: v for n, v in rows.items() if v and _known_names(v[0]) > own}
    if not own and not fuller:
        fuller = rows
    if len(fuller) > 1:
        raise UnreadableTableError(
            f"it holds several lists ({', '.join(fuller)}); save the one of the posts "
            "as a file of its own"
        )
    if fuller:
        return next(iter(fuller.values()))
    is_empty = any(type(v) is list and not v for v in found.values())
    return [] if is_empty and not own else None


def _is_by_row(found: Mapping[str, Any]) -> bool:
    """Return whether all members are rows with the same names.

    An example is `{"0": {…}, "1": {…}}`.
    """
    rows = [_members(row) for row in found.values()]
    names = {tuple(row) if row else None for row in rows}
    return (
        len(rows) > 1
        and len(names) == 1
        and _known_names(rows[0]) >= 2
        and not any(map(is_known_name, found))
    )


def is_by_column(value: object) -> bool:
    """Return whether an object has columns instead of rows, as pandas and YouTube do.

    Examples are `{"views": {"0": 9, "1": 8}}` (the default of pandas), `{"columns":
    […], "data": [[…]]}`, and YouTube's `{"columnHeaders": […], "rows": [[…]]}`.
    """
    found = _members(value) or {}
    lists = [inner for inner in found.values() if type(inner) is list and inner]
    widths = {len(rows[0]) for rows in lists if type(rows[0]) is list}
    if any(type(names[0]) is not list and len(names) in widths for names in lists):
        return True
    columns = [_members(column) for column in found.values()]
    keys = {tuple(column) if column else None for column in columns}
    first = next(iter(keys), None)
    return (
        len(found) > 1
        and len(keys) == 1
        and first is not None
        and not any(map(is_known_name, first))
        and sum(map(is_known_name, found)) >= 2
    )


def refuse_columns(value: object) -> None:
    """Raise UnreadableTableError if an object has columns instead of rows."""
    if is_by_column(value):
        raise UnreadableTableError(
            "it has one entry per column, or its columns apart from its rows; write "
            "one object per row (in pandas to_json(…, orient='records')), or CSV"
        )


def row_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with the fields of its nested objects.

    These are Airbyte's record, the first media and the insights.
    """
    record = row.get(RECORD)
    if isinstance(record, str):
        try:
            record = json.loads(record)
        except (ValueError, RecursionError):
            record = None
    if isinstance(record, dict):
        outer = {n: v for n, v in row.items() if n != RECORD}
        row = {**outer, **record}
    media = row.get(MEDIA)
    if type(media) is list and media and isinstance(media[0], dict):
        first = {name: media[0].get(name) for name in OF_MEDIA if media[0].get(name)}
        row = {**row, **{n: v for n, v in first.items() if not row.get(n)}}
    metrics = _metrics(row.get("insights"))
    return {**row, **{n: v for n, v in metrics.items() if n not in row}}


def flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Cell]:
    """Return {name: cell} of an object.

    Cells of nested objects get names like `owner.username`; a list with one object
    counts as that object. The nested value is also kept under its own name, as
    `Nested`.
    """
    cells: dict[str, Cell] = {}
    for name, value in row.items():
        key = f"{prefix}{name}"
        if not isinstance(value, (dict, list)):
            cells[key] = value
            continue
        cells[key] = Nested(value)
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(inner, dict) and prefix.count(".") < _DEEPEST:
            cells |= flat(inner, f"{key}.")
    return cells


def _members(value: object) -> dict[str, Any] | None:
    if isinstance(value, Pairs):
        return dict(value)
    return value if isinstance(value, dict) else None


def _known_names(value: object) -> int:
    members = _members(value) or {}
    return sum(
        not isinstance(v, (dict, list)) and is_known_name(name)
        for name, v in members.items()
    )


def _of_objects(values: list[Any]) -> bool:
    return bool(values) and all(_members(value) is not None for value in values)


def _inner(row: Any) -> Any:
    """Return the object inside a graph edge `{"node": {…}}`.

    Any other value is returned unchanged.
    """
    members = _members(row)
    if members is not None and {*members} <= {"node", "cursor"} and "node" in members:
        return members["node"]
    return row


def _metrics(insights: object) -> dict[str, Any]:
    """Return {name: value} of Meta's list of insights.

    The list is `{"data": [{"name": "reach", "values": [{"value": 9}]}, …]}`. A period
    other than the lifetime becomes part of the name.
    """
    data = insights.get("data") if isinstance(insights, dict) else insights
    found = {}
    for metric in data if isinstance(data, list) else ():
        if not isinstance(metric, dict) or not isinstance(metric.get("name"), str):
            continue
        name, period = metric["name"], metric.get("period") or LIFETIME
        # A day's count is no total: it is a column that is taken for nothing.
        name = name if period == LIFETIME else f"{name} per {period}"
        values = metric.get("values") or [metric.get("total_value")]
        last = values[-1] if isinstance(values, list) and values else None
        if isinstance(last, dict) and not isinstance(last.get("value"), (dict, list)):
            found[name] = last.get("value")
    return found
