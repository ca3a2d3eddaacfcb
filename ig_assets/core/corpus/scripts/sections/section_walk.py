"""Finds the section of a script to which each word of its blocks belongs.

Headings, strong lines and labels begin sections (`section_words.py`). The words before
the first of them are the section `lead`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ig_assets.core.corpus.scripts.note import STRONG, Block, is_strong, plain
from ig_assets.core.corpus.scripts.script import InvalidSourceError
from ig_assets.core.corpus.scripts.sections.section_words import (
    BODY,
    CALL_TO_ACTION,
    CUE,
    HOOK,
    NOTE,
    SPOKEN,
    STRUCTURE,
    bare_word,
    has_one_value,
    label_of,
    section_of,
)
from ig_assets.core.corpus.scripts.sections.work_words import (
    is_about_work,
    is_private_remark,
)

LEAD = "lead"
OUTSIDE = "outside"
_LABEL_LEVEL = 7  # a label is below every heading
_LONGEST_HEADING = 60
_WRAPPED = 55
"""Least length of a line that may be part of a paragraph wrapped by hand."""

_SENTENCE_ENDS = ".!?\u2026,;:\"\u201d\u2019')"
_BULLET = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+")


class Piece(NamedTuple):
    """Words of one section; `level` is the level of a heading, else 0."""

    section: str
    text: str
    level: int = 0
    is_spoken: bool = False


class Sections:
    """Assigns the words of blocks to sections; `pieces` has the result, in order.

    `unknown` are doubtful lines that count as spoken: headings and strong lines (except
    the first) that name no known part, and lines about the work (`Status: …`).
    `names_script` is true if a heading or label names the script as such. `only_spoken`
    is true if a table or labels say which words are spoken, and which are seen.
    """

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._section, self._level = LEAD, 0
        self._hooks = 0
        # Beside `VO: \u2026` a line `TEXT: \u2026` is what the screen shows.
        self._text_is_seen = any(map(_has_spoken_label, blocks))
        self.names_script = any(map(self._names_script, blocks)) or any(
            block.level and _label_section(block, is_strong=False) == BODY
            for block in blocks[1:]
        )
        self.pieces: list[Piece] = []
        self._beside_cues: set[int] = set()
        self.unknown: list[str] = []
        parts = [place for place, block in enumerate(blocks) if _begins_part(block)]
        last_part = parts[-1] if parts else -1
        bare_hook: Block | None = None
        for place, block in enumerate(blocks):
            self._is_mid_script = place < last_part
            section = heading_section(block)
            level = block.level or _LABEL_LEVEL
            is_first = not self.pieces and self._section == LEAD
            if section is None and (named := _heading_label(block, is_first)):
                self._labelled_heading(block, *named)
            elif section == STRUCTURE and self._is_inside_others(level):
                self._paragraph(block)
            elif section == STRUCTURE:
                self.pieces.append(Piece(STRUCTURE, plain(block.text)))
                self._go_on(level)
            elif section is not None:
                if section == HOOK and not self.pieces:
                    bare_hook = block
                self._open(section, level)
            elif self._is_hook_heading(block):
                self._paragraph(block)
            elif block.level or (is_first and is_strong(block.text)):
                self._heading(block)
            else:
                self._paragraph(block)
        sections = {piece.section for piece in self.pieces}
        if bare_hook is not None and HOOK not in sections:  # it is the hook
            self.pieces.insert(0, Piece(LEAD, plain(bare_hook.text), 1))
        is_said = any(piece.is_spoken for piece in self.pieces)
        in_table = any(block.is_spoken for block in blocks)
        self.only_spoken = is_said and (in_table or CUE in sections)
        for place in self._beside_cues:
            self.pieces[place] = self.pieces[place]._replace(is_spoken=True)

    def _open(self, section: str, level: int) -> None:
        self._section = BODY if section == SPOKEN else section
        self._level = level
        if section == HOOK:
            self._hooks += 1
            if self._hooks > 1:
                raise _several_hooks()

    def _label(self, line: str) -> tuple[str, str] | None:
        """Return (section named by a line's label, words after the label), or None."""
        label = _label(line)
        if label is not None and label[0] == BODY and self._text_is_seen:
            name = plain(line).removesuffix(label[1])
            return (CUE, label[1]) if bare_word(name) == "text" else label
        return label

    def _names_script(self, block: Block) -> bool:
        if heading_section(block) in (BODY, SPOKEN):
            return True
        labels = [] if block.level else map(self._label, block.text.split("\n"))
        return any(label is not None and label[0] == BODY for label in labels)

    def _is_inside_others(self, level: int) -> bool:
        """Return whether a heading of `level` is inside an unspoken section."""
        return self._section in (NOTE, CUE, OUTSIDE) and level > self._level

    def _is_hook_heading(self, block: Block) -> bool:
        """Return whether a heading is the first text below a heading for the hook."""
        is_below = self._section == HOOK and block.level > self._level
        return is_below and all(piece.section != HOOK for piece in self.pieces)

    def _labelled_heading(self, block: Block, section: str, rest: str) -> None:
        """Add a heading such as `## Notes: fee 900`, and begin the section it names.

        The words after the label are the first of the section; more may follow.
        """
        if section == STRUCTURE and self._is_inside_others(block.level):
            self.pieces.append(Piece(self._section, rest))
        elif section == STRUCTURE:
            self.pieces.append(Piece(STRUCTURE, plain(block.text)))
            self._go_on(block.level)
            is_seen = _label_section(block, is_strong=True) == CUE
            self.pieces.append(Piece(CUE if is_seen else self._section, rest))
        else:
            self._open(section, block.level)
            is_said = section == SPOKEN
            self.pieces.append(Piece(self._section, rest, is_spoken=is_said))
            self._end(section, ends=section == HOOK)

    def _go_on(self, level: int) -> None:
        """Go back to the script's body, unless no part has been named yet."""
        if self._section not in (LEAD, BODY):
            self._open(BODY, level)

    def _heading(self, block: Block) -> None:
        level = block.level or 1
        closes = level <= self._level
        if self.names_script and self._section != LEAD and closes:
            self._open(OUTSIDE, level)
        elif self._section in (NOTE, CUE, OUTSIDE) and not closes:
            pass
        elif self._section not in (LEAD, BODY):
            self._open(BODY, 0)
        text = " ".join(plain(block.text).split("\n"))
        if self.pieces and self._section in (LEAD, BODY):
            self.unknown.append(text)
        self.pieces.append(Piece(self._section, text, level))

    def _paragraph(self, block: Block) -> None:
        """Add a paragraph, in which each line may begin with a label.

        The words after a label belong to the label's section, up to the next label.
        """
        words: list[str] = []
        section, is_said, ends = self._section, block.is_spoken, False
        is_beside = False
        for line in block.text.split("\n"):
            label = self._label(line)
            is_inner = label and label[0] == STRUCTURE
            if label is None and is_private_remark(plain(line)):
                self._add(section, words, block, is_said, is_beside)
                words = []
                self.pieces.append(Piece(NOTE, plain(line)))
                continue
            if label is None and _begins_beside(section, ends, words, plain(line)):
                self._add(section, words, block, is_said)
                says = (LEAD, HOOK, BODY, CALL_TO_ACTION)
                section = self._section if self._section in says else BODY
                words, is_said, ends, is_beside = [], False, False, True
            if label is None or (is_inner and self._is_inside_others(_LABEL_LEVEL)):
                if section in (LEAD, BODY):
                    self._doubt(line)
                words.append(plain(line))
                continue
            self._add(section, words, block, is_said, is_beside)
            is_beside = False
            self._end(section, ends)
            named, rest = label
            if named == NOTE and rest and self._is_mid_script:
                name = plain(line).removesuffix(rest)
                named = CUE if has_one_value(name) else NOTE
            words = [rest] if rest else []
            if named == STRUCTURE:
                self.pieces.append(Piece(STRUCTURE, plain(line)))
                self._go_on(_LABEL_LEVEL)
                section, is_said, ends = self._section, block.is_spoken, False
                continue
            is_said = named == SPOKEN
            if is_said:
                says = (LEAD, HOOK, BODY, CALL_TO_ACTION)
                section = self._section if self._section in says else BODY
                ends = False
            else:
                section, ends = named, bool(rest)
                if not rest or named == HOOK:
                    self._open(named, _LABEL_LEVEL)
        self._add(section, words, block, is_said, is_beside)
        self._end(section, ends)

    def _doubt(self, line: str) -> None:
        """Add a line to `unknown` if it looks like a heading or a remark."""
        words, name = plain(line), plain(line).partition(":")[0]
        is_heading = is_strong(line.strip()) and len(words) <= _LONGEST_HEADING
        if is_heading and words[-1] not in _SENTENCE_ENDS:
            self.unknown.append(words)
        elif name != words and is_about_work(name, is_heading=False):
            self.unknown.append(f"{name}: \u2026")

    def _end(self, section: str, ends: bool) -> None:
        """End a section whose words are on the line of its label, as in `Hook: …`.

        The lines below belong to the body. Notes and the body itself are not ended:
        they continue below the label's line.
        """
        if ends and section in (NOTE, BODY):
            self._open(section, _LABEL_LEVEL)
        elif ends and section in (HOOK, CALL_TO_ACTION):
            self._open(BODY, 0)

    def _add(
        self,
        section: str,
        words: list[str],
        block: Block,
        is_said: bool,
        is_beside: bool = False,
    ) -> None:
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(words)).strip()
        if not text:
            return
        if section == HOOK and block.versions:
            if block.versions > 1:
                raise _several_hooks()
            text = _BULLET.sub("", text, count=1)
        if is_beside:
            self._beside_cues.add(len(self.pieces))
        self.pieces.append(Piece(section, text, is_spoken=is_said))


