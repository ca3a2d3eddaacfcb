"""Sums the performance of each script of a file: the counts of its posts, and the rate.

A rate is the sum of events divided by the sum of trials, over the posts that have both.
Counts with different denominators are never added up: a script gets one row per
denominator.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ig_assets.core.corpus.history_import.identity.file_posts import FilePost
from ig_assets.core.corpus.history_import.planning.rates import denominator_of
from ig_assets.core.corpus.history_import.planning.reading_times import ReadingTime
from ig_assets.core.corpus.history_import.reading.columns import METRICS
from ig_assets.core.corpus.history_import.reading.rows import ParsedHistory
from ig_assets.core.corpus.scripts.script import COUNTS
from ig_assets.core.identity import next_instant, stable_id
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets.warehouse.warehouse import Connection

_KNOWN = """
    SELECT *
    FROM script_performance
    WHERE source = ?
       OR starts_with(source, ? || '/')
    ORDER BY as_of
"""

CORRECTIONS = timedelta(milliseconds=1)
"""Span after a reading time in which corrections are stored, 1 microsecond apart."""


@dataclass(frozen=True)
class ScriptPost:
    """A post of a file, and the script whose words it shows."""

    post: FilePost
    script_id: str


def performance_rows(
    con: Connection,
    posts: Sequence[ScriptPost],
    history: ParsedHistory,
    source: str,
    time: ReadingTime,
    corrects: bool = False,
) -> list[dict[str, Any]]:
    """Return the rows to add to `script_performance`.

    A script whose posts have several denominators gets one row per denominator. The row
    with the newest post's denominator has the plain `source`; the others have a suffix.
    With `corrects` a person states another rate for stored counts: the row then
    supersedes earlier corrections of the same reading time.
    """
    key = f"import/{stable_id('import', source)}"
    known: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in fetch_dicts(con, _KNOWN, [key, key]):
        known[row["script_id"], row["revision_hash"], row["source"]].append(row)
    by_script: dict[tuple[str, str], list[FilePost]] = defaultdict(list)
    for item in posts:
        latest = time.readings(item.post)[-1]
        if item.post.row.counts and not latest.is_before_the_post:
            by_script[item.script_id, item.post.row.revision_hash].append(item.post)
    rows = []
    for (script_id, revision_hash), members in by_script.items():
        for suffix, part in _by_denominator(members, history):
            as_of = max(time.readings(post)[-1].at for post in part)
            figures = _figures(part, history)
            name = f"{key}{suffix}"
            before = known[script_id, revision_hash, name]
            at = _news(before, as_of, figures, corrects)
            if at is not None:
                rows.append(
                    {
                        "script_id": script_id,
                        "revision_hash": revision_hash,
                        "source": name,
                        "as_of": at,
                        **figures,
                    }
                )
    return rows


def _news(
    known: Sequence[Mapping[str, Any]],
    as_of: datetime,
    figures: Mapping[str, float | None],
    corrects: bool,
) -> datetime | None:
    """Return the time under which to store figures, or None if they are stored already.

    `known` are the stored rows of one script and source, the oldest first. The time is
    `as_of`, or the next instant if a row has that time. Figures that are older than a
    stored row are stored as well, as history. With `corrects`, earlier corrections of
    the same reading time count as rows of that time.
    """
    until = as_of + CORRECTIONS if corrects else as_of
    before = [row for row in known if row["as_of"] <= until]
    last = before[-1] if before else None
    if last is not None and all(last[n] == value for n, value in figures.items()):
        return None
    at = next_instant(as_of, last["as_of"] if last else None)
    return None if any(row["as_of"] == at for row in known) else at


def _by_denominator(
    posts: Sequence[FilePost], history: ParsedHistory
) -> list[tuple[str, list[FilePost]]]:
    """Return (suffix of the source, posts) for each denominator.

    The newest post's denominator comes first. Its suffix is "", and the posts without a
    rate are added to it.
    """
    parts: dict[str | None, list[FilePost]] = defaultdict(list)
    for post in posts:
        parts[denominator_of(post, history)].append(post)
    unrated = parts.pop(None, [])
    if not parts:
        return [("", unrated)]
    main = max(parts, key=lambda name: (_newest(parts[name]), name or ""))
    found = [("", parts.pop(main) + unrated)]
    return found + [(f"/{name}", parts[name]) for name in sorted(map(str, parts))]


def _newest(posts: Sequence[FilePost]) -> datetime:
    return max(post.row.posted_on or datetime.min for post in posts)


def _figures(
    posts: Sequence[FilePost], history: ParsedHistory
) -> dict[str, float | None]:
    """Return the sums of the posts' latest counts, and their rate.

    Impressions are used as views if no post has views. The rate is computed over the
    posts that have both its numerator and its denominator; it is None if no post has
    both.
    """
    sums = {
        name: sum(post.row.counts.get(name, 0.0) for post in posts)
        for name in METRICS
        if any(name in post.row.counts for post in posts)
    }
    counts = {name: sums.get(name) for name in COUNTS}
    if counts["views"] is None:
        counts["views"] = sums.get("impressions")
    events, trials = 0.0, 0.0
    for post in posts:
        denominator = denominator_of(post, history)
        row = denominator and post.rated(history.numerator, denominator)
        if row and denominator and history.numerator:
            events += row.counts[history.numerator]
            trials += row.counts[denominator]
    return {**counts, "rate": events / trials if trials else None}
