"""Snapshots of what the platform reports about live posts, append-only.

Missing is NULL, never 0. A value that was restated is a new row with a later
`observed_at`; a value that is the same writes nothing, so a rerun changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from ig_assets.core.ports import Clock, Reading, SocialPlatform
from ig_assets.errors import InputError
from ig_assets.warehouse.connection import Connection, Warehouse
from ig_assets.warehouse.rows import fetch_dicts, merge_rows

MAX_AGE_DAYS = 90
DAILY_UNTIL_DAYS = 28
BATCH = 50
DAY = timedelta(days=1)

_LIVE = """
SELECT post_id, platform_post_id, published_at
FROM posts
WHERE status = 'published'
  AND platform = ?
  AND platform_post_id IS NOT NULL
  AND published_at < ?
  AND published_at >= ?
ORDER BY published_at, post_id
"""

_LIVE_COUNT = """
SELECT count(*)
FROM posts
WHERE status = 'published'
  AND platform_post_id IS NOT NULL
  AND published_at < ?
  AND published_at >= ?
"""

_STORED = """
SELECT post_id, metric, as_of, observed_at, value
FROM (
    SELECT post_id, metric, as_of, observed_at, value,
           row_number() OVER (
               PARTITION BY post_id, metric, as_of
               ORDER BY observed_at DESC
           ) AS recency
    FROM engagement
    WHERE as_of = ?
      AND list_contains(?::TEXT[], post_id)
) AS latest
WHERE recency = 1
"""


@dataclass(frozen=True)
class EngagementSummary:
    """`posts` that were read, rows of `readings` written, and how many of these
    rows are `missing` (NULL) or `restated` (differ from what was stored)."""

    posts: int
    readings: int
    missing: int
    restated: int


def collect_engagement(
    warehouse: Warehouse,
    clock: Clock,
    platform: SocialPlatform,
    day: date,
    max_age_days: int = MAX_AGE_DAYS,
) -> EngagementSummary:
    """Read the live posts of one UTC day: daily to 28 days of age, then weekly.

    A platform that can read the past is read as of the day's end (or now, while the
    day lasts). A live one is read as of now, and only for the present day or the
    one before it: an older day keeps its rows and reads nothing. Each batch of 50
    posts is committed by itself. Raises InputError for a day that has not begun,
    and the platform's VendorError (what was read before it is kept).
    """
    now = clock.now()
    begin = datetime.combine(day, time())
    end = begin + DAY
    if begin > now:
        raise InputError(
            f"Engagement of {day.isoformat()} cannot be read, since that day has not "
            "begun; choose a day up to the present one."
        )
    if not platform.can_read_the_past and now >= end + DAY:
        return EngagementSummary(0, 0, 0, 0)
    as_of = min(end, now) if platform.can_read_the_past else now
    with warehouse.transaction() as con:
        parameters = [platform.platform, min(end, now), end - max_age_days * DAY]
        live = fetch_dicts(con, _LIVE, parameters)
    due = [post for post in live if _is_due(end - post["published_at"])]
    written = missing = restated = 0
    for start in range(0, len(due), BATCH):
        batch = due[start : start + BATCH]
        answers = platform.insights([p["platform_post_id"] for p in batch], as_of)
        rows = _rows(batch, platform.metrics, answers, as_of)
        with warehouse.transaction() as con:
            fresh, again = _only_news(con, rows, as_of, clock.now())
            merge_rows(con, "engagement", fresh, replace=False)
        written += len(fresh)
        missing += sum(row["value"] is None for row in fresh)
        restated += again
    return EngagementSummary(len(due), written, missing, restated)


def live_posts(con: Connection, as_of: datetime, max_age_days: int = 90) -> int:
    """Published posts that are at most `max_age_days` old at `as_of`."""
    ((count,),) = con.execute(
        _LIVE_COUNT, [as_of, as_of - max_age_days * DAY]
    ).fetchall()
    return int(count)


def _is_due(age_at_day_end: timedelta) -> bool:
    """Daily until 28 days old, then on every seventh day of age."""
    days = age_at_day_end // DAY
    return days <= DAILY_UNTIL_DAYS or days % 7 == 0


def _rows(
    posts: Sequence[dict[str, Any]],
    metrics: Sequence[str],
    answers: Sequence[Reading],
    as_of: datetime,
) -> list[dict[str, Any]]:
    """One row a (post, metric): what was not answered is NULL."""
    values = {(r.platform_post_id, r.metric): _finite(r.value) for r in answers}
    return [
        {
            "post_id": post["post_id"],
            "metric": metric,
            "as_of": as_of,
            "value": values.get((post["platform_post_id"], metric)),
            "age_hours": (as_of - post["published_at"]) / timedelta(hours=1),
        }
        for post in posts
        for metric in metrics
    ]


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _only_news(
    con: Connection, rows: list[dict[str, Any]], as_of: datetime, now: datetime
) -> tuple[list[dict[str, Any]], int]:
    """Rows that say something new, each observed later than what it restates."""
    ids = sorted({row["post_id"] for row in rows})
    stored = {
        (old["post_id"], old["metric"]): old
        for old in fetch_dicts(con, _STORED, [as_of, ids])
    }
    fresh, restated = [], 0
    for row in rows:
        old = stored.get((row["post_id"], row["metric"]))
        if old is not None and old["value"] == row["value"]:
            continue
        observed_at = now
        if old is not None:
            restated += 1
            observed_at = max(now, old["observed_at"] + timedelta(microseconds=1))
        fresh.append({**row, "observed_at": observed_at})
    return fresh, restated
