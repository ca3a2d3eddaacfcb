"""Defines a note as its reader returns it: named values, blocks, left-out pieces.

Readers put marks into a block's text: where strong (bold) words, emphasis and links
begin and end, and where a piece that is not spoken was cut out. The marks are Unicode
noncharacters, which no text has; `plain` removes them.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

STRONG, END_STRONG, CUT = "\ufdd0", "\ufdd1", "\ufdd2"
EMPHASIS, END_EMPHASIS = "\ufdd3", "\ufdd4"
LINK, END_LINK = "\ufdd5", "\ufdd6"
_MARKS = re.compile("[\ufdd0-\ufdd6]")
_CUT_LINES = re.compile(f"^[ \t]*(?:{CUT}[ \t]*)+\n?", re.MULTILINE)
_CUT_WORDS = re.compile(f"[ \t]*{CUT}+(?=[ \t\n.,;:!?]|\\Z)")
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)")


class Block(NamedTuple):
    """A heading of `level` 1 to 6, or a paragraph or list of level 0.

    `versions` is the number of items if the block is a list, else 0: a list of hooks
    has several versions of the hook. `is_spoken` is true if the reader knows that the
    words are spoken, as in a caption.
    """

    text: str
    level: int = 0
    versions: int = 0
    is_spoken: bool = False


class Pieces(Counter[str]):
    """Counts pieces that are not spoken, by kind.

    `asked` has the words of cues within a sentence. They may be spoken after all, so a
    person is asked about them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []


@dataclass
class Note:
    """A note that was read; `left_out` counts pieces that are not spoken, by kind.

    `fields` are the values of front matter and properties, by our names. `unread` are
    the names of our labels whose value cannot be read. `source` is the text of the
    file, used to find line numbers; "" if the file is not a text.
    """

    fields: dict[str, object] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    left_out: Pieces = field(default_factory=Pieces)
    unread: set[str] = field(default_factory=set)
    source: str = ""


def unmarked(text: str) -> str:
    """Return a file's text without the characters that this module uses as marks."""
    return _MARKS.sub("", text)


def without_cuts(text: str) -> str:
    """Return the text without the marks of cuts and the blanks that they leave.

    Marks of strong words, emphasis and links stay.
    """
    if CUT not in text:
        return text
    text = _CUT_WORDS.sub("", _CUT_LINES.sub("", text))
    return re.sub(f"{CUT}[ \t]?", "", text).strip()


def plain(text: str) -> str:
    """Return the words of a text, without marks and without spaces at its ends."""
    return _MARKS.sub("", without_cuts(text)).strip()


def is_strong(text: str) -> bool:
    """Return whether all of a text is strong."""
    return (
        text.startswith(STRONG)
        and text.endswith(END_STRONG)
        and text.count(STRONG) == 1
        and len(plain(text)) > 0
    )


def plain_blocks(text: str) -> list[Block]:
    """Return the blocks of a text without markup: headings `# …` and paragraphs."""
    blocks: list[Block] = []
    lines: list[str] = []

    def end_paragraph() -> None:
        if lines:
            blocks.append(Block("\n".join(lines)))
            lines.clear()

    for line in text.split("\n"):
        if not line.strip():
            end_paragraph()
        elif line.startswith("#") and (heading := _HEADING.fullmatch(line)):
            end_paragraph()
            blocks.append(Block(heading[2].strip(), len(heading[1])))
        else:
            lines.append(line)
    end_paragraph()
    return blocks
