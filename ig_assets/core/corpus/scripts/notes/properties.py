"""Takes the properties out of a note's text: they describe it and are not spoken.

Notion writes properties as lines `Name: value` below the title. Obsidian's Dataview,
Logseq and Roam write `name:: value` on a line or in a bullet.
"""

from __future__ import annotations

import re

from ig_assets.core.corpus.scripts.note import CUT, Note, plain
from ig_assets.core.corpus.scripts.notes.labels import is_property, our_name
from ig_assets.core.corpus.scripts.sections.section_words import (
    BODY,
    CALL_TO_ACTION,
    HOOK,
    section_of,
)

_PARTS = (HOOK, BODY, CALL_TO_ACTION)
_NOTION_FILE = re.compile(r"[ _-][0-9a-f]{32}\.[^./]+$")
_LINE = re.compile(
    r"(?P<name>[^\W\d_][^:\n]{0,40}?)[ \t]*:(?!:)(?:[ \t]+(?P<value>\S.*))?"
)
_FIELD = re.compile(
    r"^(?P<start>[ \t]*(?:[-*+][ \t]+)?)(?P<name>[A-Za-z\u00c0-\u024f][\w /-]{0,40})::"
    r"(?:[ \t]+(?P<value>[^\n]*)|[ \t]*$)",
    re.M,
)


def take_inline_fields(text: str, note: Note) -> str:
    """Remove the fields `name:: value` from the text, and add them to `note`.

    Returns the other text. A field that names a part of the script is no property; it
    becomes a line `name: value`.
    """
    if "::" not in text:
        return text

    def replaced(found: re.Match[str]) -> str:
        name, value = plain(found["name"]), (found["value"] or "").strip()
        if section_of(name) in _PARTS:
            return f"{found['start']}{name}: {value}"
        _take(note, name, plain(value))
        return found["start"] + CUT

    return _FIELD.sub(replaced, text)


def take_property_lines(note: Note, path: str) -> None:
    """Move property lines at the head of a note from its blocks to its fields.

    Such lines are `Name: value`, above or directly below the title. Lines that name a
    part of the script stay. If the file's name is not one of Notion's, this is done
    only if enough of the lines have a usual name of a property.
    """
    blocks = note.blocks
    is_notion = _NOTION_FILE.search(path) is not None
    place = 1 if blocks and blocks[0].level else 0
    if len(blocks) <= place or blocks[place].level:
        return
    lines = plain(blocks[place].text).split("\n")
    found = [_LINE.fullmatch(line) for line in lines]
    names = [line["name"] for line in found if line is not None]
    usual = sum(map(is_property, names))
    all_named = len(names) == len(lines)
    if found[0] is None or not (
        is_notion
        or usual >= 2
        or (usual >= 1 and all_named and usual * 2 >= len(names))
    ):
        return
    kept: list[str] = []
    in_section = False
    for line, match in zip(lines, found, strict=True):
        if match is not None:
            in_section = section_of(match["name"]) in _PARTS
            if not in_section:
                _take(note, match["name"], match["value"] or "")
        if in_section:
            kept.append(line)
    rest = [blocks[place]._replace(text="\n".join(kept))] if kept else []
    note.blocks = [*blocks[:place], *rest, *blocks[place + 1 :]]


def _take(note: Note, name: str, value: str) -> None:
    ours = our_name(name)
    if ours in ("id", "title", "performance", None):
        note.left_out["property"] += 1
    elif value:
        note.fields.setdefault(str(ours), value)