def _begins_beside(section: str, ends: bool, words: Sequence[str], line: str) -> bool:
    """Return whether a line below a cue (`Visual: pan`) is spoken.

    It is not spoken if it may continue the cue. This is so if the cue's line is long
    enough to be wrapped or ends in a sign such as a comma, or if the line below begins
    with a small letter, a digit, a bullet or a bracket.
    """
    cue = words[-1].rstrip() if words else ""
    return (
        section == CUE
        and ends
        and len(words) == 1
        and len(cue) < _WRAPPED
        and not cue.endswith((",", "-", "\u2013", "\u2014", "&", "+", "/", ":"))
        and line[:1] not in ("", "-", "*", "+", "\u2022", "(", "[", "\u2192")
        and not line[:1].islower()
        and not line[:1].isdigit()
    )


def _begins_part(block: Block) -> bool:
    """Return whether a block begins a call to action.

    The script continues at least to the last such block.
    """
    if block.level or is_strong(block.text):
        text = plain(block.text)
        label = label_of(text, is_strong=True)
        return CALL_TO_ACTION in (section_of(text), label and label[0])
    lines = block.text.split("\n")
    labels = map(_label, lines)
    return any(label is not None and label[0] == CALL_TO_ACTION for label in labels)


def _has_spoken_label(block: Block) -> bool:
    labels = [_label(line) for line in block.text.split("\n")]
    return not block.level and any(label and label[0] == SPOKEN for label in labels)


