"""Collects the engagement of live posts from the platform, append-only.

A missing value is NULL, never 0. A changed value is a new row with a later
`observed_at`; an unchanged value writes nothing, so a rerun changes nothing. Requests
run in one pool and each answer is stored as it comes. After a kill, the next run
continues with the remaining posts.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from ig_assets.core.costs.concurrency import run_bounded
from ig_assets.core.costs.ledger.group_commit import GroupCommit
from ig_assets.core.identity import next_instant, stable_id
from ig_assets.core.operations.clock import (
    clock_in_words,
    day_ranges,
    or_move_the_clock,
)
from ig_assets.core.operations.progress import Progress
from ig_assets.core.ports import (
    AdvertisedPlatform,
    Clock,
    InsightsSource,
    Reading,
    RecordedPlatform,
    SocialPlatform,
)
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Connection, Warehouse

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

# One row of any metric shows that a post was read, even if some metrics are missing.
_READ_ALREADY = """
SELECT DISTINCT post_id
FROM engagement
WHERE as_of >= ?
"""

_STORED = """
SELECT post_id, metric, observed_at, value
FROM current_readings
WHERE as_of = ?
  AND list_contains(?::TEXT[], post_id)
"""


@dataclass(frozen=True)
class EngagementSummary:
    """The numbers of one collection.

    `posts` were read and `readings` rows written; `missing` of these rows are NULL, and
    `restated` differ from the stored value. `kept` posts were skipped, since an earlier
    run read them after the day had ended.
    """

    posts: int
    readings: int
    missing: int
    restated: int
    kept: int = 0


def collect_engagement(
    warehouse: Warehouse,
    clock: Clock,
    platform: SocialPlatform,
    day: date,
    max_age_days: int = MAX_AGE_DAYS,
    max_in_flight: int = 1,
) -> EngagementSummary:
    """Read the live posts of one UTC day: daily to 28 days of age, then weekly.

    A platform that can read the past is read as of the day's end (or now, while the day
    lasts). Other platforms are read as of now, and only for today and yesterday. For
    yesterday, only posts are read that were not read since that day ended. For older
    days nothing is read and stored rows stay.

    At most `max_in_flight` requests of 50 posts run at once, and each answer is stored
    before its thread sends the next request. The platform's ads are read last. Raises
    InputError for a day that has not begun, and the platform's VendorError; answers
    received before the error are kept.
    """
    check_has_begun(clock, [day])
    sources: list[InsightsSource] = [platform]
    if isinstance(platform, AdvertisedPlatform):
        sources.append(platform.ads)
    read = [
        _collect(warehouse, clock, source, day, max_age_days, max_in_flight)
        for source in sources
    ]
    return EngagementSummary(*map(sum, zip(*map(astuple, read), strict=True)))


def begun(clock: Clock, days: Sequence[date]) -> list[date]:
    """Return the days that have begun, whose engagement can therefore be read."""
    now = clock.now()
    return [day for day in days if datetime.combine(day, time()) <= now]


def check_has_begun(clock: Clock, days: Sequence[date]) -> None:
    """Raise InputError naming the days that have not begun, if there are any."""
    if ahead := [day for day in days if day not in begun(clock, days)]:
        has = "that day has" if len(ahead) == 1 else "those days have"
        raise InputError(
            f"Engagement of {day_ranges(ahead)} cannot be read, since {has} not begun: "
            f"{clock_in_words(clock)}. Choose days up to {clock.now():%Y-%m-%d}"
            f"{or_move_the_clock(clock, max(ahead) + DAY)}."
        )


def is_out_of_reach(platform: InsightsSource, clock: Clock, day: date) -> bool:
    """Return whether `day` is too old for a platform that cannot read the past."""
    after_next = datetime.combine(day, time()) + 2 * DAY
    return not platform.can_read_the_past and clock.now() >= after_next


def _collect(
    warehouse: Warehouse,
    clock: Clock,
    platform: InsightsSource,
    day: date,
    max_age_days: int,
    max_in_flight: int,
) -> EngagementSummary:
    now = clock.now()
    end = datetime.combine(day, time()) + DAY
    if is_out_of_reach(platform, clock, day):
        return EngagementSummary(0, 0, 0, 0)
    as_of = min(end, now) if platform.can_read_the_past else now
    since, until = end - max_age_days * DAY, min(end, now)
    with warehouse.transaction() as con:
        if isinstance(platform, RecordedPlatform):
            _adopt(con, platform, since, until)
        live = fetch_dicts(con, _LIVE, [platform.platform, until, since])
        resumes = not platform.can_read_the_past and now >= end
        read = _read_since(con, end) if resumes else set()
    due = [post for post in live if _is_due(end - post["published_at"])]
    left = [post for post in due if post["post_id"] not in read]
    batches = [left[start : start + BATCH] for start in range(0, len(left), BATCH)]
    commits = GroupCommit(warehouse)
    progress = Progress("posts", len(left))

    def read_batch(
        posts: list[dict[str, Any]], halt: threading.Event
    ) -> EngagementSummary:
        written = _read_batch(commits, clock, platform, posts, as_of)
        progress.add(len(posts))
        return written

    written = run_bounded((partial(read_batch, b) for b in batches), max_in_flight)
    return EngagementSummary(
        posts=len(left),
        readings=sum(w.readings for w in written),
        missing=sum(w.missing for w in written),
        restated=sum(w.restated for w in written),
        kept=len(due) - len(left),
    )


def _adopt(
    con: Connection, platform: RecordedPlatform, since: datetime, until: datetime
) -> None:
    """Store the posts of a recorded history that are not stored yet.

    They belong to no experiment.
    """
    rows = [
        {
            "post_id": stable_id("post", platform.platform, post.platform_post_id),
            "platform": platform.platform,
            "platform_post_id": post.platform_post_id,
            "status": "published",
            "published_at": post.published_at,
            "detail": "recorded",
        }
        for post in platform.recorded(since, until)
    ]
    merge_rows(con, "posts", rows, replace=False)


def _read_since(con: Connection, end: datetime) -> set[str]:
    return {post_id for (post_id,) in con.execute(_READ_ALREADY, [end]).fetchall()}


def _read_batch(
    commits: GroupCommit,
    clock: Clock,
    platform: InsightsSource,
    posts: Sequence[dict[str, Any]],
    as_of: datetime,
) -> EngagementSummary:
    """Request the engagement of a batch of posts, then store it in one transaction."""
    answers = platform.insights([p["platform_post_id"] for p in posts], as_of)
    rows = _rows(posts, platform.metrics, answers, as_of)
    observed_at = clock.now()
    return commits.run(lambda con: _store(con, rows, as_of, observed_at))


def _store(
    con: Connection, rows: list[dict[str, Any]], as_of: datetime, now: datetime
) -> EngagementSummary:
    fresh, restated = _only_news(con, rows, as_of, now)
    merge_rows(con, "engagement", fresh, replace=False)
    missing = sum(row["value"] is None for row in fresh)
    return EngagementSummary(0, len(fresh), missing, restated)


def live_posts(con: Connection, as_of: datetime, max_age_days: int = 90) -> int:
    """Return the number of published posts at most `max_age_days` old at `as_of`."""
    ((count,),) = con.execute(
        _LIVE_COUNT, [as_of, as_of - max_age_days * DAY]
    ).fetchall()
    return int(count)


def _is_due(age_at_day_end: timedelta) -> bool:
    """Return whether a post of this age is read: daily for 28 days, then weekly."""
    days = age_at_day_end // DAY
    return days <= DAILY_UNTIL_DAYS or days % 7 == 0


def _rows(
    posts: Sequence[dict[str, Any]],
    metrics: Sequence[str],
    answers: Sequence[Reading],
    as_of: datetime,
) -> list[dict[str, Any]]:
    """Return one row per post and metric; the value is NULL if the answer has none."""
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
    """Return (new or changed rows, number of rows that change a stored value)."""
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
            observed_at = next_instant(now, old["observed_at"])
        fresh.append({**row, "observed_at": observed_at})
    return fresh, restated
