"""Builds a script from named fields and a text, and rejects what is no script.

Front matter and a table's row have the same fields: id, topic, hook_style, author,
language, hook, cta or call_to_action, and `performance` (source, as_of, counts).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.scripts.labels import hook_style_of, language_of
from ig_assets.core.corpus.scripts.script import (
    COUNTS,
    MAX_BYTES,
    MAX_ID_LENGTH,
    InvalidSourceError,
    ParsedScript,
    Performance,
    join_script,
)
from ig_assets.core.corpus.scripts.sections import split_parts
from ig_assets.core.tabular import parse_count, parse_instant

BROKEN = "broken front matter"


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
    parts = split_parts(
        text,
        passage(fields, "hook"),
        passage(fields, "call_to_action") or passage(fields, "cta"),
        plain_hook,
    )
    joined = join_script(*parts)
    if len(joined.encode("utf-8")) > MAX_BYTES:
        raise InvalidSourceError("over 64 KiB", "The text is longer than 64 KiB.")
    own_id = word(fields, "id") or default_id
    if len(own_id) > MAX_ID_LENGTH:
        raise InvalidSourceError(
            BROKEN, f"The id is longer than {MAX_ID_LENGTH} characters."
        )
    return ParsedScript(
        script_id=f"library/{own_id}",
        source_uri=source_uri,
        author=word(fields, "author") or None,
        topic=word(fields, "topic"),
        hook_style=hook_style_of(word(fields, "hook_style")),
        hook=parts.hook,
        body=parts.body,
        call_to_action=parts.call_to_action,
        text=joined,
        language=language_of(word(fields, "language")),
        performance=_performance(fields.get("performance")),
    )


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
