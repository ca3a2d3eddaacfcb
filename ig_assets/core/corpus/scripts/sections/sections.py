"""Splits a script's blocks into hook, body and call to action.

The hook is given by name, or stands below a heading `# Hook` or after a label `Hook:`.
Otherwise it is the first heading, or the first sentence if every word is known to be
spoken. The call to action is given by name, or is a paragraph `CTA: …` or the section
below a heading `## CTA`. Headings and labels of other languages count as well
(`section_words.py`). If a heading or label names the script as such, only the named
sections are the script; notes and cues never are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ig_assets.core.corpus.scripts.decoding import with_line_feeds
from ig_assets.core.corpus.scripts.note import (
    STRONG,
    Block,
    plain,
    plain_blocks,
)
from ig_assets.core.corpus.scripts.script import InvalidSourceError
from ig_assets.core.corpus.scripts.sections.section_walk import (
    LEAD,
    OUTSIDE,
    Piece,
    Sections,
)
from ig_assets.core.corpus.scripts.sections.section_words import (
    BODY,
    CALL_TO_ACTION,
    CUE,
    HOOK,
    NOTE,
    STRUCTURE,
    label_of,
)
from ig_assets.core.identity import normalise_text

TITLE, NO_HOOK = "title", "no hook"
_LEFT_OUT = {
    NOTE: "note",
    CUE: "cue",
    OUTSIDE: "other text",
    STRUCTURE: "heading",
    TITLE: "title",
}
_FIRST_SENTENCE = re.compile(
    r"(.+?(?:[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+))\s*(.*)", re.DOTALL
)
_ENDS = re.compile(r"[.!?…。！？][\"'”’»)\]]*$")


class Parts(NamedTuple):
    """The three parts of a script; body and call to action may be empty."""

    hook: str
    body: str
    call_to_action: str


def split_parts(
    text: str,
    hook: str = "",
    call_to_action: str = "",
    plain_hook: bool = False,
    left_out: Counter[str] | None = None,
) -> Parts:
    """Return the parts of a plain text, as `parts_of` does.

    With `plain_hook` the first line is the hook even if it is not a heading.
    """
    blocks = plain_blocks(normalise_text(with_line_feeds(text)))
    if plain_hook:
        blocks = with_plain_hook(blocks)
    return parts_of(
        blocks, Counter() if left_out is None else left_out, hook, call_to_action
    )


def with_plain_hook(blocks: list[Block]) -> list[Block]:
    """Return the blocks with the first line as a heading, unless it is a label."""
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
    doubtful: list[str] | None = None,
) -> Parts:
    """Return the parts of a script; `hook` and `call_to_action` are used if given.

    Pieces that are not spoken are counted in `left_out`. Headings that name no known
    part count as spoken and are added to `doubtful`; so is a first heading if a hook is
    given. `title` is the hook if no other is found. Raises InvalidSourceError if there
    is no hook, several hooks, or two different calls to action.
    """
    sections = Sections(blocks)
    if doubtful is not None:
        doubtful += sections.unknown
    pieces = _without_named_title(sections.pieces)
    for section, kind in _LEFT_OUT.items():
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
    elif final and lead and lead[0].level and doubtful is not None:
        doubtful.insert(0, lead[0].text)
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
    if found and not joined and final == own_hook:
        final, joined = _first_line_of_sentences(found[0].text)
    return Parts(final, joined, given_call or own_call)


def _without_named_title(pieces: list[Piece]) -> list[Piece]:
    """Mark the words of a heading such as `Reel script: Eggs` above a hook as a title.

    It names the script and is not spoken.
    """
    first = pieces[0] if pieces else None
    if (
        first is None
        or first.section != BODY
        or all(piece.section != HOOK for piece in pieces)
        or "\n" in first.text
        or first.text.endswith((".", "!", "?", "…"))
        or (len(pieces) > 1 and pieces[1].section == BODY)
    ):
        return pieces
    return [first._replace(section=TITLE), *pieces[1:]]


def _without_title(lead: list[Piece], left_out: Counter[str]) -> list[Piece]:
    if not (lead and lead[0].level):
        return lead
    left_out["title"] += 1
    return lead[1:]


def _labelled_hook(found: Sequence[Piece]) -> tuple[str, list[str]]:
    """Return (hook, paragraphs after it) of the pieces of a hook's section."""
    if not found:
        return "", []
    return _one_line(found[0].text), [piece.text for piece in found[1:]]


def _first_line_of_sentences(text: str) -> tuple[str, str]:
    """Return (hook, body) of the section of a hook that is the whole script.

    The first line is the hook if it ends a sentence; otherwise the whole text is.
    """
    first, _, rest = normalise_text(text).partition("\n")
    return (first, rest) if _ENDS.search(first) else (_one_line(text), "")


def _leading_hook(lead: list[Piece], title: str) -> tuple[str, list[Piece]]:
    """Return (hook, other pieces) of the pieces before all named sections.

    Raises InvalidSourceError if they have no hook and there is no title.
    """
    if lead and lead[0].level:
        return lead[0].text, lead[1:]
    if lead and lead[0].is_spoken:
        hook, rest = first_sentence(lead[0].text)
        return hook, [lead[0]._replace(text=rest), *lead[1:]] if rest else lead[1:]
    if title:
        return _one_line(title), lead
    raise InvalidSourceError(
        NO_HOOK,
        "The text does not start with a line `# hook`, and has none labelled `Hook:`.",
    )


def first_sentence(text: str) -> tuple[str, str]:
    """Return (the first sentence on one line, the rest of the text).

    If no sentence ends, the first is the first paragraph.
    """
    found = _FIRST_SENTENCE.fullmatch(text)
    if found is None:
        first, _, rest = text.partition("\n\n")
        return _one_line(first), rest.strip()
    return _one_line(found[1]), found[2].strip()


def _one_line(text: str) -> str:
    return " ".join(normalise_text(text).split("\n"))
