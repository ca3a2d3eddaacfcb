"""Takes unspoken words out of a note's blocks: directions, names, links, tags.

Every reader of notes passes its blocks to `spoken_blocks`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from ig_assets.core.corpus.scripts.note import (
    CUT,
    EMPHASIS,
    END_EMPHASIS,
    END_LINK,
    END_STRONG,
    LINK,
    STRONG,
    Block,
    plain,
    without_cuts,
)
from ig_assets.core.corpus.scripts.sections.section_words import section_of
from ig_assets.core.corpus.scripts.spoken.directions import take_directions
from ig_assets.core.corpus.scripts.spoken.speakers import (
    lone_names_of,
    named_start,
    speakers_of,
    timed_names_of,
)

_TAGS = re.compile(r"(?:#(?:[^\W\d_][^\s#]*(?:[ ][^\s#]+)*#|[^\W\d_][^\s#]*)[ \t,]*)+")
_URL = re.compile(r"<?https?://\S+")
_BULLET = r"[ \t]*(?:(?:[-*+\u2022]|\d{1,9}[.)])[ \t]+)?"
_ONLY_LINKS = re.compile(rf"{_BULLET}(?:{LINK}[^{LINK}{END_LINK}]*{END_LINK}[\W_]*)+")
_NAMED = re.compile(rf"^[^:]*:{END_STRONG}?(?:[ \t]+|$)")
_TO_DO = re.compile(
    rf"^[ \t{STRONG}]*(?:to[- ]?dos?|fixme)[ \t{END_STRONG}]*[:\uff1a]"
    rf"[ \t{END_STRONG}]*[^\s{END_STRONG}].*$",
    re.M | re.I,
)
_LINK_MARKS = re.compile(f"[{LINK}{END_LINK}{EMPHASIS}{END_EMPHASIS}]")


def spoken_blocks(blocks: Sequence[Block], left_out: Counter[str]) -> list[Block]:
    """Return the blocks without the lines, links and directions that are not spoken.

    A heading is dropped if only links stand below it. Raises InvalidSourceError if a
    bracket is never closed.
    """
    said = [block.text for block in blocks if ":" in block.text and not block.level]
    lines = [plain(line) for text in said for line in text.split("\n")]
    said = [f"{block.text}\n" for block in blocks if not block.level]
    every = [plain(line) for text in said for line in text.split("\n")]
    names = timed_names_of(lines) | lone_names_of(every)
    taker = _Spoken(left_out, speakers_of(lines), names)
    kept: list[Block] = []
    was_links = False
    for block in blocks:
        if block.level and was_links:
            _drop_heading(kept, left_out)
            was_links = False
        is_links, spoken = taker.is_links(block), taker(block)
        was_links = is_links or (was_links and spoken is None)
        if spoken is not None:
            kept.append(spoken)
    if was_links:
        _drop_heading(kept, left_out)
    return kept


def _drop_heading(kept: list[Block], left_out: Counter[str]) -> None:
    """Drop the last block if it is a heading: no words follow it.

    The first block stays, since it may be the hook; so does a heading that names a part
    of the script.
    """
    if len(kept) > 1 and kept[-1].level and section_of(plain(kept[-1].text)) is None:
        kept.pop()
        left_out["heading"] += 1


class _Spoken:
    """Takes the lines that are not spoken out of a block."""

    def __init__(
        self,
        left_out: Counter[str],
        speakers: Collection[str],
        lone_names: Collection[str],
    ) -> None:
        self._left_out = left_out
        self._speakers = speakers
        self._lone_names = lone_names

    def __call__(self, block: Block) -> Block | None:
        text = block.text
        if self.is_links(block):
            self._left_out["link"] += text.count(LINK)
            return None
        if not block.level:  # a to-do is a line, not a heading
            text, to_dos = _TO_DO.subn(CUT, text)
            self._left_out["to-do"] += to_dos
        if self._speakers or self._lone_names:
            text = "\n".join(map(self._unnamed, text.split("\n")))
        if LINK in text and block.versions:
            text = "\n".join(map(self._item, text.split("\n")))
        if EMPHASIS in text or LINK in text:
            text = _LINK_MARKS.sub("", take_directions(text, self._left_out))
        else:
            text = take_directions(text, self._left_out)
        if "#" in text or "://" in text:
            text = "\n".join(map(self._line, text.split("\n")))
        text = without_cuts(text)
        return block._replace(text=text) if plain(text) else None

    def is_links(self, block: Block) -> bool:
        """Return whether a paragraph or list has no words outside of links."""
        return (
            LINK in block.text
            and not block.level
            and all(map(_ONLY_LINKS.fullmatch, block.text.split("\n")))
        )

    def _unnamed(self, line: str) -> str:
        words = plain(line)
        if words in self._lone_names:
            self._left_out["speaker"] += 1
            return CUT
        found = named_start(words)
        if found is None or found[0] not in self._speakers:
            return line
        self._left_out["speaker"] += 1
        return _NAMED.sub(CUT, line, count=1)

    def _item(self, line: str) -> str:
        """Return an item of a list, or CUT if the item is only a link."""
        if not _ONLY_LINKS.fullmatch(line):
            return line
        self._left_out["link"] += line.count(LINK)
        return CUT

    def _line(self, line: str) -> str:
        if _TAGS.fullmatch(plain(line)):
            self._left_out["line of tags"] += 1
            return CUT
        line, links = _URL.subn(CUT, line)
        self._left_out["link"] += links
        return line
