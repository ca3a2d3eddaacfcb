"""Builds a script from named fields and a text, and rejects what is no script.

Front matter and a table's row have the same fields: id, topic, hook_style, author,
language, hook, cta or call_to_action, and `performance` (source, as_of, counts). Words
and the id must be readable; a label or a reading that is not costs only itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.scripts.labels import hook_style_of, language_of
from ig_assets.core.corpus.scripts.notes.note import Note
from ig_assets.core.corpus.scripts.script import BROKEN as BROKEN
from ig_assets.core.corpus.scripts.script import (
    COUNTS,
    MAX_BYTES,
    MAX_ID_LENGTH,
    InvalidSourceError,
    LeftOut,
    ParsedScript,
    Performance,
    join_script,
)
from ig_assets.core.corpus.scripts.sections import Parts, parts_of, split_parts
from ig_assets.core.tabular import parse_count, parse_instant

LABEL, READING = "label", "reading"
"""Kinds of `LeftOut` that somebody should correct; the others are no fault."""

_PLACEHOLDER = re.compile(r"<%.*%>|\{\{.*\}\}|\{%.*%\}", re.DOTALL)
_WIKI_LINK = re.compile(r"\[\[(?:[^\[\]|]*/)?([^\[\]|]+)(?:\|([^\[\]]+))?\]\]")


def make_script(
    fields: Mapping[str, Any],
    text: str,
    source_uri: str,
    default_id: str,
    *,
    plain_hook: bool = False,
) -> ParsedScript:
    """The script of these fields and text. Raises InvalidSourceError.

    `default_id` is the id of a script whose fields have none; with `plain_hook` the
    first line is the hook even where it is no heading.
    """
    left_out: Counter[str] = Counter()
    parts = split_parts(text, *_given(fields), plain_hook, left_out)
    return _script(fields, parts, source_uri, default_id, left_out, set())


def make_note_script(note: Note, source_uri: str, default_id: str) -> ParsedScript:
    """The script of a note. Raises InvalidSourceError."""
    if words := note.unread & {"hook", "cta", "call_to_action", "id"}:
        raise InvalidSourceError(
            BROKEN, f"`{sorted(words)[0]}` cannot be read; write it in quotes."
        )
    fields, left_out = note.fields, note.left_out
    hook, call = _given(fields)
    if not (note.blocks or hook) and any(left_out.values()):
        listed = ", ".join(f"{kind} {n}" for kind, n in left_out.items() if n)
        raise InvalidSourceError(
            "no spoken words", f"Nothing in it is spoken; left out are: {listed}."
        )
    title = _readable(fields.get("title")) or ""
    parts = parts_of(note.blocks, left_out, hook, call, title)
    return _script(fields, parts, source_uri, default_id, left_out, note.unread)


def _given(fields: Mapping[str, Any]) -> tuple[str, str]:
    """Hook and call to action that are given by name; a template's are none."""
    hook, call = passage(fields, "hook"), passage(fields, "call_to_action")
    words = (hook, call or passage(fields, "cta"))
    return (
        "" if _PLACEHOLDER.fullmatch(words[0]) else words[0],
        "" if _PLACEHOLDER.fullmatch(words[1]) else words[1],
    )


def _script(
    fields: Mapping[str, Any],
    parts: Parts,
    source_uri: str,
    default_id: str,
    left_out: Counter[str],
    unread: set[str],
) -> ParsedScript:
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
    unread = set(unread)
    labels = {
        name: _label(fields, name, unread)
        for name in ("author", "topic", "hook_style", "language")
    }
    performance, trouble = None, ""
    try:
        performance = _performance(fields.get("performance"))
    except InvalidSourceError as error:
        trouble = error.detail
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
        left_out=_all_left_out(left_out, unread, trouble),
    )


def _all_left_out(
    left_out: Counter[str], unread: set[str], trouble: str
) -> tuple[LeftOut, ...]:
    found = [LeftOut(kind, n) for kind, n in sorted(left_out.items()) if n]
    if unread:
        named = ", ".join(f"`{name}`" for name in sorted(unread))
        verb = "is" if len(unread) == 1 else "are"
        detail = f"{named} {verb} not one line of text; the script has none of it."
        found.append(LeftOut(LABEL, len(unread), detail))
    if trouble:
        found.append(LeftOut(READING, 1, trouble))
    return tuple(found)


def passage(fields: Mapping[str, Any], name: str) -> str:
    """A text of any number of lines; empty where it is missing.

    Raises InvalidSourceError.
    """
    value = fields.get(name) or ""
    if not isinstance(value, str):
        raise InvalidSourceError(BROKEN, f"`{name}` is not a plain text.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        value = "\x00"
    if "\x00" in value:
        raise InvalidSourceError(BROKEN, f"`{name}` has characters that no text has.")
    return unicodedata.normalize("NFC", value.strip())


def word(fields: Mapping[str, Any], name: str) -> str:
    """A text of one line; empty where it is missing. Raises InvalidSourceError."""
    value = passage(fields, name)
    if "\n" in value or "\r" in value:
        raise InvalidSourceError(BROKEN, f"`{name}` is not one line of text.")
    return value


def _label(fields: Mapping[str, Any], name: str, unread: set[str]) -> str:
    """A label; empty where it is missing or, noted in `unread`, cannot be read.

    A list of several is one label where people share it: author and topic.
    """
    found = _readable(fields.get(name), several=name in ("author", "topic"))
    if found is None:
        unread.add(name)
    return found or ""


def _readable(value: object, several: bool = False) -> str | None:
    """One line of words without links or quotes; None where the value has none."""
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


def _performance(block: object) -> Performance | None:
    if not block:
        return None
    if not isinstance(block, Mapping):
        raise InvalidSourceError(BROKEN, "`performance` has no named values.")
    performance = Performance(
        source=word(block, "source") or "library",
        as_of=_as_of(word(block, "as_of")),
        **{name: _count(block, name) for name in COUNTS},
    )
    if performance.rate is not None and performance.rate > 1.0:
        raise InvalidSourceError(
            "impossible counts", "More likes are given than views or reach."
        )
    return performance


def _as_of(text: str) -> datetime:
    if not text:
        raise InvalidSourceError(
            BROKEN, "The performance has no `as_of`, the day on which it was read."
        )
    try:
        return parse_instant(text)
    except ValueError:
        raise InvalidSourceError(
            BROKEN, "`as_of` of the performance is not a date such as 2026-01-31."
        ) from None


def _count(block: Mapping[str, Any], name: str) -> float | None:
    text = word(block, name)
    if text in ("", "~", "null"):
        return None
    try:
        return parse_count(text)
    except ValueError as error:
        raise InvalidSourceError(
            BROKEN, f"`{name}` of the performance {error}."
        ) from None
