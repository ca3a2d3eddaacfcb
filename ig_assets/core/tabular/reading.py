"""Opens a file of any supported kind as a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ig_assets.core.tabular.columns.vocabulary import is_known_name
from ig_assets.core.tabular.files.decoding import (
    Content,
    encoding_name,
    encoding_of,
    opened,
)
from ig_assets.core.tabular.files.delimited import delimited_batches
from ig_assets.core.tabular.files.dialect import DELIMITER_NAMES, find_header
from ig_assets.core.tabular.files.headers import in_first_order
from ig_assets.core.tabular.files.json_rows import (
    is_whole,
    line_objects,
    object_batches,
    object_columns,
    whole_objects,
)
from ig_assets.core.tabular.files.parquet import parquet_batches, parquet_columns
from ig_assets.core.tabular.files.spreadsheet import read_sheet, sheet_batches
from ig_assets.core.tabular.left_out.hidden import without_hidden
from ig_assets.core.tabular.left_out.totals import without_totals
from ig_assets.core.tabular.left_out.unposted import without_deleted
from ig_assets.core.tabular.table import (
    Batch,
    Table,
    UnreadableTableError,
)

DELIMITED = (".csv", ".tsv", ".tab", ".txt")
JSON = (".jsonl", ".ndjson", ".json")
PARQUET = ".parquet"
SPREADSHEET = ".xlsx"
TABLE_SUFFIXES = (*DELIMITED, *JSON, PARQUET, SPREADSHEET)
"""The kinds of files that are read, each also as `.gz`."""

_SCRIPT = re.compile(rb"[\xef\xbb\xbf\s]*window\.[\w.$\[\]'\"]+\s*=\s*[\[{]")


def open_table(content: Content, name: str) -> Table:
    """Open a path or bytes as a table; the suffix of `name` suggests the kind.

    If the first bytes identify another kind (an Excel workbook, Parquet or JSON), this
    kind is used. Raises UnreadableTableError with a clause such as "it is empty", and
    OSError.
    """
    suffix = Path(name.lower().removesuffix(".gz")).suffix
    start = _start(content)
    if start.startswith(b"PAR1") or suffix == PARQUET:
        columns = parquet_columns(content)
        return _table(
            name, columns, "Parquet", lambda: parquet_batches(content, columns)
        )
    if start.startswith(b"PK\x03\x04") or suffix == SPREADSHEET:
        sheet = read_sheet(content, is_known_name)
        read_as = f"Excel, sheet {sheet.name!r}"
        if sheet.filled_down:
            cells = "1 merged cell" if sheet.filled_down == 1 else "merged cells"
            read_as += f", the value of {cells} given to each row"
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
    if _SCRIPT.match(start):
        raise UnreadableTableError(
            "it is a script of an archive (`window.… = [`), as X and Twitter give it; "
            "delete what stands before the first `[`, and save it as .json",
            "unknown kind",
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
    hidden: Counter[str] = Counter()
    return Table(
        name,
        columns,
        read_as,
        has_header,
        lambda: without_hidden(_rows(read(), columns), columns, hidden),
        hidden=hidden,
    )


def _rows(batches: Iterator[Batch], names: Sequence[str]) -> Iterator[Batch]:
    """Yield the batches without repeated headers, totals and deleted rows."""
    return without_deleted(without_totals(in_first_order(batches, names), names), names)
