"""A month's topics as rows: its calendar's, drawn for control and canary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ig_assets.core.generation.topics.content_calendar import (
    CalendarTopic,
    read_calendar,
)
from ig_assets.core.identity import seeded_unit, stable_id
from ig_assets.core.ports import Clock
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Warehouse

ON_DEMAND = "on demand"


@dataclass(frozen=True)
class TopicsSummary:
    """What a materialisation of a month's topics did."""

    topics: int
    new: int
    rejected: int
    control: int
    canary: int
    left_out: int


@dataclass(frozen=True)
class Draw:
    """How topics are drawn: shares of the month's topics, 0 to 1."""

    seed: int
    control_share: float
    canary_share: float
    has_candidate: bool


_RESOLVE = """
UPDATE topic_rejects
SET resolved_at = ?
WHERE resolved_at IS NULL
  AND coalesce(month, ?) = ?
"""


def sync_topics(
    warehouse: Warehouse,
    clock: Clock,
    calendar: Path,
    month: str,
    draw: Draw,
    limit: int | None = None,
) -> TopicsSummary:
    """Write the calendar's topics of a month; a drafted topic keeps its draw.

    `limit` takes the first topics by due date; the rest is left out, not lost. What
    an unreadable file held before stays planned. Raises InputError when the calendar
    does not exist.
    """
    reading = read_calendar(calendar, month)
    ordered = sorted(reading.topics, key=lambda t: (t[0].due_on, t[0].topic))
    chosen = ordered[:limit]
    ids = [topic_id_of(month, topic.topic) for topic, _ in chosen]
    control = _drawn(ids, draw.seed, "control", month, draw.control_share)
    canary: set[str] = set()
    if draw.has_candidate and draw.canary_share > 0:
        share = max(draw.canary_share, 1 / len(ids)) if ids else 0.0
        canary = _drawn(ids, draw.seed, "canary", month, share)
    now = clock.now()
    with warehouse.transaction() as con:
        known = {
            row["topic_id"]: row
            for row in fetch_dicts(
                con,
                """
                SELECT t.topic_id, t.is_control, t.is_canary, t.source_uri,
                    EXISTS (SELECT 1 FROM drafts AS d WHERE d.month = t.month
                            AND d.topic_id = t.topic_id) AS drafted
                FROM topics AS t
                WHERE t.month = ?
                """,
                [month],
            )
        }
        rows = []
        for (topic, source), topic_id in zip(chosen, ids, strict=True):
            before = known.get(topic_id)
            settled = before is not None and before["drafted"]
            rows.append(
                topic_row(topic, source, month, topic_id)
                | {
                    "is_control": (
                        before["is_control"]
                        if before and settled
                        else topic_id in control
                    ),
                    "is_canary": (
                        before["is_canary"]
                        if before and settled
                        else topic_id in canary
                    ),
                }
            )
        merge_rows(con, "topics", rows)
        for topic_id in set(known) - set(ids):
            row = known[topic_id]
            source = str(row["source_uri"])
            if source.partition("#")[0] in reading.unreadable:
                continue  # nobody can say that it is not there any more
            if not row["drafted"] and source != ON_DEMAND:
                con.execute(
                    "UPDATE topics SET status = 'withdrawn' "
                    "WHERE month = ? AND topic_id = ?",
                    [month, topic_id],
                )
        con.execute(_RESOLVE, [now, month, month])
        merge_rows(
            con,
            "topic_rejects",
            [
                {
                    "month": month,
                    "source_uri": reject.source_uri,
                    "seen_at": now,
                    "reason": reject.reason,
                    "detail": reject.detail,
                }
                for reject in reading.rejects
            ],
        )
    return TopicsSummary(
        topics=len(rows),
        new=len(set(ids) - set(known)),
        rejected=len(reading.rejects),
        control=sum(bool(row["is_control"]) for row in rows),
        canary=sum(bool(row["is_canary"]) for row in rows),
        left_out=len(ordered) - len(chosen),
    )


def topic_id_of(month: str, topic: str) -> str:
    """The id that a topic of a month has, whatever its case and spaces."""
    return stable_id("topic", month, " ".join(topic.split()).casefold())


def topic_row(
    topic: CalendarTopic, source: str, month: str, topic_id: str
) -> dict[str, object]:
    return {
        "month": month,
        "topic_id": topic_id,
        "topic": topic.topic,
        "brief": topic.brief,
        "audience": topic.audience,
        "language": topic.language,
        "brand_voice": topic.brand_voice,
        "due_on": topic.due_on,
        "status": "planned",
        "source_uri": source,
    }


def _drawn(
    ids: Sequence[str], seed: int, what: str, month: str, share: float
) -> set[str]:
    """A seeded draw of share × topics; the fraction is settled by one more draw."""
    wanted = share * len(ids)
    count = math.floor(wanted)
    count += seeded_unit(seed, what, "fraction", month) < wanted - count
    ranked = sorted(ids, key=lambda topic_id: seeded_unit(seed, what, topic_id))
    return set(ranked[:count])