def _label(line: str) -> tuple[str, str] | None:
    return label_of(plain(line), line.lstrip().startswith(STRONG))


def _heading_label(block: Block, is_first: bool) -> tuple[str, str] | None:
    """Return (section that a heading's label names, words after the label), or None.

    If the label of a file's first heading is ambiguous, the heading is the title or the
    hook, and the result is None.
    """
    text = " ".join(plain(block.text).split("\n"))
    if not block.level:
        return None
    label = label_of(text, is_strong=not is_first)
    name, colon, rest = text.partition(":")
    if label is None and colon and rest.strip() and is_about_work(name):
        label = NOTE, rest.strip()
    if label is None or not label[1]:
        return None
    section = section_of(text.removesuffix(label[1])) or label[0]
    if is_first and section in (BODY, SPOKEN, STRUCTURE):
        return None
    return section, label[1]


def _label_section(block: Block, is_strong: bool) -> str | None:
    label = label_of(" ".join(plain(block.text).split("\n")), is_strong)
    return label[0] if label else None


def _several_hooks() -> InvalidSourceError:
    return InvalidSourceError(
        "several hooks", "The text has several hooks; keep one of them in this file."
    )


def heading_section(block: Block) -> str | None:
    """Return the section that a heading or a strong line names, or None."""
    if not (block.level or is_strong(block.text)):
        return None
    text = plain(block.text)
    return NOTE if is_about_work(text, block.level > 0) else section_of(text)
