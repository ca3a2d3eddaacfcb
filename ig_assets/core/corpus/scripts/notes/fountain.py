"""Reads a screenplay in Fountain: its dialogue is spoken.

Syntax: fountain.io/syntax. Scene headings, action, characters' names, parentheticals,
transitions, notes `[[ ]]`, the boneyard `/* */`, sections, synopses and the title page
are left out and counted. The two sides of a dual dialogue are spoken one after the
other. A screenplay without any dialogue is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ig_assets.core.corpus.scripts.note import (
    CUT,
    Block,
    Note,
    unmarked,
    without_cuts,
)
from ig_assets.core.corpus.scripts.notes.labels import our_name
from ig_assets.core.corpus.scripts.script import InvalidSourceError
from ig_assets.core.corpus.scripts.spoken.directions import take_directions

_BONEYARD = re.compile(r"/\*.*?\*/", re.S)
_NOTE = re.compile(r"\[\[.*?\]\]", re.S)
_OPEN = re.compile(r"/\*|\[\[")
_TITLE_LINE = re.compile(r"([A-Za-z][\w ]*):[ \t]*(.*)")
_SCENE = re.compile(r"(?:INT|EXT|EST|INT\.?/EXT|I/E)[. ]|\.(?=[^.])", re.I)
_TRANSITION = re.compile(r"[^a-z]*TO:|>(?!.*<$).*")
_ASIDES = re.compile(r"\s*\([^()]*\)|\s*\^$")
_EMPHASIS = re.compile(r"(?<!\\)(\*{1,3}|_)(?=\S)(.+?)(?<=\S)(?<!\\)\1", re.S)
_ESCAPE = re.compile(r"\\([*_\\])")


def fountain_note(text: str) -> Note:
    """Return the note of a screenplay; each speech is a paragraph.

    Raises InvalidSourceError if a note or boneyard is never closed, or nothing is
    spoken.
    """
    note = Note()
    text = _without_notes(unmarked(text), note.left_out)
    lines = text.strip("\n").split("\n")
    lines = lines[_title_page(lines, note) :]
    place = 0
    while place < len(lines):
        end = place
        while end < len(lines) and not _is_blank(lines[end]):
            end += 1
        if any(line.strip() for line in lines[place:end]):
            _paragraph([line for line in lines[place:end] if line.strip()], note)
        place = end + 1
    if not note.blocks:
        listed = ", ".join(f"{kind} {n}" for kind, n in note.left_out.items() if n)
        raise InvalidSourceError(
            "no spoken words",
            f"The screenplay has no dialogue; left out are: {listed or 'nothing'}. "
            "A character's name in capitals stands above each speech.",
        )
    return note


def _is_blank(line: str) -> bool:
    """Return whether a line is blank; a line of two spaces is not, as in Fountain.

    Such a line continues a speech.
    """
    return not line.strip() and len(line) < 2


def _is_character(line: str) -> bool:
    name = _ASIDES.sub("", line).strip()
    return name.startswith("@") or (name.isupper() and not name.endswith((".", "!")))


def _without_notes(text: str, left_out: Counter[str]) -> str:
    for kind, pattern in (("comment", _BONEYARD), ("note", _NOTE)):
        text, pieces = pattern.subn(CUT, text)
        left_out[kind] += pieces
    if found := _OPEN.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise InvalidSourceError(
            "open comment",
            f"The note that begins near line {line} is never closed; close it with "
            f"{']]' if found[0] == '[[' else '*/'}.",
        )
    # Deletes lines that were only a note; the blank lines beside them stay.
    text = re.sub(f"^[ \t]*{CUT}+[ \t]*\n", "", text, flags=re.M)
    return re.sub(f"[ \t]*{CUT}", "", text)


def _title_page(lines: Sequence[str], note: Note) -> int:
    """Count the values of the title page; return the index of the line below it."""
    if (
        not lines
        or not _TITLE_LINE.fullmatch(lines[0])
        or _TRANSITION.fullmatch(lines[0])
    ):
        return 0
    end = 0
    for line in lines:
        found = _TITLE_LINE.fullmatch(line)
        if not line.strip() or not (found or line[0] in " \t"):
            break
        if found:
            ours = our_name(found[1])
            if ours == "author" and found[2].strip():
                note.fields.setdefault("author", found[2].strip())
            else:
                note.left_out["property"] += 1
        end += 1
    return end


def _paragraph(lines: Sequence[str], note: Note) -> None:
    """Add a paragraph to the note: a speech as a block, other lines as a count."""
    left_out = note.left_out
    first = lines[0].strip()
    if re.fullmatch(r"={3,}", first):
        return
    if first[0] in "#=":
        left_out["heading"] += len(lines)
    elif first[0] == "~":
        said = [line.strip().lstrip("~").strip() for line in lines]
        note.blocks.append(Block(_plain(" ".join(said)), is_spoken=True))
    elif first[0] == "!":
        left_out["action"] += 1
    elif _SCENE.match(first):
        left_out["scene"] += 1
        if len(lines) > 1:
            left_out["action"] += 1
    elif _TRANSITION.fullmatch(first):
        left_out["transition"] += 1
    elif len(lines) > 1 and _is_character(first):
        left_out["speaker"] += 1
        _speech(lines[1:], note)
    else:
        left_out["action"] += 1


def _speech(lines: Sequence[str], note: Note) -> None:
    said: list[str] = []
    for line in _without_parentheticals(lines, note.left_out):
        said.append(line.removeprefix("~").strip())
    text = take_directions("\n".join(said), note.left_out, "parenthetical")
    if words := " ".join(without_cuts(text).split()):
        note.blocks.append(Block(_plain(words), is_spoken=True))


def _without_parentheticals(
    lines: Sequence[str], left_out: Counter[str]
) -> Iterator[str]:
    """Yield the lines of a speech without its parentheticals.

    A parenthetical may have several lines.
    """
    ends = 0
    stripped = [line.strip() for line in lines]
    for n, line in enumerate(stripped):
        if n < ends:
            continue
        if line.startswith("("):
            closing = next((m for m in range(n, len(lines)) if ")" in stripped[m]), n)
            if stripped[closing].endswith(")") and stripped[closing].count(")") == 1:
                left_out["parenthetical"] += 1
                ends = closing + 1
                continue
        if line:
            yield line


def _plain(text: str) -> str:
    for _ in range(3):
        text = _EMPHASIS.sub(r"\2", text)
    return _ESCAPE.sub(r"\1", text)
