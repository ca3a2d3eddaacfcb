"""Reads a file of history: maps its columns, and accepts or rejects each row."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ig_assets.core.corpus.history_import.tables import BROKEN_LINE, read_frame
from ig_assets.core.corpus.rejects import HISTORY
from ig_assets.core.corpus.scripts.script import (
    MAX_BYTES,
    InvalidSourceError,
    Reject,
    join_script,
)
from ig_assets.core.corpus.scripts.secret_scan import secret_kind
from ig_assets.core.corpus.scripts.sections import split_parts
from ig_assets.core.identity import normalise_text, text_hash
from ig_assets.core.tabular.strict_csv import parse_count, parse_instant, plain_name
from ig_assets.errors import InputError

# Our columns, and their names in the Upworthy archive, Instagram's exports and those
# of common A/B tools; the first name that a file has is taken.
ALIASES: dict[str, tuple[str, ...]] = {
    "experiment_id": ("experiment", "clickability_test_id", "test_id", "ab_test_id"),
    "arm": ("variant", "variation", "cell", "arm_id", "variant_id"),
    "topic": ("subject", "theme", "category"),
    "hook_style": ("style", "hook_type"),
    "hook": ("headline", "title", "opening"),
    "body": ("lede", "description", "excerpt"),
    "call_to_action": ("cta",),
    "text": ("script", "script_text", "content", "caption"),
    "language": ("lang", "locale"),
    "author": ("writer", "creator", "username"),
    "post_id": ("media_id", "ig_media_id", "video_id", "id"),
    "permalink": ("post_url", "url", "link", "shortcode", "webpage_url"),
    "image": ("eyecatcher_id", "image_id", "thumbnail_id", "thumbnail"),
    "posted_on": ("posted_at", "published_at", "published_on", "publish_time", "date"),
    "as_of": ("observed_on", "observed_at", "snapshot_at", "snapshot_date", "read_at"),
    "running": ("is_running",),
    "ends_on": ("ends_at", "end_date"),
    "simulated": ("is_simulated", "synthetic"),
    "impressions": ("impression_count",),
    "reach": ("accounts_reached",),
    "views": ("view_count", "video_views", "plays"),
    "likes": ("like_count", "likes_count"),
    "clicks": ("click_count", "link_clicks"),
    "comments": ("comment_count", "comments_count"),
    "shares": ("share_count", "shares_count"),
    "saves": ("saved", "save_count", "saves_count"),
}
NUMERATORS = ("likes", "clicks")
DENOMINATORS = ("impressions", "reach", "views")
METRICS = (*DENOMINATORS, *NUMERATORS, "comments", "shares", "saves")

_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_TRUTH = {"true": True, "1": True, "yes": True} | dict.fromkeys(
    ("", "false", "0", "no"), False
)


@dataclass(frozen=True)
class HistoryRow:
    """One accepted row; `number` counts the file's rows from 1, counts are >= 0.

    Texts are empty where the file has none; times are naive UTC. `read_at` is when the
    counts were read; `is_running` and `ends_on` are of the row's test.
    """

    number: int
    experiment: str
    arm: str
    topic: str
    hook_style: str
    hook: str
    body: str
    call_to_action: str
    text: str
    revision_hash: str
    language: str
    author: str
    image: str
    posted_on: datetime | None
    simulated: bool
    counts: Mapping[str, float]
    post_id: str = ""
    permalink: str = ""
    read_at: datetime | None = None
    is_running: bool | None = None
    ends_on: datetime | None = None


@dataclass(frozen=True)
class ParsedHistory:
    """A file's rows and how its columns were understood.

    `mapping` is {our column: the file's}; `left_alone` are the file's other columns.
    `numerator` and `denominator` are the metrics of the rate, None where the file has
    no such column; `denominators` are those that a post may have instead, the
    preferred one first. `rows_read` counts accepted and rejected rows.
    """

    rows: tuple[HistoryRow, ...]
    rejects: tuple[Reject, ...]
    rows_read: int
    mapping: Mapping[str, str]
    left_alone: tuple[str, ...]
    numerator: str | None
    denominator: str | None
    denominators: tuple[str, ...] = ()


def guess_mapping(columns: Sequence[str]) -> dict[str, str]:
    """The file's column for each of ours that it has: {ours: theirs}."""
    theirs = {plain_name(column): column for column in reversed(columns)}
    found: dict[str, str] = {}
    for ours, aliases in ALIASES.items():
        name = next((n for n in (ours, *aliases) if n in theirs), None)
        if name is not None:
            found[ours] = theirs[name]
    if "date" in theirs and found.get("posted_on") != theirs["date"]:
        found.setdefault("as_of", theirs["date"])
    if "body" in found and "hook" not in found and "text" not in found:
        found["text"] = found.pop("body")
    return found


def read_history(
    file: Path,
    mapping: Mapping[str, str] | None = None,
    numerator: str | None = None,
    denominator: str | None = None,
    simulated: bool | None = None,
) -> ParsedHistory:
    """Read CSV(.gz), JSONL(.gz) or Parquet.

    `mapping` ({ours: theirs}) overrides the guess; an empty `theirs` drops a guess.
    `simulated=None` takes the file's own column, or False. Raises InputError when the
    file cannot be read at all, when a mapped column is missing, or when no column is
    the hook or the text.
    """
    frame, bad_lines = read_frame(file)
    mapping = _mapped([str(c) for c in frame.columns], mapping or {})
    if "hook" not in mapping and "text" not in mapping:
        raise InputError(
            f"No column of {file.name} is known to be the hook; say which one with "
            f"--map hook=COLUMN (columns: {', '.join(map(str, frame.columns))})."
        )
    columns = {
        ours: [str(value) for value in frame[theirs].tolist()]
        for ours, theirs in mapping.items()
    }
    numerator = _chosen(numerator, NUMERATORS, mapping)
    wanted = (denominator,) if denominator else DENOMINATORS
    denominators = tuple(name for name in wanted if name in mapping)
    denominator = _chosen(denominator, DENOMINATORS, mapping)
    broken = frame[BROKEN_LINE].tolist() if BROKEN_LINE in frame.columns else []
    rows, rejects = [], []
    for position, values in enumerate(zip(*columns.values(), strict=True)):
        number = position + 1
        try:
            if broken and broken[position]:
                raise InvalidSourceError(
                    "broken row", "Its line is not one JSON object."
                )
            row = dict(zip(columns, values, strict=True))
            rows.append(_row(number, row, numerator, denominators, simulated))
        except InvalidSourceError as error:
            uri = f"{HISTORY}{file.name}#{number}"
            rejects.append(Reject(uri, error.reason, error.detail))
    for n, width in enumerate(bad_lines, 1):
        detail = f"A line has {width} values and the header {len(frame.columns)}."
        rejects.append(Reject(f"{HISTORY}{file.name}#line-{n}", "broken row", detail))
    return ParsedHistory(
        rows=tuple(rows),
        rejects=tuple(rejects),
        rows_read=len(frame) + len(bad_lines),
        mapping=mapping,
        left_alone=tuple(
            str(column)
            for column in frame.columns
            if column not in mapping.values() and column != BROKEN_LINE
        ),
        numerator=numerator,
        denominator=denominator,
        denominators=denominators,
    )


def _mapped(columns: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    if unknown := sorted(set(given) - set(ALIASES)):
        raise InputError(
            f"--map {unknown[0]}=… names nothing we know; known are "
            f"{', '.join(ALIASES)}."
        )
    if missing := sorted(t for t in given.values() if t and t not in columns):
        raise InputError(
            f"The file has no column {missing[0]!r}; it has {', '.join(columns)}."
        )
    taken = set(given.values())
    guessed = {o: t for o, t in guess_mapping(columns).items() if t not in taken}
    return {ours: theirs for ours, theirs in (guessed | dict(given)).items() if theirs}


def _chosen(
    given: str | None, candidates: Sequence[str], mapping: Mapping[str, str]
) -> str | None:
    if given is None:
        return next((name for name in candidates if name in mapping), None)
    if given not in METRICS or given not in mapping:
        known = ", ".join(name for name in METRICS if name in mapping) or "none"
        raise InputError(
            f"No column is mapped to the metric {given!r}; mapped: {known}."
        )
    return given


def _row(
    number: int,
    row: Mapping[str, str],
    numerator: str | None,
    denominators: Sequence[str],
    simulated: bool | None,
) -> HistoryRow:
    words = [row.get(n, "") for n in ("hook", "body", "call_to_action", "text")]
    if any("\x00" in part for part in words):
        raise InvalidSourceError("binary", "The text contains NUL characters.")
    hook, body, call_to_action, text = (_without_tags(part) for part in words)
    hook = " ".join(hook.split())
    if text and not body:
        hook, body, call_to_action = split_parts(text, hook, call_to_action, True)
    text = text or join_script(hook, body, call_to_action)
    if not hook:
        raise InvalidSourceError("no hook", "The row has no hook.")
    if len(text.encode("utf-8")) > MAX_BYTES:
        raise InvalidSourceError("over 64 KiB", "The text is longer than 64 KiB.")
    if kind := secret_kind(text):
        raise InvalidSourceError(
            "looks like a secret", f"The text seems to contain {kind}."
        )
    counts = dict(_counts(row))
    denominator = next((name for name in denominators if name in counts), None)
    events, trials = counts.get(numerator or ""), counts.get(denominator or "")
    if events is not None and trials is not None and events > trials:
        raise InvalidSourceError(
            "impossible counts", f"More {numerator} than {denominator} are given."
        )
    return HistoryRow(
        number=number,
        experiment=row.get("experiment_id", "").strip(),
        arm=row.get("arm", "").strip(),
        topic=row.get("topic", "").strip(),
        hook_style=row.get("hook_style", "").strip(),
        hook=hook,
        body=body,
        call_to_action=call_to_action,
        text=text,
        revision_hash=text_hash(text),
        language=row.get("language", "").strip(),
        author=row.get("author", "").strip(),
        image=row.get("image", "").strip(),
        posted_on=_date(row, "posted_on"),
        simulated=_yes_or_no(row, "simulated") if simulated is None else simulated,
        counts=counts,
        post_id=row.get("post_id", "").strip(),
        permalink=row.get("permalink", "").strip(),
        read_at=_date(row, "as_of"),
        is_running=_yes_or_no(row, "running") if row.get("running") else None,
        ends_on=_date(row, "ends_on"),
    )


def _without_tags(text: str) -> str:
    """The text as a reader sees it: HTML tags removed and entities replaced."""
    if "<" in text and _TAG.search(text):
        text = html.unescape(_TAG.sub(" ", text))
        text = re.sub(r"[ \t]+", " ", text)
    return normalise_text(text)


def _counts(row: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    for name in METRICS:
        text = row.get(name, "").strip()
        if not text:
            continue
        if re.fullmatch(r"-[0-9.]+", text):
            raise InvalidSourceError("negative count", f"`{name}` is below 0.")
        try:
            yield name, parse_count(text)
        except ValueError as error:
            raise InvalidSourceError(
                "not a count", f"`{name}` is not {error}."
            ) from None


def _date(row: Mapping[str, str], name: str) -> datetime | None:
    text = row.get(name, "").strip()
    try:
        return parse_instant(text) if text else None
    except ValueError:
        raise InvalidSourceError(
            "not a date", f"`{name}` is not a date such as 2026-01-31."
        ) from None


def _yes_or_no(row: Mapping[str, str], name: str) -> bool:
    value = row.get(name, "").strip().lower()
    if value not in _TRUTH:
        raise InvalidSourceError(
            "not yes or no", f"`{name}` is neither true nor false."
        )
    return _TRUTH[value]
