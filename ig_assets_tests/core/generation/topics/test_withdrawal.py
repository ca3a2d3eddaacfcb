"""A person withdraws a topic; its calendar does not bring it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.core.experiments.posts.plan import plan_posts
from ig_assets.core.experiments.posts.unplanned import unplanned_topics
from ig_assets.core.generation.topics.on_demand import add_topic, known_topic
from ig_assets.core.generation.topics.withdrawal import Withdrawal, withdraw_topic
from ig_assets.core.generation.writing.arms import planned_topics
from ig_assets.errors import ConflictError, InputError
from ig_assets_tests.core.generation.generation_factory import MONTH, GenerationFactory
from ig_assets_tests.core.generation.topics.test_sync import Calendar
from ig_assets_tests.stand_ins.openai_server import RESPONSES, OpenAIStandIn


@pytest.fixture
def calendar(env: GenerationFactory, tmp_path: Path) -> Calendar:
    calendar = Calendar(env, tmp_path)
    calendar.sync(["knives", "pans"])
    return calendar


def withdraw(calendar: Calendar, topic: str, undo: bool = False) -> Withdrawal:
    env = calendar.env
    return withdraw_topic(
        env.warehouse,
        env.clock,
        topic,
        month=None,
        reason="off our brand",
        changed_by="rita",
        undo=undo,
    )


def planned(calendar: Calendar) -> list[str]:
    with calendar.env.warehouse.transaction() as con:
        return [topic.topic for topic in planned_topics(con, MONTH)]


def test_nothing_is_written_for_a_withdrawn_topic_whatever_its_calendar_says(
    calendar: Calendar,
) -> None:
    done = withdraw(calendar, "KNIVES")
    assert done["topic"] == "knives" and done["posts_waiting"] == 0
    assert planned(calendar) == ["pans"]
    calendar.sync(["knives", "pans"])
    assert planned(calendar) == ["pans"]
    with pytest.raises(ConflictError, match="rita withdrew .*knives.* .off our brand"):
        add_topic(
            calendar.env.warehouse, calendar.env.clock, MONTH, {"topic": "knives"}, 2
        )
    with pytest.raises(ConflictError, match="rita withdrew"):
        known_topic(calendar.env.warehouse, calendar.env.clock, MONTH, "knives")


def test_a_withdrawal_is_taken_back_and_every_word_is_kept(calendar: Calendar) -> None:
    withdraw(calendar, "knives")
    withdraw(calendar, "knives", undo=True)
    assert planned(calendar) == ["knives", "pans"]
    calendar.sync(["knives", "pans"])
    assert planned(calendar) == ["knives", "pans"]
    log = calendar.env.read("SELECT * FROM topic_withdrawals ORDER BY changed_at")
    assert [row["is_withdrawn"] for row in log] == [True, False]


@pytest.mark.parametrize("undo", [False, True])
def test_what_would_change_nothing_is_refused(calendar: Calendar, undo: bool) -> None:
    if not undo:
        withdraw(calendar, "knives")
    with pytest.raises(InputError, match="take back" if undo else "withdrawn already"):
        withdraw(calendar, "knives", undo=undo)


def test_a_topic_of_two_months_is_asked_about(calendar: Calendar) -> None:
    calendar.env.topics("knives", month="2026-06", topic_id="other")
    with pytest.raises(InputError, match="2026-05, 2026-06.*--month"):
        withdraw(calendar, "knives")
    with pytest.raises(InputError, match="no topic 'spoons'"):
        withdraw(calendar, "spoons")


def test_a_withdrawal_needs_a_reason(calendar: Calendar) -> None:
    env = calendar.env
    with pytest.raises(InputError, match="say why"):
        withdraw_topic(
            env.warehouse,
            env.clock,
            "knives",
            month=None,
            reason=" ",
            changed_by="rita",
        )
    assert planned(calendar) == ["knives", "pans"]


def test_drafts_of_a_withdrawn_topic_are_not_polished_or_paid_for(
    env: GenerationFactory, server: OpenAIStandIn
) -> None:
    env.topics("bread", "kites")
    env.draft(env.arms())
    withdraw(Calendar(env, Path()), "bread")
    server.forget()
    assert env.polish().polished == 2
    assert server.requests[RESPONSES] == 2
    topics = env.read("SELECT DISTINCT topic_id FROM variants")
    assert topics == [{"topic_id": "t-kites"}]


def test_variants_of_a_withdrawn_topic_are_not_planned_as_posts(
    env: GenerationFactory,
) -> None:
    env.topics("bread", "kites")
    env.draft(env.arms())
    env.polish()
    withdraw(Calendar(env, Path()), "bread")
    with env.warehouse.transaction() as con:
        assert unplanned_topics(con) == {MONTH: ["t-kites"]}
    done = plan_posts(
        env.warehouse,
        env.clock,
        MONTH,
        sigma=0.2,
        seed=7,
        platform="scripted",
        simulated=True,
        approval="auto",
    )
    assert (done.experiments, done.approved) == (1, 2)
    posts = env.read(
        "SELECT DISTINCT e.topic_id FROM posts AS p "
        "JOIN experiments AS e ON e.experiment_id = p.experiment_id"
    )
    assert posts == [{"topic_id": "t-kites"}]
