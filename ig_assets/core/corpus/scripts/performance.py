"""Reads the past performance of a script from a note or a row.

It is given as named counts, or in words such as `12,400 views, 310 likes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ig_assets.core.corpus.scripts.fields import word
from ig_assets.core.corpus.scripts.script import (
    BROKEN,
    COUNTS,
    InvalidSourceError,
    Performance,
)
from ig_assets.core.tabular import (
    NAMES,
    NotACountError,
    NumberFormat,
    parse_count,
    parse_instant,
    plain_name,
    sheet_error,
)
from ig_assets.core.tabular.cells.counts import CountEvidence

_HOW = "write it as `12400 views, 310 likes`"
_NUMBER = r"[0-9][0-9.,'\u2019\u00a0\u202f]*(?: [0-9]{3})*"
_SUFFIX = r"(?:\s?(?:k|m|mn|tsd|mio|mln)\b\.?)?"
_PIECE = re.compile(
    rf"(?P<first>{_NUMBER}{_SUFFIX})(?P<percent>\s*%)?\s+(?P<after>[^\W\d_][^0-9%]*)|"
    rf"(?P<before>[^\W\d_][^0-9:=%]*?)\s*[:=]?\s*(?P<last>{_NUMBER}{_SUFFIX})"
    r"(?P<share>\s*%)?",
    re.I,
)
_BETWEEN = re.compile(
    r"[;|\n\u00b7\u2022/()]|,(?=\s)|,(?=[^\W\d])|\s(?:and|und|et|y|e)\s"
)
_DAY = re.compile(r"(?:as of|stand|vom|am|au|al)?\s*:?\s*\b(\d{4}-\d{2}-\d{2})\b", re.I)
_OURS = {plain_name(name): ours for ours in COUNTS for name in (ours, *NAMES[ours])}


def performance_of(
    fields: Mapping[str, Any], numbers: NumberFormat | None = None
) -> tuple[Performance | None, str]:
    """Return (the performance in a note's or row's `fields` or None, a sentence or "").

    The sentence is about counts that are left out, since they are errors of a
    spreadsheet. `numbers` is the format of counts in a table's column; without it the
    format is guessed from the words. Raises InvalidSourceError if `performance` cannot
    be read.
    """
    block = fields.get("performance")
    if block is None or block == "" or block == {}:
        return None, ""
    if isinstance(block, str):
        named = _named(block, numbers or words_format([block]))
        block = {"source": fields.get("source"), "as_of": fields.get("as_of"), **named}
    if not isinstance(block, Mapping):
        raise InvalidSourceError(BROKEN, f"`performance` has no named values; {_HOW}.")
    errors = {name: error for name in COUNTS if (error := _sheet_error(block, name))}
    counts = {name: _count(block, name) for name in COUNTS if name not in errors}
    performance = Performance(
        source=word(block, "source") or "library",
        as_of=_as_of(word(block, "as_of")),
        **counts,
    )
    if performance.rate is not None and performance.rate > 1.0:
        raise InvalidSourceError(
            "impossible counts", "More likes are given than views or reach."
        )
    trouble = " ".join(
        f"`{name}` of the performance is {error}, an error of a sheet."
        for name, error in errors.items()
    )
    return (None if errors and not any(counts.values()) else performance), trouble


def words_format(texts: Iterable[str]) -> NumberFormat:
    """Return the number format of the counts in these texts, as far as it is clear."""
    evidence = CountEvidence()
    for text in texts:
        counts = [count for _, count in _pieces(text)]
        evidence.add_all(counts, [0] * len(counts))
    return evidence.decide()


def _named(text: str, numbers: NumberFormat) -> dict[str, str]:
    """Return {our name: count as text} of a text such as `12,400 views, 310 likes`.

    Raises InvalidSourceError if a count cannot be read or occurs twice, or if there is
    no known count.
    """
    found: dict[str, str] = {}
    for name, count in _pieces(text):
        ours = _OURS.get(plain_name(name))
        if ours is None:
            continue
        try:
            value = parse_count(count, numbers)
        except NotACountError as error:
            raise InvalidSourceError(
                BROKEN, f"`{ours}` of the performance {error}; {_HOW}."
            ) from None
        if ours in found:
            raise InvalidSourceError(
                BROKEN, f"`performance` has several counts of {ours}; {_HOW}."
            )
        found[ours] = "" if value is None else str(int(value))
    if not found:
        raise InvalidSourceError(
            BROKEN, f"`performance` has no count with a name that is known; {_HOW}."
        )
    if day := _DAY.search(text):
        found["as_of"] = day[1]
    return found


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield (name, count) of each part of a text; skip percentages and bare numbers."""
    for piece in _BETWEEN.split(_DAY.sub(" ", text)):
        if (found := _PIECE.fullmatch(piece.strip(" .\t"))) is None:
            continue
        if not (found["percent"] or found["share"]):
            name = (found["after"] or found["before"]).strip(" .:")
            yield name, (found["first"] or found["last"]).strip()


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


def _sheet_error(block: Mapping[str, Any], name: str) -> str:
    value = block.get(name)
    return sheet_error(value) if isinstance(value, str) else ""


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
