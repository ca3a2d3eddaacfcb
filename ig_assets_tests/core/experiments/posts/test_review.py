"""A person reviews each post before it is published; the original stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ig_assets.core.experiments.posts.attach import detach_post
from ig_assets.core.experiments.posts.publish import publish_due
from ig_assets.core.experiments.posts.review import (
    approve_posts,
    decline_posts,
    edit_post,
    posts_for_review,
)
from ig_assets.core.experiments.posts.reviewers import Review
from ig_assets.core.identity import text_hash
from ig_assets.errors import ConflictError, InputError
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    MovedClock,
    ScriptedPlatform,
    add_topic,
    new_warehouse,
    plan_scripted,
    rows_of,
)

MONTH = "2026-01"
BOTH_DUE = datetime(2026, 1, 6, 9)
WORDS = "# A sharper hook\n\nFirst this. Then that.\n\nCTA: Save it.\n"


@pytest.fixture
def warehouse(tmp_path: Path, clock: MovedClock) -> Warehouse:
    warehouse = new_warehouse(tmp_path, clock)
    add_topic(warehouse)
    plan = plan_scripted(warehouse, clock, "manual")
    assert (plan.proposed, plan.approved) == (2, 0)
    return warehouse


def ids(warehouse: Warehouse) -> list[str]:
    return [row["post_id"] for row in posts_for_review(warehouse, MONTH)]


def sent(warehouse: Warehouse, clock: MovedClock) -> list[str]:
    platform = ScriptedPlatform()
    clock.present = BOTH_DUE
    publish_due(warehouse, clock, platform)
    return [request.text for request in platform.sent]


def test_a_proposed_post_goes_out_only_after_a_persons_yes(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    first, _ = ids(warehouse)
    assert sent(warehouse, clock) == []
    assert approve_posts(warehouse, [first]).count == 1
    assert approve_posts(warehouse, [first]).count == 0
    assert len(sent(warehouse, clock)) == 1
    assert [p["status"] for p in posts_for_review(warehouse, status="proposed")] == [
        "proposed"
    ]


def test_a_declined_post_never_goes_out(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    first, second = ids(warehouse)
    approve_posts(warehouse, [first, second])
    no = Review("ben", clock.now(), "too loud")
    assert decline_posts(warehouse, [first], no).count == 1
    assert approve_posts(warehouse, [first]).count == 0
    assert len(sent(warehouse, clock)) == 1
    assert decline_posts(warehouse, [second], no).count == 0


def test_an_unknown_post_stops_the_whole_yes(warehouse: Warehouse) -> None:
    with pytest.raises(InputError, match="no post unknown"):
        approve_posts(warehouse, [*ids(warehouse), "unknown"])
    assert len(posts_for_review(warehouse, MONTH, "proposed")) == 2


def test_what_goes_out_is_the_last_edit_and_the_variant_keeps_its_words(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    first, _ = ids(warehouse)
    before = rows_of(warehouse, "SELECT * FROM variants ORDER BY variant_id")
    edit_post(warehouse, clock, first, b"# No\n\nNot yet.\n\nCTA: Wait.\n", "ana")
    clock.present += timedelta(hours=1)
    edited = edit_post(warehouse, clock, first, WORDS.encode(), "ana")
    [listed, _] = posts_for_review(warehouse, MONTH)
    assert (listed["hook"], listed["edited_by"]) == ("A sharper hook", "ana")
    approve_posts(warehouse, [first])
    text = "A sharper hook\n\nFirst this. Then that.\n\nSave it."
    assert sent(warehouse, clock) == [text]
    assert rows_of(warehouse, "SELECT * FROM variants ORDER BY variant_id") == before
    [post] = rows_of(warehouse, "SELECT * FROM posts WHERE status = 'published'")
    assert post["published_revision_hash"] == edited.revision_hash == text_hash(text)
    assert edited.original_hash in {row["revision_hash"] for row in before}
    [old, new] = rows_of(warehouse, "SELECT * FROM edges WHERE relation = 'edits'")
    assert {e["parent_id"] for e in (old, new)} == {edited.variant_id}


def test_edits_at_one_instant_are_all_kept_and_the_last_one_stands(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    first, _ = ids(warehouse)
    for hook in ("One", "Two", "Three"):
        words = f"# {hook}\n\nFirst this.\n\nCTA: Save it.\n"
        edit_post(warehouse, clock, first, words.encode(), "ana")
    edits = rows_of(warehouse, "SELECT hook FROM post_edits ORDER BY edited_at")
    assert [row["hook"] for row in edits] == ["One", "Two", "Three"]
    [listed, _] = posts_for_review(warehouse, MONTH)
    assert listed["hook"] == "Three"


def test_an_edit_while_a_publisher_is_at_work_is_not_lost(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    first, _ = ids(warehouse)
    approve_posts(warehouse, [first])

    clock.present = BOTH_DUE
    platform = ScriptedPlatform()
    read = warehouse.transaction
    seen = 0

    def transaction():  # type: ignore[no-untyped-def]
        nonlocal seen
        seen += 1
        if seen == 2:  # between reading what is due and claiming the post
            warehouse.transaction = read  # type: ignore[method-assign]
            edit_post(warehouse, clock, first, WORDS.encode(), "ana")
        return read()

    warehouse.transaction = transaction  # type: ignore[method-assign]
    publish_due(warehouse, clock, platform)
    assert platform.sent == []
    publish_due(warehouse, clock, platform)
    assert [r.text.split("\n")[0] for r in platform.sent] == ["A sharper hook"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\xff\xfe\xfa", "cannot be used"),
        (b"# Only a hook\n", "no body and no call_to_action"),
        (b"# A hook\n\nA body without an end.\n", "no call_to_action"),
    ],
)
def test_an_edit_that_is_no_script_is_refused(
    warehouse: Warehouse, clock: MovedClock, content: bytes, message: str
) -> None:
    first, _ = ids(warehouse)
    with pytest.raises(InputError, match=message):
        edit_post(warehouse, clock, first, content, "ana")
    assert rows_of(warehouse, "SELECT * FROM post_edits") == []


def test_a_post_that_is_out_cannot_be_edited(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    first, _ = ids(warehouse)
    approve_posts(warehouse, [first])
    sent(warehouse, clock)
    with pytest.raises(InputError, match="is published"):
        edit_post(warehouse, clock, first, WORDS.encode(), "ana")


def test_a_post_that_is_left_as_it_was_says_why(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    first, second = ids(warehouse)
    approve_posts(warehouse, [first], review=Review("ana", clock.now()))
    no = Review("ben", clock.now(), "too loud")
    decline_posts(warehouse, [second], no)
    found = approve_posts(warehouse, [first, second])
    assert (found.count, found.left) == (
        0,
        {first: "approved by ana", second: "declined by ben (too loud)"},
    )
    with pytest.raises(InputError, match="is declined by ben .too loud.; only a post"):
        edit_post(warehouse, clock, second, WORDS.encode(), "ana")
    sent(warehouse, clock)
    for found in (
        approve_posts(warehouse, [first]),
        decline_posts(warehouse, [first], no),
    ):
        assert found.left == {first: "published since 2026-01-05"}
    with pytest.raises(InputError, match=f"Post {second} is declined by ben"):
        detach_post(warehouse, second)


# ── who decided ───────────────────────────────────────────────────────────────


def test_who_decided_why_and_on_which_words_is_kept_with_each_decision(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    first, second = ids(warehouse)
    edited = edit_post(warehouse, clock, first, WORDS.encode(), "ana")
    approve_posts(warehouse, [first], review=Review("ana", clock.now()))
    decline_posts(warehouse, [first], Review("ben", clock.now(), " too loud "))
    decline_posts(warehouse, [second], Review("ben", clock.now(), "dull"))
    late = Review("cy", clock.now(), "off our brand")
    assert decline_posts(warehouse, [second], late).count == 0
    rows = rows_of(warehouse, "SELECT * FROM post_reviews ORDER BY reviewed_at")
    of_first = [row for row in rows if row["post_id"] == first]
    assert [(r["decision"], r["reviewed_by"], r["reason"]) for r in of_first] == [
        ("approved", "ana", ""),
        ("declined", "ben", "too loud"),
    ]
    assert {r["revision_hash"] for r in of_first} == {edited.revision_hash}
    assert len(rows) == 3, "what was declined already is not declined again"
    [listed, _] = posts_for_review(warehouse, MONTH)
    assert listed["review"] == "declined" and listed["review_reason"] == "too loud"


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_no_without_a_reason_is_refused_and_nothing_is_declined(
    warehouse: Warehouse, clock: MovedClock, reason: str
) -> None:
    with pytest.raises(InputError, match="Say why not.*Nothing was declined"):
        decline_posts(warehouse, ids(warehouse), Review("ben", clock.now(), reason))
    assert len(posts_for_review(warehouse, MONTH, "proposed")) == 2
    assert rows_of(warehouse, "SELECT * FROM post_reviews") == []


def test_words_that_changed_since_they_were_read_are_neither_approved_nor_edited(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    [read, _] = posts_for_review(warehouse, MONTH)
    post = read["post_id"]
    edit_post(warehouse, clock, post, WORDS.encode(), "ana")
    seen = Review("ben", clock.now(), "dull", seen={post: read["revision_hash"]})
    for decide in (
        lambda: approve_posts(warehouse, [post], review=seen),
        lambda: decline_posts(warehouse, [post], seen),
        lambda: edit_post(
            warehouse,
            clock,
            post,
            b"# Mine\n\nMy body.\n\nCTA: Go.\n",
            "ben",
            based_on=read["revision_hash"],
        ),
    ):
        with pytest.raises(ConflictError, match="changed by ana after you read"):
            decide()
    assert rows_of(warehouse, "SELECT * FROM post_reviews") == []
    [now, _] = posts_for_review(warehouse, MONTH, "proposed")
    again = Review("ben", clock.now(), seen={post: now["revision_hash"]})
    assert approve_posts(warehouse, [post], review=again).count == 1


def test_a_decision_without_a_name_is_none(clock: MovedClock) -> None:
    with pytest.raises(InputError, match="needs a name"):
        Review("  ", clock.now())
