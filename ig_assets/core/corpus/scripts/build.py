"""Builds a script from named fields and a text, and rejects what is not a script.

Front matter and a table's row have the same fields: id, topic, hook_style, author,
language, hook, cta or call_to_action, and `performance` (source, as_of, counts). A
script is rejected if its words or its id cannot be read. A label or a reading that
cannot be read is left out, and the script is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ig_assets.core.corpus.scripts.fields import passage, word
from ig_assets.core.corpus.scripts.labels import hook_style_of, language_of
from ig_assets.core.corpus.scripts.note import Note, plain
from ig_assets.core.corpus.scripts.notes.blocks import text_blocks
from ig_assets.core.corpus.scripts.performance import performance_of
from ig_assets.core.corpus.scripts.places import named_lines
from ig_assets.core.corpus.scripts.script import (
    BROKEN as BROKEN,
    MAX_BYTES,
    MAX_ID_LENGTH,
    InvalidSourceError,
    LeftOut,
    ParsedScript,
    Performance,
    join_script,
)
from ig_assets.core.corpus.scripts.sections.section_walk import heading_section
from ig_assets.core.corpus.scripts.sections.section_words import (
    BODY,
    CALL_TO_ACTION,
    CUE,
    NOTE,
    SPOKEN,
    STRUCTURE,
)
from ig_assets.core.corpus.scripts.sections.sections import (
    NO_HOOK,
    Parts,
    parts_of,
    with_plain_hook,
)
from ig_assets.core.corpus.scripts.spoken.directions import PLACEHOLDER
from ig_assets.core.identity import normalise_text
from ig_assets.core.tabular import NumberFormat

LABEL, READING, SHEET = "label", "reading", "sheet"
HEADING = "unknown heading"
ASKED = "cue within a sentence"
FAULTS = (LABEL, READING, SHEET, PLACEHOLDER, HEADING, ASKED)
"""The kinds of `LeftOut` that a person should correct."""

_TAKEN_FOR = {
    NOTE: "a heading of notes, which are not spoken",
    CUE: "a heading of directions, which are not spoken",
    STRUCTURE: "the name of a part, which is not spoken",
    BODY: "a heading of the script's body, which is not spoken",
    SPOKEN: "a heading of spoken words, which is not spoken itself",
    CALL_TO_ACTION: "a heading of the call to action, which is not spoken",
}
_OF_HEADINGS = (
    "a heading that names no known part is spoken, and so is what stands below; put "
    "what is not said under a heading `## Notes`, and remove a heading that is not "
    "said."
)
_OF_CUES = (
    "words in brackets within a sentence are taken for a direction and not spoken; "
    "write them without brackets if they are said."
)
_PLACEHOLDER = re.compile(r"<%.*%>|\{\{.*\}\}|\{%.*%\}", re.DOTALL)
_WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|]*/)?([^\[\]|]+)(?:\|([^\[\]]+))?\]\]")


def make_script(
    fields: Mapping[str, Any],
    text: str,
    source_uri: str,
    default_id: str,
    *,
    plain_hook: bool = False,
    numbers: NumberFormat | None = None,
) -> ParsedScript:
    """Build a script from named fields and a text. Raises InvalidSourceError.

    `default_id` is the id of a script whose fields have none. With `plain_hook` the
    first line is the hook even if it is not a heading. `numbers` is the format of the
    counts in a `performance` that is text.
    """
    note = Note(dict(fields))
    note.blocks = text_blocks(normalise_text(text), note.left_out)
    if plain_hook:
        note.blocks = with_plain_hook(note.blocks)
    return _note_script(note, source_uri, default_id, numbers)


def make_note_script(note: Note, source_uri: str, default_id: str) -> ParsedScript:
    """Return the script of a note. Raises InvalidSourceError."""
    return _note_script(note, source_uri, default_id)


def _note_script(
    note: Note, source_uri: str, default_id: str, numbers: NumberFormat | None = None
) -> ParsedScript:
    if words := note.unread & {"hook", "cta", "call_to_action", "id"}:
        raise InvalidSourceError(
            BROKEN, f"`{sorted(words)[0]}` cannot be read; write it in quotes."
        )
    fields, left_out = note.fields, note.left_out
    hook = _spoken(fields, "hook", left_out)
    call = _spoken(fields, "call_to_action", left_out)
    call = call or _spoken(fields, "cta", left_out)
    if not (note.blocks or hook) and any(left_out.values()):
        listed = ", ".join(f"{kind} {n}" for kind, n in left_out.items() if n)
        raise InvalidSourceError(
            "no spoken words", f"Nothing in it is spoken; left out are: {listed}."
        )
    title = _readable(fields.get("title")) or ""
    doubtful: list[str] = []
    try:
        parts = parts_of(note.blocks, left_out, hook, call, title, doubtful)
    except InvalidSourceError as error:
        if error.reason != NO_HOOK or not (taken := _taken_heading(note)):
            raise
        raise InvalidSourceError(NO_HOOK, f"{taken} {error.detail}") from None
    performance, trouble = None, ""
    try:
        performance, trouble = performance_of(fields, numbers)
    except InvalidSourceError as error:
        trouble = error.detail
    doubts = (
        *_doubts(HEADING, doubtful, note.source, _OF_HEADINGS),
        *_doubts(ASKED, left_out.asked, note.source, _OF_CUES),
    )
    return _script(note, parts, source_uri, default_id, performance, trouble, doubts)


def _doubts(
    kind: str, passages: list[str], source: str, advice: str
) -> tuple[LeftOut, ...]:
    """Return one `LeftOut` for passages about which the parser guessed, or none.

    Its detail names the passages' lines, followed by `advice`. It quotes no words,
    since it is stored with words that may have to be erased.
    """
    if not passages:
        return ()
    detail = f"{named_lines(passages, source)}{advice}"
    return (LeftOut(kind, len(passages), f"{detail[:1].upper()}{detail[1:]}"),)


def _taken_heading(note: Note) -> str:
    """Return a sentence on how the first heading of a text without a hook was read.

    It names the heading's line and quotes no words (see `_doubts`). "" if there is no
    such heading.
    """
    first = note.blocks[0] if note.blocks else None
    section = None if first is None else heading_section(first)
    if first is None or section not in _TAKEN_FOR:
        return ""
    where = named_lines([plain(first.text)], note.source)
    sentence = (
        f"the heading at the start is taken for {_TAKEN_FOR[section]}; if it is the "
        "hook, write it as a plain line `Hook: …`, or in other words."
    )
    return f"{where}{sentence}" if where else f"{sentence[:1].upper()}{sentence[1:]}"


def _spoken(fields: Mapping[str, Any], name: str, left_out: Counter[str]) -> str:
    """Return a field's text without what is not spoken; "" for a template's blank.

    Pieces that are not spoken are counted in `left_out`.
    """
    text = passage(fields, name)
    if _PLACEHOLDER.fullmatch(text):
        return ""
    blocks = text_blocks(text, left_out)
    return "\n\n".join(plain(block.text) for block in blocks)


def _script(
    note: Note,
    parts: Parts,
    source_uri: str,
    default_id: str,
    performance: Performance | None,
    trouble: str,
    doubts: tuple[LeftOut, ...],
) -> ParsedScript:
    fields = note.fields
    joined = join_script(*parts)
    if len(joined.encode("utf-8")) > MAX_BYTES:
        raise InvalidSourceError("over 64 KiB", "The text is longer than 64 KiB.")
    own_id = word(fields, "id")
    if not own_id or _PLACEHOLDER.search(own_id):
        own_id = default_id
    if len(own_id) > MAX_ID_LENGTH:
        raise InvalidSourceError(
            BROKEN, f"The id is longer than {MAX_ID_LENGTH} characters."
        )
    unread = set(note.unread)
    labels = {
        name: _label(fields, name, unread)
        for name in ("author", "topic", "hook_style", "language")
    }
    if "performance" in unread:
        unread.discard("performance")
        trouble = "`performance` cannot be read."
    return ParsedScript(
        script_id=f"library/{own_id}",
        source_uri=source_uri,
        author=labels["author"] or None,
        topic=labels["topic"],
        hook_style=hook_style_of(labels["hook_style"]),
        hook=parts.hook,
        body=parts.body,
        call_to_action=parts.call_to_action,
        text=joined,
        language=language_of(labels["language"]),
        performance=performance,
        left_out=_all_left_out(note.left_out, unread, trouble) + doubts,
    )


def _all_left_out(
    left_out: Counter[str], unread: set[str], trouble: str
) -> tuple[LeftOut, ...]:
    blanks = left_out.pop(PLACEHOLDER, 0)
    found = [LeftOut(kind, n) for kind, n in sorted(left_out.items()) if n]
    if blanks:
        detail = "Words in brackets stand for others, and stay; fill them in."
        found.append(LeftOut(PLACEHOLDER, blanks, detail))
    if unread:
        named = ", ".join(f"`{name}`" for name in sorted(unread))
        verb = "is" if len(unread) == 1 else "are"
        detail = f"{named} {verb} not one line of text; the script has none of it."
        found.append(LeftOut(LABEL, len(unread), detail))
    if trouble:
        found.append(LeftOut(READING, 1, trouble))
    return tuple(found)


def _label(fields: Mapping[str, Any], name: str, unread: set[str]) -> str:
    """Return a label as one line of text; "" if it is missing or cannot be read.

    The name of a label that cannot be read is added to `unread`. A list of several
    values is joined for author and topic; for other labels it cannot be read.
    """
    found = _readable(fields.get(name), several=name in ("author", "topic"))
    if found is None:
        unread.add(name)
    return found or ""


def _readable(value: object, several: bool = False) -> str | None:
    """Return a value as one line of words without links or quotes, or None.

    None means that the value cannot be written in this way. `several` allows a list of
    several values.
    """
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = f"[[{', '.join(map(str, value[0]))}]]"  # as YAML reads [[a link]]
    if isinstance(value, list):
        named = [found for item in value if (found := _readable(item, several)) != ""]
        if None in named or (len(named) > 1 and not several):
            return None
        return ", ".join(found for found in named if found is not None)
    try:
        text = word({"it": value}, "it")
    except InvalidSourceError:
        return None
    if _PLACEHOLDER.search(text):
        return None
    return _WIKI_LINK.sub(lambda link: (link[2] or link[1]).strip(), text)
