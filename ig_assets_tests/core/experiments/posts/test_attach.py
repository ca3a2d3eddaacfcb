"""A post that a person put out by hand counts, in the words that were published."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ig_assets.core.experiments.posts.attach import attach_post, detach_post
from ig_assets.core.experiments.posts.publish import publish_due
from ig_assets.core.experiments.posts.review import (
    approve_posts,
    decline_posts,
    posts_for_review,
)
from ig_assets.core.experiments.posts.reviewers import Review
from ig_assets.core.identity import text_hash
from ig_assets.core.ports import Published
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    MovedClock,
    ScriptedPlatform,
    add_topic,
    new_warehouse,
    plan_scripted,
    rows_of,
)

OUT = datetime(2026, 1, 5, 18)
WORDS = b"# A sharper hook\n\nFirst this. Then that.\n\nCTA: Save it.\n"
VIDEO = "https://cdn.example.org/a.mp4"


class Account:
    """Knows two posts."""

    platform = "scripted"

    def __init__(self, out: datetime = OUT) -> None:
        self.out = out

    def look_up(self, media: str) -> Published:
        if media not in ("901", "902"):
            raise InputError(f"The account has no post {media}.")
        return Published(media, self.out)


@pytest.fixture
def warehouse(tmp_path: Path, clock: MovedClock) -> Warehouse:
    warehouse = new_warehouse(tmp_path, clock)
    add_topic(warehouse)
    plan_scripted(warehouse, clock, "manual", simulated=False)
    clock.present = OUT
    return warehouse


def post_of(warehouse: Warehouse, variant_id: str) -> dict[str, object]:
    sql = f"SELECT * FROM posts WHERE variant_id = '{variant_id}'"
    [post] = rows_of(warehouse, sql)
    return post


def test_published_words_are_a_revision_of_their_own(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    done = attach_post(warehouse, clock, Account(), "t1-A", "901", WORDS, "ana")
    assert done.edited and done.platform_post_id == "901"
    post = post_of(warehouse, "t1-A")
    text = "A sharper hook\n\nFirst this. Then that.\n\nSave it."
    assert (post["status"], post["platform_post_id"]) == ("published", "901")
    assert post["published_at"] == OUT
    assert post["published_revision_hash"] == text_hash(text)
    [edit] = rows_of(warehouse, "SELECT * FROM post_edits")
    assert (edit["text"], edit["edited_by"]) == (text, "ana")
    edges = rows_of(warehouse, "SELECT * FROM edges ORDER BY relation")
    assert [e["relation"] for e in edges] == ["edits", "publishes"]
    assert {e["parent_id"] for e in edges} == {"t1-A"}


def test_without_a_file_the_planned_words_went_out(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    assert not attach_post(warehouse, clock, Account(), "t1-A", "901").edited
    [variant] = rows_of(
        warehouse, "SELECT revision_hash FROM variants WHERE variant_id = 't1-A'"
    )
    post = post_of(warehouse, "t1-A")
    assert post["published_revision_hash"] == variant["revision_hash"]
    assert rows_of(warehouse, "SELECT * FROM post_edits") == []


def test_one_media_is_one_post_and_one_post_is_attached_once(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    attach_post(warehouse, clock, Account(), "t1-A", "901")
    with pytest.raises(InputError, match="is attached to post"):
        attach_post(warehouse, clock, Account(), "t1-B", "901", WORDS)
    assert rows_of(warehouse, "SELECT * FROM post_edits") == []
    with pytest.raises(InputError, match="is published on scripted"):
        attach_post(warehouse, clock, Account(), "t1-A", "902")


def test_what_cannot_be_attached_says_why(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    with pytest.raises(InputError, match="no planned post"):
        attach_post(warehouse, clock, Account(), "unknown", "901")
    with pytest.raises(InputError, match="no post 5"):
        attach_post(warehouse, clock, Account(), "t1-A", "5")
    with pytest.raises(InputError, match="no body and no call_to_action"):
        attach_post(warehouse, clock, Account(), "t1-A", "901", b"# Only\n")
    declined = [str(post_of(warehouse, "t1-A")["post_id"])]
    decline_posts(warehouse, declined, Review("ben", clock.now(), "too loud"))
    with pytest.raises(InputError, match="is declined"):
        attach_post(warehouse, clock, Account(), "t1-A", "901")


def test_a_media_of_the_future_is_not_attached_and_the_clock_is_named(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    ahead = Account(clock.now() + timedelta(days=40))
    today = f"{clock.now():%Y-%m-%d}"
    with pytest.raises(
        InputError, match=rf"after today, {today} by the machine's clock"
    ):
        attach_post(warehouse, clock, ahead, "t1-A", "901")
    assert post_of(warehouse, "t1-A")["platform_post_id"] is None


def test_with_publishing_off_nothing_goes_out_though_it_is_approved(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    ids = [row["post_id"] for row in posts_for_review(warehouse)]
    approve_posts(warehouse, ids)
    clock.present = datetime(2026, 1, 6, 9)
    platform = ScriptedPlatform()
    assert publish_due(warehouse, clock, platform, is_on=False).waiting == 2
    assert platform.sent == []


def test_a_real_post_is_approved_with_its_video_only(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    first, second = [row["post_id"] for row in posts_for_review(warehouse)]
    with pytest.raises(InputError, match="has no video"):
        approve_posts(warehouse, [first], needs_video=True)
    with pytest.raises(InputError, match="for one post"):
        approve_posts(warehouse, [first, second], VIDEO)
    with pytest.raises(InputError, match="https://"):
        approve_posts(warehouse, [first], "a.mp4", needs_video=True)
    assert posts_for_review(warehouse, status="approved") == []
    assert approve_posts(warehouse, [first], VIDEO, needs_video=True).count == 1
    clock.present = datetime(2026, 1, 6, 9)
    platform = ScriptedPlatform()
    publish_due(warehouse, clock, platform)
    assert [request.media_url for request in platform.sent] == [VIDEO]
    assert approve_posts(warehouse, [first], VIDEO, needs_video=True).count == 0


@pytest.mark.parametrize("given", ["t1-A", "post"])
def test_a_variant_may_be_named_by_its_post(
    warehouse: Warehouse, clock: MovedClock, given: str
) -> None:
    post_id = str(post_of(warehouse, "t1-A")["post_id"])
    named = post_id if given == "post" else given
    done = attach_post(warehouse, clock, Account(), named, "901")
    assert (done.post_id, done.variant_id) == (post_id, "t1-A")


def test_a_beginning_must_mean_one_variant(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    with warehouse.transaction() as con:
        for table in ("posts", "variants"):
            con.execute(f"UPDATE {table} SET variant_id = 'long-' || variant_id")
    with pytest.raises(InputError, match="one of several variants"):
        attach_post(warehouse, clock, Account(), "long-", "901")
    done = attach_post(warehouse, clock, Account(), "long-t1-B", "901")
    assert done.variant_id == "long-t1-B"


def test_a_media_from_before_the_variant_is_not_what_it_became(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    with warehouse.transaction() as con:
        con.execute("UPDATE variants SET created_at = ?", [OUT + timedelta(days=3)])
    with pytest.raises(InputError, match="2026-01-05.*written on 2026-01-08"):
        attach_post(warehouse, clock, Account(), "t1-A", "901")
    assert post_of(warehouse, "t1-A")["status"] != "published"


def test_a_wrong_attachment_is_taken_back_with_its_figures(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    done = attach_post(warehouse, clock, Account(), "t1-A", "901")
    other = attach_post(warehouse, clock, Account(), "t1-B", "902")
    experiment = str(post_of(warehouse, "t1-A")["experiment_id"])
    with warehouse.transaction() as con:
        for post_id in (done.post_id, other.post_id):
            row = {"post_id": post_id, "metric": "likes", "as_of": OUT, "value": 9.0}
            merge_rows(con, "engagement", [{**row, "observed_at": OUT}])
        row = {"experiment_id": experiment, "arm_a": "A", "arm_b": "B"}
        merge_rows(con, "evidence", [{**row, "data_through": OUT, "max_log_e": 99.0}])
    assert detach_post(warehouse, done.post_id) == "901"
    left = rows_of(warehouse, "SELECT post_id FROM engagement")
    assert [row["post_id"] for row in left] == [other.post_id]
    assert rows_of(warehouse, "SELECT * FROM evidence") == []
    assert attach_post(warehouse, clock, Account(), "t1-A", "901").variant_id == "t1-A"


def test_what_was_decided_or_never_attached_is_not_taken_back(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    done = attach_post(warehouse, clock, Account(), "t1-A", "901")
    post = post_of(warehouse, "t1-A")
    with pytest.raises(InputError, match="no published post"):
        detach_post(warehouse, str(post_of(warehouse, "t1-B")["post_id"]))
    with warehouse.transaction() as con:
        key = {"container_id": "c", "intent_key": post["intent_key"]}
        merge_rows(con, "reel_containers", [{**key, "publish_asked_at": OUT}])
    with pytest.raises(InputError, match="published from here"):
        detach_post(warehouse, done.post_id)
    with warehouse.transaction() as con:
        con.execute("DELETE FROM reel_containers")
        row = {"experiment_id": post["experiment_id"], "decision": "winner"}
        merge_rows(con, "decisions", [{**row, "decided_at": OUT}])
    with pytest.raises(InputError, match="is decided"):
        detach_post(warehouse, done.post_id)
    assert post_of(warehouse, "t1-A")["platform_post_id"] == "901"
