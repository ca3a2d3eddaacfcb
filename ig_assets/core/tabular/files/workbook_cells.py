"""Restores values of a workbook that calamine drops: errors and merged cells.

calamine returns a cell with an error as an empty one, and only the first of merged
cells has the value.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree

from ig_assets.core.tabular.files.decoding import Content

_REFERENCES = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id",
    "{http://purl.oclc.org/ooxml/officeDocument/relationships}id",
)
_ERROR = re.compile(rb'<(?:\w+:)?c\s([^>]*\bt="e"[^>]*)>(.*?)</(?:\w+:)?c>', re.DOTALL)
_PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_VALUE = re.compile(rb"<(?:\w+:)?v>([^<]*)<")

Merged = tuple[tuple[int, int], tuple[int, int]]
"""The first and the last cell of a range: (row, column), both from 0."""


def put_errors(rows: Sequence[list[Any]], content: Content, sheet: str) -> None:
    """Set the errors of a sheet (`#REF!`) in the cells that calamine left empty."""
    try:
        xml = _sheet_xml(content, sheet)
    except (KeyError, ValueError, OSError, zipfile.BadZipFile, ElementTree.ParseError):
        return  # not as Excel writes it; its values are read all the same
    for found in _ERROR.finditer(xml):
        place, value = _PLACE.search(found[1]), _VALUE.search(found[2])
        if place is None or value is None:
            continue
        row, column = int(place[2]) - 1, _number(place[1].decode())
        if row < len(rows) and column < len(rows[row]) and not rows[row][column]:
            rows[row][column] = html.unescape(value[1].decode("utf-8", "replace"))


def fill_merged(
    rows: Sequence[list[Any]],
    merged: Sequence[Merged],
    header: int,
    is_count: Callable[[str], bool],
) -> int:
    """Copy the value of each merged cell to all its rows; return the number of cells.

    A count that spans several rows is not copied, since it belongs to none of them.
    """
    cells = 0
    for (first, column), (last, _) in merged:
        name = str(rows[header][column] or "") if column < len(rows[header]) else ""
        if first <= header or not name or is_count(name):
            continue
        for row in rows[first + 1 : last + 1]:
            if column < len(row) and row[column] in ("", None):
                row[column] = rows[first][column]
                cells += 1
    return cells


def _sheet_xml(content: Content, name: str) -> bytes:
    source = io.BytesIO(content) if isinstance(content, bytes) else content
    with zipfile.ZipFile(source) as parts:
        book = _parsed(parts.read("xl/workbook.xml"))
        links = _parsed(parts.read("xl/_rels/workbook.xml.rels"))
        targets = {link.get("Id"): link.get("Target", "") for link in links}
        for sheet in book.iter():
            if sheet.tag.endswith("}sheet") and sheet.get("name") == name:
                ids = [sheet.get(reference) for reference in _REFERENCES]
                target = next(targets[found] for found in ids if found in targets)
                path = target.removeprefix("/")
                xml = parts.read(path if path.startswith("xl/") else f"xl/{path}")
                return xml if b't="e"' in xml else b""
    raise KeyError(name)


def _parsed(xml: bytes) -> ElementTree.Element:
    if b"<!DOCTYPE" in xml:
        raise ValueError("a workbook has no document type")
    return ElementTree.fromstring(xml)


def _number(letters: str) -> int:
    """Return the number of a column from 0: A is 0, AA is 26."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number - 1
