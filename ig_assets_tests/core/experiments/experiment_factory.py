"""Factories for experiments: warehouse, clock that tests move, scripted platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from ig_assets.core.experiments.posts.plan import PlanSummary, plan_posts
from ig_assets.core.identity import text_hash
from ig_assets.core.ports import Published, PublishRequest, Reading
from ig_assets.errors import TransientVendorError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.warehouses import migrated_warehouse

START = datetime(2026, 1, 1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class MovedClock:
    """A clock that only a test moves."""

    def __init__(self, present: datetime = START) -> None:
        self.present = present

    def now(self) -> datetime:
        return self.present


class ScriptedPlatform:
    """A vendor that reports what the test says and fails when it says so."""

    platform = "scripted"
    metrics: Sequence[str] = ("likes", "reach")

    def __init__(self, can_read_the_past: bool = True) -> None:
        self.can_read_the_past = can_read_the_past
        self.source_note = None
        self.sent: list[PublishRequest] = []
        self.values: dict[str, float | None] = {}
        self.fail_before: Exception | None = None
        self.fail_after: Exception | None = None
        self.reads = 0

    def find(self, intent_key: str) -> Published | None:
        for request in self.sent:
            if request.intent_key == intent_key:
                return Published(f"id-{intent_key}", request.slot)
        return None

    def publish(self, request: PublishRequest) -> Published:
        if self.fail_before is not None:
            raise self.fail_before
        self.sent.append(request)
        if self.fail_after is not None:
            raise self.fail_after
        return Published(f"id-{request.intent_key}", request.slot)

    def insights(
        self, platform_post_ids: Sequence[str], as_of: datetime
    ) -> list[Reading]:
        self.reads += 1
        return [
            Reading(post, metric, as_of, value)
            for post in platform_post_ids
            for metric, value in self.values.items()
        ]


def time_out() -> TransientVendorError:
    return TransientVendorError("The platform did not answer in time.")


def new_warehouse(folder: Path, clock: MovedClock) -> Warehouse:
    return migrated_warehouse(folder / "w.duckdb", clock.now)


def add_topic(
    warehouse: Warehouse,
    topic_id: str = "t1",
    *,
    month: str = "2026-01",
    due_on: date = date(2026, 1, 5),
    styles: Sequence[str] = ("question", "number"),
    rejected: Sequence[str] = (),
) -> None:
    """A topic of the calendar with one variant a hook style."""
    variants = [
        {
            "variant_id": f"{topic_id}-{arm}",
            "month": month,
            "topic_id": topic_id,
            "arm": arm,
            "hook_style": style,
            "text": f"{style} about {topic_id}",
            "revision_hash": text_hash(f"{style} about {topic_id}"),
            "rejection": "too close" if arm in rejected else None,
        }
        for arm, style in zip("ABCDEF", styles, strict=False)
    ]
    topic = {"month": month, "topic_id": topic_id, "topic": f"topic {topic_id}"}
    with warehouse.transaction() as con:
        merge_rows(con, "topics", [{**topic, "due_on": due_on}])
        merge_rows(con, "variants", variants)


def plan_scripted(
    warehouse: Warehouse,
    clock: MovedClock,
    approval: Literal["auto", "manual"] = "auto",
    simulated: bool = True,
) -> PlanSummary:
    """Plan the posts of January 2026 on the scripted platform."""
    return plan_posts(
        warehouse,
        clock,
        "2026-01",
        sigma=0.2,
        seed=7,
        platform="scripted",
        simulated=simulated,
        approval=approval,
    )


Snapshot = tuple[float, float | None, float | None]


def add_experiment(
    warehouse: Warehouse,
    arms: Mapping[str, Sequence[Snapshot]],
    *,
    experiment_id: str = "e1",
    sigma: float = 0.0,
    started_at: datetime = START,
    is_final: bool = False,
) -> None:
    """A running experiment whose posts are out since `started_at`.

    Each arm's snapshots are (age in days, likes, reach). With `is_final` they are
    final readings without an age, as history imports are.
    """
    experiment = {
        "experiment_id": experiment_id,
        "month": "2026-01",
        "numerator": "likes",
        "denominator": "reach",
        "randomised": sigma == 0,
        "sigma": sigma,
        "simulated": True,
        "started_at": started_at,
        "ends_at": None if is_final else started_at + 28 * DAY,
        "status": "running",
    }
    posts = [
        {
            "post_id": f"{experiment_id}-{arm}",
            "experiment_id": experiment_id,
            "script_id": f"script-{experiment_id}-{arm}" if is_final else None,
            "variant_id": None if is_final else f"{experiment_id}-{arm}",
            "arm": arm,
            "platform": "scripted",
            "platform_post_id": f"id-{experiment_id}-{arm}",
            "published_revision_hash": f"hash-{experiment_id}-{arm}",
            "status": "published",
            "published_at": started_at,
        }
        for arm in arms
    ]
    with warehouse.transaction() as con:
        merge_rows(con, "experiments", [experiment])
        merge_rows(con, "posts", posts)
    for arm, snapshots in arms.items():
        add_snapshots(
            warehouse,
            f"{experiment_id}-{arm}",
            snapshots,
            started_at=started_at,
            is_final=is_final,
        )


def add_snapshots(
    warehouse: Warehouse,
    post_id: str,
    snapshots: Sequence[Snapshot],
    *,
    started_at: datetime = START,
    is_final: bool = False,
) -> None:
    rows = [
        {
            "post_id": post_id,
            "metric": metric,
            "as_of": started_at + age * DAY,
            "observed_at": started_at + age * DAY,
            "value": value,
            "age_hours": None if is_final else age * 24.0,
        }
        for age, likes, reach in snapshots
        for metric, value in (("likes", likes), ("reach", reach))
    ]
    with warehouse.transaction() as con:
        merge_rows(con, "engagement", rows)


def daily(rate: float, reach: float, days: int = 20) -> list[Snapshot]:
    """Whole-day snapshots of a post that reached everybody on its first day."""
    return [(float(day), round(rate * reach), reach) for day in range(1, days + 1)]


def rows_of(warehouse: Warehouse, sql: str) -> list[dict[str, Any]]:
    with warehouse.transaction() as con:
        return fetch_dicts(con, sql)
