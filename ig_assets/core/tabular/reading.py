"""Opens a file as a table, whatever kind of file it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ig_assets.core.tabular.decoding import (
    Content,
    encoding_name,
    encoding_of,
    opened,
)
from ig_assets.core.tabular.delimited import delimited_batches
from ig_assets.core.tabular.dialect import DELIMITER_NAMES, find_header, is_typed
from ig_assets.core.tabular.json_rows import (
    is_whole,
    line_objects,
    object_batches,
    object_columns,
    whole_objects,
)
from ig_assets.core.tabular.missing import is_missing
from ig_assets.core.tabular.parquet import parquet_batches, parquet_columns
from ig_assets.core.tabular.row_shape import refuse_other_header
from ig_assets.core.tabular.spreadsheet import read_sheet, sheet_batches
from ig_assets.core.tabular.table import (
    TOTALS,
    Batch,
    Cell,
    Table,
    UnreadableTableError,
)
from ig_assets.core.tabular.vocabulary import is_known_name

DELIMITED = (".csv", ".tsv", ".tab", ".txt")
JSON = (".jsonl", ".ndjson", ".json")
PARQUET = ".parquet"
SPREADSHEET = ".xlsx"
TABLE_SUFFIXES = (*DELIMITED, *JSON, PARQUET, SPREADSHEET)
"""The kinds of files that are read, each also as `.gz`."""

_TOTALS = frozenset(
    ("total", "totals", "total general", "grand total", "sum", "gesamt", "summe")
    + ("gesamtsumme", "gesamtergebnis", "insgesamt", "total g\u00e9n\u00e9ral", "somme")
    + ("ensemble", "total geral", "totale", "totali", "totale complessivo", "somma")
    + ("totales", "suma", "suma total", "total general", "totais", "soma")
    + ("average", "averages", "avg", "mean", "median", "durchschnitt", "mittelwert")
    + ("moyenne", "m\u00e9diane", "mediana", "promedio", "m\u00e9dia", "media")
)
_OF_WHAT = re.compile(r"\s*\(.*\)$|\s+(?:per|of|pro|par|por|je|di)\s.*$")
"""What a total or an average is of: `Total (3 posts)`, `Average per post`."""


_STARTS = frozenset(" -#NnTtGgSsIiEeAaMmDdPp\\\u2013\u2014")
"""The first signs of words for totals, and of marks for no value."""


def open_table(content: Content, name: str) -> Table:
    """Open a file's path or bytes; `name` is the file's, whose suffix says its kind.

    What a file holds counts more than its suffix: an Excel workbook, Parquet and JSON
    are known by their first bytes. Raises UnreadableTableError with a clause such as
    "it is empty", and OSError.
    """
    suffix = Path(name.lower().removesuffix(".gz")).suffix
    start = _start(content)
    if start.startswith(b"PAR1") or suffix == PARQUET:
        columns = parquet_columns(content)
        return _table(name, columns, "Parquet", lambda: parquet_batches(content))
    if start.startswith(b"PK\x03\x04") or suffix == SPREADSHEET:
        sheet = read_sheet(content, is_known_name)
        read_as = f"Excel, sheet {sheet.name!r}"
        table = _table(name, sheet.columns, read_as, lambda: sheet_batches(sheet), True)
        others = replace(table, unread_sheets=sheet.others)
        said = f"{read_as}. {others.not_read}".removesuffix(".")
        return replace(others, read_as=said) if sheet.others else table
    _refuse_others(start, suffix)
    if suffix in JSON or start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b'{"'):
        objects = whole_objects if is_whole(content) else line_objects
        columns = object_columns(objects(content))
        read_as = "JSON" if objects is whole_objects else "JSON Lines"
        return _table(
            name, columns, read_as, lambda: object_batches(objects(content), columns)
        )
    header = find_header(content, is_known_name)
    encoding = encoding_name(encoding_of(start))
    delimiter = DELIMITER_NAMES.get(header.delimiter, repr(header.delimiter))
    return _table(
        name,
        header.names,
        f"CSV with {delimiter}, {encoding}",
        lambda: delimited_batches(content, header),
        True,
    )


def _start(content: Content) -> bytes:
    with opened(content) as raw:
        return raw.read(512)


def _refuse_others(start: bytes, suffix: str) -> None:
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableTableError(
            "it is an old Excel file; save it as .xlsx or as CSV UTF-8", "unknown kind"
        )
    if start.lstrip()[:9].lower().startswith((b"<!doctype", b"<html", b"<table")):
        raise UnreadableTableError(
            "it is a web page; export it as CSV or Excel", "unknown kind"
        )
    if suffix not in TABLE_SUFFIXES:
        raise UnreadableTableError(
            "it is none of the kinds that are read: "
            ".csv, .tsv, .jsonl, .json, .parquet, .xlsx (also .gz)",
            "unknown kind",
        )


def _table(
    name: str,
    columns: Sequence[str],
    read_as: str,
    read: Callable[[], Iterator[Batch]],
    has_header: bool = False,
) -> Table:
    columns = tuple(columns)
    return Table(name, columns, read_as, has_header, lambda: _rows(read(), columns))


def _rows(batches: Iterator[Batch], names: Sequence[str]) -> Iterator[Batch]:
    """The batches without rows of totals; a second header with other columns raises."""
    known = frozenset(name.strip() for name in names) - {""}
    for batch in _without_totals(batches):
        for line, row in zip(batch.lines, batch.rows, strict=True):
            if row and type(row[0]) is str and row[0].strip() in known:
                refuse_other_header(row, names, known, line)
        yield batch


def _without_totals(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The batches without rows of totals, which are counted as skipped."""
    for batch in batches:
        firsts = [row[0] for row in batch.rows if row]
        starts = {cell[:1] for cell in firsts if isinstance(cell, str)}
        if all(firsts) and starts.isdisjoint(_STARTS):
            yield batch
            continue
        totals = {
            n
            for n, row in enumerate(batch.rows)
            if (not row[0] or (type(row[0]) is str and row[0][0] in _STARTS))
            and _is_totals(row)
        }
        if totals:
            kept = [n for n in range(len(batch.rows)) if n not in totals]
            batch.skipped[TOTALS] += len(totals)
            batch.lines = [batch.lines[n] for n in kept]
            batch.rows = [batch.rows[n] for n in kept]
        yield batch


def _is_totals(row: Sequence[Cell]) -> bool:
    """Whether the first value is a word for totals, and only numbers follow."""
    filled = [cell for cell in row if not is_missing(cell)]
    return (
        len(filled) > 1
        and isinstance(filled[0], str)
        and _OF_WHAT.sub("", filled[0].strip().rstrip(":").casefold()) in _TOTALS
        and all(not isinstance(cell, str) or is_typed(cell) for cell in filled[1:])
    )
