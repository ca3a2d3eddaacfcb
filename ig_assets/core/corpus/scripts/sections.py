"""Splits a script's blocks into hook, body and call to action.

The hook is the first heading (or the first sentence, where every word is known to be
spoken), or what stands below a heading `# Hook` or after a label `Hook:`, or given by
name. The call to action is a paragraph `CTA: …`, the section below a heading `## CTA`,
or given by name. Headings and labels of other languages count as well
(`notes/section_words.py`). Where a text names its script section, only its named
sections are the script; notes and cues never are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ig_assets.core.corpus.scripts.notes.note import (
    STRONG,
    Block,
    is_strong,
    plain,
    plain_blocks,
)
from ig_assets.core.corpus.scripts.notes.section_words import (
    BODY,
    CALL_TO_ACTION,
    CUE,
    HOOK,
    NOTE,
    SPOKEN,
    label_of,
    section_of,
)
from ig_assets.core.corpus.scripts.script import InvalidSourceError
from ig_assets.core.identity import normalise_text

LEAD = "lead"
OUTSIDE = "outside"
_LABEL_LEVEL = 7  # a label is below every heading
_FIRST_SENTENCE = re.compile(
    r"(.+?(?:[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+))\s*(.*)", re.DOTALL
)
_BULLET = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+")


class Parts(NamedTuple):
    """The three parts of a script; body and call to action may be empty."""

    hook: str
    body: str
    call_to_action: str


class _Piece(NamedTuple):
    """Some words of one section; `level` where they are a heading inside it."""

    section: str
    text: str
    level: int = 0
    is_spoken: bool = False


def split_parts(
    text: str,
    hook: str = "",
    call_to_action: str = "",
    plain_hook: bool = False,
    left_out: Counter[str] | None = None,
) -> Parts:
    """The parts of a plain text; see `parts_of`.

    With `plain_hook` the first line is the hook even where it is no heading.
    """
    blocks = plain_blocks(normalise_text(text))
    if plain_hook:
        blocks = with_plain_hook(blocks)
    return parts_of(
        blocks, Counter() if left_out is None else left_out, hook, call_to_action
    )


def with_plain_hook(blocks: list[Block]) -> list[Block]:
    """The blocks with the first line as a heading, where it is no label."""
    if not blocks or blocks[0].level:
        return blocks
    first, _, rest = blocks[0].text.partition("\n")
    if label_of(plain(first), first.startswith(STRONG)) is not None:
        return blocks
    after = [Block(rest)] if rest else []
    return [Block(first, 1), *after, *blocks[1:]]


def parts_of(
    blocks: Sequence[Block],
    left_out: Counter[str],
    hook: str = "",
    call_to_action: str = "",
    title: str = "",
) -> Parts:
    """The parts of a script; a `hook` or `call_to_action` given by name comes first.

    What is not spoken is counted in `left_out`. `title` is the hook where nothing else
    is. Raises InvalidSourceError when there is no hook, several hooks, or two
    different calls to action.
    """
    sections = _Sections(blocks)
    pieces = sections.pieces
    for section, kind in ((NOTE, "note"), (CUE, "cue"), (OUTSIDE, "other text")):
        left_out[kind] += sum(piece.section == section for piece in pieces)
    lead = [piece for piece in pieces if piece.section == LEAD]
    body = [piece.text for piece in pieces if piece.section == BODY]
    given_hook, found = _one_line(hook), [p for p in pieces if p.section == HOOK]
    own_hook, after = _labelled_hook(found)
    if given_hook and own_hook and own_hook != given_hook:
        after = [own_hook, *after]
    final = given_hook or own_hook
    if lead and lead[0].text == final:
        lead = lead[1:]
    if own_hook or sections.only_spoken:
        lead = _without_title(lead, left_out)
    if not final:
        final, lead = _leading_hook(lead, title)
    if sections.names_script or sections.only_spoken:
        unsaid = [piece for piece in lead if not piece.is_spoken]
        left_out["other text"] += len(unsaid)
        lead = [piece for piece in lead if piece.is_spoken]
    words = [*(piece.text for piece in lead), *after, *body]
    calls = [piece.text for piece in pieces if piece.section == CALL_TO_ACTION]
    given_call, own_call = normalise_text(call_to_action), "\n\n".join(calls)
    if given_call and own_call and given_call != own_call:
        raise InvalidSourceError(
            "two calls to action", "The text and its labels have different ones."
        )
    joined = "\n\n".join(filter(None, words))
    return Parts(final, joined, given_call or own_call)


class _Sections:
    """Walks over blocks once; `pieces` are their words by section, in order.

    `names_script` where a heading or label names the script as such; `only_spoken`
    where a table or labels say which words are spoken, and which are seen.
    """

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._section, self._level = LEAD, 0
        self._hooks = 0
        self.names_script = any(map(_names_script, blocks))
        self.pieces: list[_Piece] = []
        bare_hook: Block | None = None
        for block in blocks:
            section = _heading_section(block)
            if section is not None:
                if section == HOOK and not self.pieces:
                    bare_hook = block
                self._open(section, block.level or _LABEL_LEVEL)
            elif block.level or (not self.pieces and is_strong(block.text)):
                self._heading(block)
            else:
                self._paragraph(block)
        sections = {piece.section for piece in self.pieces}
        if bare_hook is not None and HOOK not in sections:  # a hook of this one word
            self.pieces.insert(0, _Piece(LEAD, plain(bare_hook.text), 1))
        is_said = any(piece.is_spoken for piece in self.pieces)
        in_table = any(block.is_spoken for block in blocks)
        self.only_spoken = is_said and (in_table or CUE in sections)

    def _open(self, section: str, level: int) -> None:
        self._section = BODY if section == SPOKEN else section
        self._level = level
        if section == HOOK:
            self._hooks += 1
            if self._hooks > 1:
                raise _several_hooks()

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
        self.pieces.append(_Piece(self._section, text, level))

    def _paragraph(self, block: Block) -> None:
        """Each line may begin with a label; what it names goes to the next label."""
        words: list[str] = []
        section, is_said, ends = self._section, block.is_spoken, False
        for line in block.text.split("\n"):
            label = label_of(plain(line), line.lstrip().startswith(STRONG))
            if label is None:
                words.append(plain(line))
                continue
            self._add(section, words, block, is_said)
            self._end(section, ends)
            named, rest = label
            words = [rest] if rest else []
            is_said = named == SPOKEN
            if is_said:
                says = (LEAD, HOOK, BODY, CALL_TO_ACTION)
                section = self._section if self._section in says else BODY
                ends = False
            else:
                section, ends = named, bool(rest)
                if not rest or named == HOOK:
                    self._open(named, _LABEL_LEVEL)
        self._add(section, words, block, is_said)
        self._end(section, ends)

    def _end(self, section: str, ends: bool) -> None:
        """After a label with words: a note or the script go on, others have ended."""
        if ends and section in (NOTE, BODY):
            self._open(section, _LABEL_LEVEL)
        elif ends and section in (HOOK, CALL_TO_ACTION):
            self._open(BODY, 0)

    def _add(self, section: str, words: list[str], block: Block, is_said: bool) -> None:
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(words)).strip()
        if not text:
            return
        if section == HOOK and block.versions:
            if block.versions > 1:
                raise _several_hooks()
            text = _BULLET.sub("", text, count=1)
        self.pieces.append(_Piece(section, text, is_spoken=is_said))


def _names_script(block: Block) -> bool:
    if _heading_section(block) in (BODY, SPOKEN):
        return True
    lines = [] if block.level else block.text.split("\n")
    labels = [label_of(plain(n), n.lstrip().startswith(STRONG)) for n in lines]
    return any(label is not None and label[0] == BODY for label in labels)


def _several_hooks() -> InvalidSourceError:
    return InvalidSourceError(
        "several hooks", "The text has several hooks; keep one of them in this file."
    )


def _without_title(lead: list[_Piece], left_out: Counter[str]) -> list[_Piece]:
    if not (lead and lead[0].level):
        return lead
    left_out["title"] += 1
    return lead[1:]


def _heading_section(block: Block) -> str | None:
    if block.level or is_strong(block.text):
        return section_of(plain(block.text))
    return None


def _labelled_hook(found: Sequence[_Piece]) -> tuple[str, list[str]]:
    """The hook of a hook's section, and the paragraphs after it."""
    if not found:
        return "", []
    return _one_line(found[0].text), [piece.text for piece in found[1:]]


def _leading_hook(lead: list[_Piece], title: str) -> tuple[str, list[_Piece]]:
    """The hook before all named sections, and what is left there."""
    if lead and lead[0].level:
        return lead[0].text, lead[1:]
    if lead and lead[0].is_spoken:
        hook, rest = first_sentence(lead[0].text)
        return hook, [lead[0]._replace(text=rest), *lead[1:]] if rest else lead[1:]
    if title:
        return _one_line(title), lead
    raise InvalidSourceError(
        "no hook",
        "The text does not start with a line `# hook`, and has none labelled `Hook:`.",
    )


def first_sentence(text: str) -> tuple[str, str]:
    """The first sentence on one line, and the rest; all of it where none ends."""
    found = _FIRST_SENTENCE.fullmatch(text)
    if found is None:
        first, _, rest = text.partition("\n\n")
        return _one_line(first), rest.strip()
    return _one_line(found[1]), found[2].strip()


def _one_line(text: str) -> str:
    return " ".join(normalise_text(text).split("\n"))
