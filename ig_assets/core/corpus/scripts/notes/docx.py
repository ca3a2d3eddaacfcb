"""Reads the visible words of a Word document (.docx), by paragraph and table.

The file is a ZIP of XML parts (ECMA-376). Deleted and moved text of tracked changes,
comments, hidden and struck text, footnotes, headers and footers, pictures and the codes
of fields are left out; inserted text counts. The parts are read here because
python-docx does not see inserted text.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ig_assets.core.corpus.scripts.note import (
    CUT,
    EMPHASIS,
    END_EMPHASIS,
    END_STRONG,
    STRONG,
    Block,
    Note,
    unmarked,
    without_cuts,
)
from ig_assets.core.corpus.scripts.notes.av_table import table_blocks
from ig_assets.core.corpus.scripts.script import InvalidSourceError
from ig_assets.core.corpus.scripts.spoken.spoken import spoken_blocks

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_PART_BYTES = 64 * 1024 * 1024  # of one XML part, unpacked
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_HEADING = re.compile(r"heading\s*([1-6])|(title)", re.I)
_GONE = {"del": "deleted text", "moveFrom": "deleted text"}
_PICTURES = ("drawing", "pict", "object")
_OFF = ("0", "false", "none")


def docx_note(content: bytes) -> Note:
    """Return the note of a document. Raises InvalidSourceError if it is not a .docx."""
    note = Note()
    with _opened(content) as parts:
        names = set(parts.namelist())
        if "word/document.xml" not in names:
            raise InvalidSourceError("broken document", "It is not a Word document.")
        document = _part(parts, "word/document.xml")
        styles = _styles(parts, names)
        if "word/comments.xml" in names:
            comments = _part(parts, "word/comments.xml")
            note.left_out["comment"] += len(comments.findall(f"{_W}comment"))
    body = document.find(f"{_W}body")
    if body is not None:
        note.blocks = spoken_blocks(
            list(_Reader(styles, note.left_out).blocks(body)), note.left_out
        )
    return note


def _opened(content: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, OSError):
        raise InvalidSourceError(
            "broken document", "It cannot be read as .docx; is it complete?"
        ) from None


def _part(parts: zipfile.ZipFile, name: str) -> Element:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        if parts.getinfo(name).file_size > MAX_PART_BYTES:
            raise InvalidSourceError("broken document", "It unpacks to over 64 MiB.")
        root: Element = fromstring(parts.read(name), forbid_dtd=True)
        return root
    except (
        ParseError,
        DefusedXmlException,
        zipfile.BadZipFile,
        RuntimeError,  # it is encrypted
        NotImplementedError,  # a compression that zipfile does not know
        EOFError,
        OSError,
        ValueError,
    ):
        raise InvalidSourceError(
            "broken document", "Its text cannot be read; save it again as .docx."
        ) from None


def _styles(parts: zipfile.ZipFile, names: set[str]) -> dict[str, int]:
    """Return {style id: heading level} of the paragraph styles that are headings.

    The style of titles has level 1.
    """
    if "word/styles.xml" not in names:
        return {}
    levels = {}
    for style in _part(parts, "word/styles.xml").iter(f"{_W}style"):
        name = style.find(f"{_W}name")
        named = _HEADING.fullmatch("" if name is None else _value(name))
        if named is not None:
            levels[style.get(f"{_W}styleId", "")] = int(named[1] or 1)
    return levels


class _Reader:
    """Reads a document's body as blocks, and counts unspoken pieces in `left_out`."""

    def __init__(self, levels: dict[str, int], left_out: Counter[str]) -> None:
        self._levels = levels
        self._left_out = left_out

    def blocks(self, parent: Element) -> Iterator[Block]:
        for element in parent:
            tag = element.tag.removeprefix(_W)
            if tag == "p":
                yield self._paragraph(element)
            elif tag == "tbl":
                yield from table_blocks(self._rows(element), self._left_out)
            elif tag in ("sdt", "sdtContent", "ins", "moveTo", "customXml"):
                yield from self.blocks(element)

    def _rows(self, table: Element) -> list[list[str]]:
        rows = []
        for row in table.iter(f"{_W}tr"):
            cells = [self._cell(cell) for cell in row.iter(f"{_W}tc")]
            if any(cells):
                rows.append(cells)
        return rows

    def _cell(self, cell: Element) -> str:
        texts = [without_cuts(self._text(p)) for p in cell.iter(f"{_W}p")]
        return "\n".join(filter(None, texts))

    def _paragraph(self, paragraph: Element) -> Block:
        text = self._text(paragraph)
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        level = 0 if style is None else self._levels.get(_value(style), 0)
        if not level:
            return Block(text)
        return Block(text, level)

    def _text(self, parent: Element) -> str:
        joined = "".join(self._runs(parent))
        joined = joined.replace(END_STRONG + STRONG, "")
        return joined.replace(END_EMPHASIS + EMPHASIS, "").strip()

    def _runs(self, parent: Element) -> Iterator[str]:
        for element in parent:
            tag = element.tag.removeprefix(_W)
            if tag == "r":
                yield self._run(element)
            elif tag in _GONE:
                self._left_out[_GONE[tag]] += 1
                yield CUT
            elif tag not in ("pPr", "sdtPr", "rPr"):
                yield from self._runs(element)

    def _run(self, run: Element) -> str:
        look = run.find(f"{_W}rPr")
        words = "".join(map(self._piece, run))
        if not words:
            return ""
        if _is_on(look, "vanish"):
            self._left_out["hidden text"] += 1
            return CUT
        if _is_on(look, "strike") or _is_on(look, "dstrike"):
            self._left_out["struck out"] += 1
            return CUT
        if _is_on(look, "b") and words.strip():
            return f"{STRONG}{words}{END_STRONG}"
        if _is_on(look, "i") and words.strip():
            return f"{EMPHASIS}{words}{END_EMPHASIS}"
        return words

    def _piece(self, element: Element) -> str:
        tag = element.tag.removeprefix(_W)
        if tag == "t":
            return unmarked(element.text or "")
        if tag in ("br", "cr"):
            return "\n"
        if tag == "tab":
            return " "
        if tag == "noBreakHyphen":
            return "-"
        if tag in _PICTURES or tag == f"{_COMPATIBILITY}AlternateContent":
            self._left_out["image"] += 1
            return CUT
        if tag in ("footnoteReference", "endnoteReference"):
            self._left_out["footnote"] += 1
        return ""


def _is_on(look: Element | None, name: str) -> bool:
    found = None if look is None else look.find(f"{_W}{name}")
    return found is not None and found.get(f"{_W}val", "1") not in _OFF


def _value(element: Element) -> str:
    return element.get(f"{_W}val", "")
