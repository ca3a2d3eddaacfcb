"""The month's topics as rows: the draw is seeded, stable, and fair in the long run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from ig_assets.core.generation.topics.on_demand import (
    add_topic,
    check_topic,
    known_topic,
)
from ig_assets.core.generation.topics.sync import (
    Draw,
    TopicsSummary,
    _drawn,
    sync_topics,
)
from ig_assets.core.generation.writing.arms import (
    Topic,
    WritingModel,
    plan_arms,
    planned_topics,
)
from ig_assets.errors import ConflictError, InputError
from ig_assets.warehouse.rows import merge_rows
from ig_assets_tests.core.generation.generation_factory import MONTH, GenerationFactory

DRAW = Draw(seed=7, control_share=0.4, canary_share=0.4, has_candidate=True)
TEN = [f"topic {n}" for n in range(10)]


class Calendar:
    """A calendar that a test rewrites and reads into the warehouse."""

    def __init__(self, env: GenerationFactory, folder: Path) -> None:
        self.env = env
        self.path = folder / "calendar.yaml"

    def sync(
        self,
        topics: list[str],
        draw: Draw = DRAW,
        limit: int | None = None,
        **columns: Any,
    ) -> TopicsSummary:
        rows = [
            {"topic": name, "due_on": f"{MONTH}-{day:02}", **columns}
            for day, name in enumerate(topics, start=1)
        ]
        self.path.write_text(yaml.safe_dump({"month": MONTH, "topics": rows}), "utf-8")
        return self.reread(draw, limit)

    def reread(
        self, draw: Draw = DRAW, limit: int | None = None, month: str = MONTH
    ) -> TopicsSummary:
        """Read the file as it is."""
        env = self.env
        return sync_topics(env.warehouse, env.clock, self.path, month, draw, limit)

    def drawn(self, column: str) -> set[str]:
        rows = self.env.read(f"SELECT topic FROM topics WHERE {column}")
        return {row["topic"] for row in rows}

    def status(self) -> dict[str, str]:
        rows = self.env.read("SELECT topic, status FROM topics")
        return {row["topic"]: row["status"] for row in rows}

    def has_a_draft(self, topic: str) -> None:
        [row] = self.env.read("SELECT topic_id FROM topics WHERE topic = ?", topic)
        draft = {"variant_id": f"v-{topic}", "month": MONTH, **row}
        with self.env.warehouse.transaction() as con:
            merge_rows(con, "drafts", [draft])


@pytest.fixture
def calendar(env: GenerationFactory, tmp_path: Path) -> Calendar:
    return Calendar(env, tmp_path)


def test_the_draw_is_the_same_however_often_it_is_made(calendar: Calendar) -> None:
    first = calendar.sync(TEN)
    control, canary = calendar.drawn("is_control"), calendar.drawn("is_canary")
    assert (first.topics, first.new, first.control, first.canary) == (10, 10, 4, 4)
    second = calendar.sync(TEN)
    assert (second.topics, second.new) == (10, 0)
    assert calendar.drawn("is_control") == control
    assert calendar.drawn("is_canary") == canary


def test_another_seed_draws_other_topics(calendar: Calendar) -> None:
    calendar.sync(TEN)
    before = calendar.drawn("is_control")
    calendar.sync(TEN, Draw(8, 0.4, 0.4, True))
    assert calendar.drawn("is_control") != before


def test_a_drafted_topic_keeps_its_draw_whatever_the_shares_become(
    calendar: Calendar,
) -> None:
    calendar.sync(TEN)
    drawn = sorted(calendar.drawn("is_control"))[0]
    other = sorted(set(TEN) - calendar.drawn("is_control"))[0]
    calendar.has_a_draft(drawn)
    calendar.has_a_draft(other)
    calendar.sync(TEN, Draw(7, 0.0, 0.0, False))
    assert calendar.drawn("is_control") == {drawn}
    calendar.sync(TEN, Draw(7, 1.0, 1.0, True))
    assert calendar.drawn("is_control") == set(TEN) - {other}


def test_there_is_no_canary_without_a_candidate_and_at_least_one_with_it(
    calendar: Calendar,
) -> None:
    assert calendar.sync(TEN[:2], Draw(7, 0.0, 0.34, False)).canary == 0
    assert calendar.sync(TEN[:2], Draw(7, 0.0, 0.34, True)).canary == 1
    assert calendar.sync(TEN[:2], Draw(7, 0.0, 0.0, True)).canary == 0


def test_shares_hold_in_the_long_run_although_months_are_short() -> None:
    drawn = total = 0
    for number in range(2000):
        month = f"m{number}"
        ids = [f"{month}-{n}" for n in range(3)]
        count = len(_drawn(ids, 7, "control", month, 0.1))
        assert count <= 1
        drawn, total = drawn + count, total + len(ids)
    assert abs(drawn / total - 0.1) < 0.02


def test_every_topic_is_drawn_equally_often_in_the_long_run() -> None:
    places = [0, 0, 0]
    for number in range(2000):
        ids = [f"m{number}-{n}" for n in range(3)]
        [chosen] = _drawn(ids, 7, "control", f"m{number}", 1 / 3)
        places[ids.index(chosen)] += 1
    assert sum(places) == 2000
    assert all(abs(count / 2000 - 1 / 3) < 0.05 for count in places)


def test_a_topic_that_left_the_calendar_is_withdrawn_unless_it_was_drafted(
    calendar: Calendar,
) -> None:
    calendar.sync(["stays", "goes", "drafted"])
    calendar.has_a_draft("drafted")
    calendar.sync(["stays"])
    assert calendar.status() == {
        "stays": "planned",
        "goes": "withdrawn",
        "drafted": "planned",
    }
    calendar.sync(["stays", "goes"])
    assert calendar.status()["goes"] == "planned"


def test_the_limit_takes_the_first_by_due_date_and_counts_the_rest(
    calendar: Calendar,
) -> None:
    summary = calendar.sync(["z first", "a second", "b third"], limit=2)
    assert (summary.topics, summary.left_out) == (2, 1)
    assert set(calendar.status()) == {"z first", "a second"}


def test_a_changed_brief_is_taken_over_and_the_topic_stays_the_same(
    calendar: Calendar,
) -> None:
    calendar.sync(["kites"], brief="one")
    assert calendar.sync(["Kites"], brief="two").new == 0
    assert [r["brief"] for r in calendar.env.read("SELECT brief FROM topics")] == [
        "two"
    ]


@pytest.mark.parametrize(
    "broken", [b"topics: [", b"month: 2026-5\ntopics: []", b"\xff\xfe\x00\xd8"]
)
def test_a_file_that_cannot_be_read_withdraws_nothing(
    calendar: Calendar, broken: bytes
) -> None:
    calendar.sync(["a", "b"])
    calendar.path.write_bytes(broken)
    summary = calendar.reread()
    assert summary.rejected == 1
    assert calendar.status() == {"a": "planned", "b": "planned"}
    calendar.sync(["a"])
    assert calendar.status() == {"a": "planned", "b": "withdrawn"}


def test_a_reject_is_resolved_when_the_months_calendar_is_corrected(
    calendar: Calendar,
) -> None:
    def open_rejects() -> int:
        return len(
            calendar.env.read("SELECT 1 FROM topic_rejects WHERE resolved_at IS NULL")
        )

    calendar.sync(["a", ""])
    assert open_rejects() == 1
    calendar.env.clock.at += timedelta(hours=1)
    calendar.reread(month="2026-07")
    assert open_rejects() == 1, "another month says nothing of this one"
    calendar.sync(["a", "b"])
    assert open_rejects() == 0
    assert len(calendar.env.read("SELECT 1 FROM topic_rejects")) == 1


def test_rejects_are_rows_with_their_reason(calendar: Calendar) -> None:
    assert calendar.sync(["good", "GOOD"]).rejected == 1
    [reject] = calendar.env.read("SELECT * FROM topic_rejects")
    assert reject["reason"] == "duplicate topic"
    assert reject["source_uri"] == "calendar.yaml#2"


# ── on demand ─────────────────────────────────────────────────────────────────


def ask(env: GenerationFactory, topic: str, arms: int = 3, month: str = MONTH) -> str:
    return add_topic(env.warehouse, env.clock, month, {"topic": topic}, arms)


def planned(env: GenerationFactory, month: str = MONTH) -> list[Topic]:
    with env.warehouse.transaction() as con:
        return planned_topics(con, month)


def test_a_topic_that_a_person_asks_for_is_planned_with_its_own_arms(
    env: GenerationFactory,
) -> None:
    topic_id = ask(env, " Kites ")
    [topic] = planned(env)
    assert (topic.topic_id, topic.topic, topic.arms) == (topic_id, "Kites", 3)
    assert not topic.is_control and not topic.is_canary
    model = WritingModel("m", "p", "n", "b")
    arms = plan_arms([topic], 2, 7, model, None, model)
    assert [arm.arm for arm in arms] == ["a", "b", "c"]


def test_asking_a_second_time_adds_an_arm_and_never_removes_one(
    env: GenerationFactory,
) -> None:
    assert ask(env, "Kites", 2) == ask(env, "KITES", 3) == ask(env, "kites", 2)
    assert [(t.topic, t.arms) for t in planned(env)] == [("Kites", 3)]


def test_the_calendar_leaves_alone_what_a_person_asked_for(
    calendar: Calendar,
) -> None:
    ask(calendar.env, "Kites")
    calendar.sync(["Bread"])
    assert calendar.status() == {"Kites": "planned", "Bread": "planned"}


def test_a_topic_of_the_calendar_keeps_its_draw_when_it_is_asked_for(
    calendar: Calendar,
) -> None:
    calendar.sync(TEN)
    before = calendar.drawn("is_control"), calendar.drawn("is_canary")
    for topic in TEN:
        ask(calendar.env, topic)
    assert (calendar.drawn("is_control"), calendar.drawn("is_canary")) == before
    assert len(planned(calendar.env)) == len(TEN)


@pytest.mark.parametrize(
    ("topic", "arms", "month", "message"),
    [
        ("  ", 3, MONTH, "topic: "),
        ("Kites", 1, MONTH, "ask for 2 or 3"),
        ("Kites", 4, MONTH, "ask for 2 or 3"),
        ("Kites", 2, "2025-12", "not an open month"),
        ("Kites", 2, "next", "not an open month"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    env: GenerationFactory, topic: str, arms: int, month: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        ask(env, topic, arms, month)
    assert planned(env) == []


def full(**changed: str) -> dict[str, str]:
    return {
        "topic": "Kites",
        "brief": "Fly them.",
        "audience": "children",
        "language": "en",
        "brand_voice": "dry",
    } | changed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"brief": "Build them."}, "another brief; leave that out"),
        ({"language": "es"}, "another language"),
        ({"audience": "parents", "brand_voice": "warm"}, "audience and another voice"),
    ],
)
def test_a_topic_with_another_brief_is_a_conflict_and_nothing_changes(
    env: GenerationFactory, changed: dict[str, str], message: str
) -> None:
    where = (env.warehouse, env.clock, MONTH)
    add_topic(*where, full(), 2)
    before = env.read("SELECT * FROM topics")
    for ask_for in (check_topic, add_topic):
        with pytest.raises(ConflictError, match=message) as caught:
            ask_for(*where, full(**changed), 3)
        assert "Build" not in str(caught.value)
    assert env.read("SELECT * FROM topics") == before


def test_what_is_not_asked_for_by_name_is_no_conflict(env: GenerationFactory) -> None:
    where = (env.warehouse, env.clock, MONTH)
    topic_id = add_topic(*where, full(), 2)
    assert check_topic(*where, full(brief="", language=""), 3) == topic_id
    assert add_topic(*where, {"topic": "kites"}, 3) == topic_id
    [row] = env.read("SELECT * FROM topics")
    assert (row["brief"], row["arms"]) == ("Fly them.", 3)


def test_the_calendars_topic_is_named_with_its_file(calendar: Calendar) -> None:
    calendar.sync(["Kites"])
    env = calendar.env
    with pytest.raises(ConflictError, match="in the calendar .calendar.yaml#1."):
        add_topic(env.warehouse, env.clock, MONTH, full(), 2)


def test_checking_a_topic_plans_nothing(env: GenerationFactory) -> None:
    check_topic(env.warehouse, env.clock, MONTH, full(), 3)
    assert env.read("SELECT * FROM topics") == []


def test_a_topic_that_the_month_does_not_have_cannot_be_named(
    env: GenerationFactory,
) -> None:
    topic_id = ask(env, "Sharp knives")
    where = (env.warehouse, env.clock, MONTH)
    assert known_topic(*where, " sharp  Knives ") == topic_id
    assert known_topic(*where, "") is None
    with pytest.raises(InputError, match="has no topic 'bread'"):
        known_topic(*where, "bread")
    with pytest.raises(InputError, match="not an open month"):
        known_topic(env.warehouse, env.clock, "2025-12", "")
