from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from ig_assets.core.experiments.posts.publish import (
    PublishSummary,
    due_posts,
    publish_due,
)
from ig_assets.core.experiments.posts.review import approve_posts
from ig_assets.core.identity import text_hash
from ig_assets.errors import RefusedError, TransientVendorError
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    MovedClock,
    ScriptedPlatform,
    add_topic,
    new_warehouse,
    plan_scripted,
    rows_of,
    time_out,
)

BOTH_DUE = datetime(2026, 1, 6, 9)


@pytest.fixture
def warehouse(tmp_path: Path, clock: MovedClock) -> Warehouse:
    warehouse = new_warehouse(tmp_path, clock)
    add_topic(warehouse)
    plan_scripted(warehouse, clock)
    return warehouse


def statuses(warehouse: Warehouse) -> list[str]:
    rows = rows_of(warehouse, "SELECT status FROM posts ORDER BY slot")
    return [row["status"] for row in rows]


def test_only_what_is_due_goes_out_with_its_words_and_an_edge(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    platform = ScriptedPlatform()
    assert publish_due(warehouse, clock, platform) == PublishSummary(0, 2, 0, 0)
    clock.present = datetime(2026, 1, 5, 9)
    with warehouse.transaction() as con:
        assert list(due_posts(con, clock.now())) == ["2026-01"]
    found = publish_due(warehouse, clock, platform, "2026-01", run_id="r1")
    assert found == PublishSummary(published=1, waiting=1, failed=0, ambiguous=0)
    (request,) = platform.sent
    assert set(request.labels) == {"hook_style", "topic", "arm"}
    (post,) = rows_of(warehouse, "SELECT * FROM posts WHERE status = 'published'")
    assert post["published_revision_hash"] == text_hash(request.text)
    assert post["published_at"] == request.slot
    (edge,) = rows_of(warehouse, "SELECT * FROM edges WHERE relation = 'publishes'")
    assert (edge["child_id"], edge["parent_id"]) == (
        post["post_id"],
        post["variant_id"],
    )
    assert publish_due(warehouse, clock, platform).published == 0
    assert len(platform.sent) == 1


class ProcessDied(BaseException):
    """Stands for kill -9 between the vendor's success and our row."""


def test_a_crash_between_intent_and_outcome_publishes_once(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    platform = ScriptedPlatform()
    platform.fail_after = ProcessDied()  # type: ignore[assignment]
    clock.present = datetime(2026, 1, 5, 9)
    with pytest.raises(ProcessDied):
        publish_due(warehouse, clock, platform)
    assert statuses(warehouse) == ["ambiguous", "approved"]
    platform.fail_after = None
    assert publish_due(warehouse, clock, platform).published == 1
    assert len(platform.sent) == 1
    assert statuses(warehouse) == ["published", "approved"]


def test_a_time_out_after_success_is_looked_up_and_not_sent_again(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    platform = ScriptedPlatform()
    platform.fail_after = time_out()
    clock.present = BOTH_DUE
    assert publish_due(warehouse, clock, platform) == PublishSummary(0, 0, 0, 2)
    platform.fail_after = None
    assert publish_due(warehouse, clock, platform) == PublishSummary(2, 0, 0, 0)
    assert len(platform.sent) == 2


def test_an_ambiguous_post_that_the_vendor_does_not_have_is_sent_again(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    platform = ScriptedPlatform()
    platform.fail_before = time_out()
    clock.present = BOTH_DUE
    assert publish_due(warehouse, clock, platform).ambiguous == 2
    platform.fail_before = None
    assert publish_due(warehouse, clock, platform).published == 2
    assert len(platform.sent) == 2


def test_a_refusal_is_final(warehouse: Warehouse, clock: MovedClock) -> None:
    platform = ScriptedPlatform()
    platform.fail_before = RefusedError("The account may not publish.")
    clock.present = BOTH_DUE
    assert publish_due(warehouse, clock, platform).failed == 2
    platform.fail_before = None
    assert publish_due(warehouse, clock, platform).published == 0
    posts = rows_of(warehouse, "SELECT status, detail FROM posts")
    assert {p["status"] for p in posts} == {"failed"}
    assert all("The account may not publish." in p["detail"] for p in posts)


def quota_used_up() -> TransientVendorError:
    return TransientVendorError(
        "No more posts today.", retry_after_s=6 * 3600.0, outcome_unknown=False
    )


def test_a_used_up_quota_moves_the_post_to_its_slot_of_another_day(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    platform = ScriptedPlatform()
    platform.fail_before = quota_used_up()
    clock.present = datetime(2026, 1, 5, 9, 5)
    for _ in range(3):
        assert publish_due(warehouse, clock, platform) == PublishSummary(0, 2, 0, 0)
    assert statuses(warehouse) == ["approved", "approved"]
    slots = rows_of(warehouse, "SELECT slot, detail FROM posts ORDER BY slot")
    assert [row["slot"] for row in slots] == [datetime(2026, 1, 6, 9)] * 2
    assert sum("No more posts today." in row["detail"] for row in slots) == 1
    platform.fail_before = None
    clock.present = BOTH_DUE
    assert publish_due(warehouse, clock, platform).published == 2


def test_what_was_certainly_not_sent_is_tried_by_the_next_run_in_its_slot(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    platform = ScriptedPlatform()
    platform.fail_before = TransientVendorError("Gone.", outcome_unknown=False)
    clock.present = BOTH_DUE
    before = rows_of(warehouse, "SELECT slot FROM posts ORDER BY slot")
    assert publish_due(warehouse, clock, platform).waiting == 2
    assert statuses(warehouse) == ["approved", "approved"]
    assert rows_of(warehouse, "SELECT slot FROM posts ORDER BY slot") == before
    platform.fail_before = None
    assert publish_due(warehouse, clock, platform).published == 2


@pytest.mark.parametrize(
    "error",
    [
        TransientVendorError("Gone.", outcome_unknown=False),
        RefusedError("No lookups."),
    ],
)
def test_a_lookup_that_fails_settles_nothing(
    warehouse: Warehouse,
    clock: MovedClock,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    platform = ScriptedPlatform()
    platform.fail_after = time_out()
    clock.present = BOTH_DUE
    publish_due(warehouse, clock, platform)

    def find(intent_key: str) -> None:
        raise error

    monkeypatch.setattr(platform, "find", find)
    assert publish_due(warehouse, clock, platform).ambiguous == 2
    assert statuses(warehouse) == ["ambiguous", "ambiguous"]
    assert len(platform.sent) == 2


# ── slots that passed while the daemon was off ────────────────────────────────


def slots(warehouse: Warehouse) -> list[tuple[datetime, str]]:
    rows = rows_of(warehouse, "SELECT slot, status FROM posts ORDER BY slot")
    return [(row["slot"], row["status"]) for row in rows]


def test_after_two_months_off_nothing_goes_out_before_a_person_says_so_again(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    """The arms keep their distance of a day, and their time of day."""
    platform = ScriptedPlatform()
    clock.present = datetime(2026, 3, 6, 15)
    found = publish_due(warehouse, clock, platform)
    assert found == PublishSummary(0, waiting=2, failed=0, ambiguous=0, moved=2)
    assert platform.sent == []
    assert slots(warehouse) == [
        (datetime(2026, 3, 7, 9), "proposed"),
        (datetime(2026, 3, 8, 9), "proposed"),
    ]
    [post, _] = rows_of(warehouse, "SELECT post_id, detail FROM posts ORDER BY slot")
    assert post["detail"].endswith("; moved on by 61 days, its slot had passed")
    clock.present = datetime(2026, 3, 7, 10)
    approve_posts(warehouse, [post["post_id"]], now=clock.now())
    assert publish_due(warehouse, clock, platform).published == 1


def test_a_post_that_is_approved_late_goes_out_in_the_coming_days(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    """Its person has just said yes: it is not asked for again."""
    platform = ScriptedPlatform()
    with warehouse.transaction() as con:
        con.execute("UPDATE posts SET status = 'proposed'")
    ids = [r["post_id"] for r in rows_of(warehouse, "SELECT post_id FROM posts")]
    clock.present = datetime(2026, 1, 10, 9, 30)
    assert approve_posts(warehouse, ids, now=clock.now()).count == 2
    assert slots(warehouse) == [
        (datetime(2026, 1, 11, 9), "approved"),
        (datetime(2026, 1, 12, 9), "approved"),
    ]
    assert publish_due(warehouse, clock, platform).published == 0
    clock.present = datetime(2026, 1, 11, 9)
    assert publish_due(warehouse, clock, platform).published == 1


def test_where_plans_are_approved_automatically_late_posts_go_out_late(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    """Were they moved, a loop that turns every other day would never publish one."""
    clock.present = datetime(2026, 3, 6, 9, 5)
    found = publish_due(warehouse, clock, ScriptedPlatform(), asks_again=False)
    assert (found.published, found.moved) == (2, 0)
