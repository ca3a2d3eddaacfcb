"""Writes a month's topics from its calendar and draws control and canary topics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ig_assets.core.generation.topics.calendar_file import CalendarNote
from ig_assets.core.generation.topics.content_calendar import (
    CalendarReading,
    CalendarTopic,
    TopicReject,
    read_calendar,
)
from ig_assets.core.identity import seeded_unit, stable_id
from ig_assets.core.ports import Clock
from ig_assets.core.source_states import calendar_source, record_source_state
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

ON_DEMAND = "on demand"
"""The source of a topic that a person requested."""
PLANNED, WITHDRAWN = "planned", "withdrawn"
"""The states of a topic; scripts are written for planned ones only."""

_KNOWN = """
SELECT t.topic_id, t.is_control, t.is_canary, t.source_uri,
    EXISTS (
        SELECT 1
        FROM withdrawn_topics AS w
        WHERE w.month = t.month
          AND w.topic_id = t.topic_id
    ) AS is_withdrawn,
    EXISTS (
        SELECT 1
        FROM drafts AS d
        WHERE d.month = t.month
          AND d.topic_id = t.topic_id
    ) AS drafted
FROM topics AS t
WHERE t.month = ?
"""

_WITHDRAW = f"""
UPDATE topics
SET status = '{WITHDRAWN}'
WHERE month = ?
  AND topic_id IN (SELECT unnest(?::TEXT[]))
"""

_RESOLVE = """
UPDATE topic_rejects
SET resolved_at = ?
WHERE resolved_at IS NULL
  AND coalesce(month, ?) = ?
"""

Known = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class TopicsSummary:
    """The numbers of a month's topics.

    `left_out` topics exceeded `IG_TOPICS_PER_MONTH`. `notes` are those of the calendar.
    """

    topics: int
    new: int
    rejected: int
    control: int
    canary: int
    left_out: int
    notes: tuple[CalendarNote, ...] = ()


@dataclass(frozen=True)
class Draw:
    """The settings for drawing control and canary topics.

    Shares are of the month's topics, 0 to 1. Canary topics are drawn only if a model is
    on trial (`has_candidate`).
    """

    seed: int
    control_share: float
    canary_share: float
    has_candidate: bool

    def control(self, month: str, ids: Sequence[str]) -> set[str]:
        """Return the topics that get a control arm."""
        return _drawn(ids, self.seed, "control", month, self.control_share)

    def canary(self, month: str, ids: Sequence[str]) -> set[str]:
        """Return the topics that get a canary arm: at least one, if there are topics.

        The set is empty while no model is on trial.
        """
        if not (self.has_candidate and self.canary_share > 0 and ids):
            return set()
        share = max(self.canary_share, 1 / len(ids))
        return _drawn(ids, self.seed, "canary", month, share)


def sync_topics(
    warehouse: Warehouse,
    clock: Clock,
    calendar: Path,
    month: str,
    draw: Draw,
    limit: int | None = None,
    run_id: str | None = None,
) -> TopicsSummary:
    """Write the calendar's topics of a month to the table `topics`.

    Only the first `limit` topics by due date are written. A topic with a draft keeps
    its draw. A topic that a person withdrew stays withdrawn. Topics of a file that has
    become unreadable stay planned. Raises InputError if the calendar does not exist.
    """
    reading = read_calendar(calendar, month)
    ordered = sorted(reading.topics, key=lambda t: (t[0].due_on, t[0].topic))
    chosen = {topic_id_of(month, t.topic): (t, s) for t, s in ordered[:limit]}
    with warehouse.transaction() as con:
        known = {row["topic_id"]: row for row in fetch_dicts(con, _KNOWN, [month])}
        rows = _rows(month, chosen, known, draw)
        merge_rows(con, "topics", rows)
        record_source_state(con, calendar_source(month), reading.state, run_id)
        con.execute(_WITHDRAW, [month, _withdrawn(reading, chosen, known)])
        _record_rejects(con, month, reading.rejects, clock.now())
    return TopicsSummary(
        topics=len(rows),
        new=len(set(chosen) - set(known)),
        rejected=len(reading.rejects),
        control=sum(bool(row["is_control"]) for row in rows),
        canary=sum(bool(row["is_canary"]) for row in rows),
        left_out=len(ordered) - len(chosen),
        notes=reading.notes,
    )


def _rows(
    month: str,
    chosen: Mapping[str, tuple[CalendarTopic, str]],
    known: Known,
    draw: Draw,
) -> list[dict[str, object]]:
    control, canary = draw.control(month, [*chosen]), draw.canary(month, [*chosen])
    rows = []
    for topic_id, (topic, source) in chosen.items():
        drawn = {"is_control": topic_id in control, "is_canary": topic_id in canary}
        before = known.get(topic_id)
        if before is not None and before["drafted"]:
            drawn = {name: before[name] for name in drawn}
        row = topic_row(topic, source, month, topic_id) | drawn
        if before is not None and before["is_withdrawn"]:
            row["status"] = WITHDRAWN
        rows.append(row)
    return rows


def _withdrawn(
    reading: CalendarReading, chosen: Mapping[str, object], known: Known
) -> list[str]:
    """Return the calendar's topics without drafts that are no longer in `chosen`.

    Topics of files that cannot be read now are not returned.
    """
    return [
        topic_id
        for topic_id, row in known.items()
        if topic_id not in chosen
        and not row["drafted"]
        and row["source_uri"] != ON_DEMAND
        and str(row["source_uri"]).partition("#")[0] not in reading.unreadable
    ]


def _record_rejects(
    con: Connection, month: str, rejects: Sequence[TopicReject], now: datetime
) -> None:
    con.execute(_RESOLVE, [now, month, month])
    rows = [
        {
            "month": month,
            "source_uri": reject.source_uri,
            "seen_at": now,
            "reason": reject.reason,
            "detail": reject.detail,
        }
        for reject in rejects
    ]
    merge_rows(con, "topic_rejects", rows)


def topic_id_of(month: str, topic: str) -> str:
    """Return the id of a month's topic; letter case and spaces make no difference."""
    return stable_id("topic", month, " ".join(topic.split()).casefold())


def topic_row(
    topic: CalendarTopic, source: str, month: str, topic_id: str
) -> dict[str, object]:
    """Return the row of a planned topic, without its draw."""
    return {
        "month": month,
        "topic_id": topic_id,
        "topic": topic.topic,
        "brief": topic.brief,
        "audience": topic.audience,
        "language": topic.language,
        "brand_voice": topic.brand_voice,
        "due_on": topic.due_on,
        "status": PLANNED,
        "source_uri": source,
    }


def _drawn(
    ids: Sequence[str], seed: int, what: str, month: str, share: float
) -> set[str]:
    """Return a seeded sample of `share` times the number of topics.

    A seeded draw decides whether a fraction is rounded up or down.
    """
    wanted = share * len(ids)
    count = math.floor(wanted)
    count += seeded_unit(seed, what, "fraction", month) < wanted - count
    ranked = sorted(ids, key=lambda topic_id: seeded_unit(seed, what, topic_id))
    return set(ranked[:count])
