"""A proven ranker chooses which hooks are posted, beside one drawn at random."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.experiments.posts.plan import plan_posts
from ig_assets.core.fine_tuning.ranker.fit import fit_ranker
from ig_assets.core.fine_tuning.ranker.hook_choice import ChoiceSummary, choose_hooks
from ig_assets.core.fine_tuning.ranker.lift import choice_lift, lift_row
from ig_assets.core.generation.writing.arms import (
    Topic,
    WritingModel,
    plan_arms,
    with_more_hooks,
)
from ig_assets.core.identity import text_hash
from ig_assets.core.reports.texts.text_lists import Filters, list_variants
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets_tests.core.fine_tuning.ranker.headline_tests import (
    BETTER,
    HeadlineTests,
)

MONTH = "2026-04"
KINDS = (BETTER, BETTER, "simple", "story", "simple", "story")


@pytest.fixture
def tests(tmp_path: Path) -> HeadlineTests:
    return HeadlineTests(tmp_path)


def add_topics(tests: HeadlineTests, count: int = 1, **topic: Any) -> None:
    """Topics with six variants each, of which the first two have the better word."""
    variants, topics = [], []
    for n in range(count):
        topic_id = f"t{n}"
        topics.append(
            {"month": MONTH, "topic_id": topic_id, "due_on": date(2026, 4, 2)} | topic
        )
        for arm, kind in zip("abcdef", KINDS, strict=True):
            hook = f"The {kind} of plate {arm}{n}"
            variants.append(
                {
                    "variant_id": f"{topic_id}-{arm}",
                    "month": MONTH,
                    "topic_id": topic_id,
                    "arm": arm,
                    "hook": hook,
                    "text": hook,
                    "revision_hash": text_hash(hook),
                }
            )
    with tests.warehouse.transaction() as con:
        merge_rows(con, "topics", topics)
        merge_rows(con, "variants", variants)


def chosen(tests: HeadlineTests) -> ChoiceSummary:
    return choose_hooks(tests.warehouse, tests.clock, tests.encoder, MONTH, seed=7)


def planned(tests: HeadlineTests) -> None:
    plan_posts(
        tests.warehouse,
        tests.clock,
        MONTH,
        sigma=0.2,
        seed=7,
        platform="scripted",
        simulated=False,
        approval="auto",
    )


def rows(tests: HeadlineTests, sql: str) -> list[dict[str, Any]]:
    with tests.warehouse.transaction() as con:
        return fetch_dicts(con, sql)


def fit(tests: HeadlineTests) -> str:
    tests.add(30)
    later = datetime(2026, 4, 2)
    fitted = fit_ranker(tests.warehouse, tests.clock, tests.encoder, cutoff=later)
    assert fitted.model is not None and fitted.model.status == "active"
    return fitted.model.model_id


def test_the_best_two_and_one_drawn_among_all_are_posted(tests: HeadlineTests) -> None:
    model_id = fit(tests)
    add_topics(tests, 40)
    found = chosen(tests)
    assert found == ChoiceSummary(40, 240, 120, model_id)
    planned(tests)
    posted = rows(
        tests,
        """
        SELECT p.experiment_id, c.*
        FROM posts AS p JOIN hook_choices AS c ON c.variant_id = p.variant_id
        """,
    )
    roles = Counter((row["topic_id"], row["role"]) for row in posted)
    assert set(roles.values()) == {1, 2} and len(posted) == 120
    drawn = Counter(row["place"] for row in posted if row["role"] == "random")
    assert set(drawn) == set(range(1, 7)), "it is drawn among all, the best included"
    best = [row["place"] for row in posted if row["role"] == "best"]
    assert max(best) <= 3 and all(row["hooks"] == 6 for row in posted)
    ahead = rows(
        tests,
        "SELECT avg(expected) FILTER (WHERE place <= 2) AS best, "
        "avg(expected) FILTER (WHERE place > 2) AS rest FROM hook_choices",
    )[0]
    assert ahead["best"] > ahead["rest"] + 0.05
    with tests.warehouse.transaction() as con:
        listed, _ = list_variants(con, Filters(month=MONTH))
    states = Counter(row["state"] for row in listed)
    assert states == {
        "post approved, chosen by the ranker": 80,
        "post approved, drawn at random": 40,
        "not posted: others were chosen by the ranker": 120,
    }
    edges = rows(tests, "SELECT * FROM edges WHERE relation = 'chosen_by'")
    assert len(edges) == 80 and {edge["parent_id"] for edge in edges} == {model_id}


def test_a_choice_is_made_once_and_the_plan_holds(tests: HeadlineTests) -> None:
    fit(tests)
    add_topics(tests)
    chosen(tests)
    before = rows(tests, "SELECT * FROM hook_choices ORDER BY variant_id")
    assert chosen(tests) == ChoiceSummary(0, 0, 0)
    planned(tests)
    planned(tests)
    assert rows(tests, "SELECT * FROM hook_choices ORDER BY variant_id") == before
    assert len(rows(tests, f"SELECT * FROM experiments WHERE month = '{MONTH}'")) == 1
    assert len(rows(tests, "SELECT * FROM posts WHERE platform = 'scripted'")) == 3


def test_without_a_proven_ranker_the_posted_are_all_drawn_at_random(
    tests: HeadlineTests,
) -> None:
    add_topics(tests, 30)
    found = chosen(tests)
    assert found.note == "there is no proven ranker" and found.model_id is None
    assert tests.encoder.encoded == []
    roles = Counter(row["role"] for row in rows(tests, "SELECT * FROM hook_choices"))
    assert roles == {"random": 90, "not posted": 90}
    arms = {
        row["variant_id"][-1]
        for row in rows(tests, "SELECT * FROM hook_choices WHERE role = 'random'")
    }
    assert arms == set("abcdef")


def test_a_topic_keeps_its_own_number_and_trials_and_controls_are_left_alone(
    tests: HeadlineTests,
) -> None:
    add_topics(tests, 2, arms=2)
    with tests.warehouse.transaction() as con:
        row = {"variant_id": "t1-x", "month": MONTH, "topic_id": "t1"}
        merge_rows(con, "drafts", [row | {"is_control": True}])
    assert chosen(tests).posted == 2
    topics = {r["topic_id"] for r in rows(tests, "SELECT * FROM hook_choices")}
    assert topics == {"t0"}
    planned(tests)
    posts = rows(tests, "SELECT variant_id FROM posts WHERE platform = 'scripted'")
    assert len(posts) == 2 + 6


def test_more_hooks_are_written_where_a_choice_can_follow(
    tests: HeadlineTests,
) -> None:
    def topic(name: str, control: bool = False, canary: bool = False) -> Topic:
        return Topic(MONTH, name, name, "", "", "en", "", control, canary)

    model = WritingModel("m", "p", "n", "b")
    topics = [topic("t0"), topic("t1", True), topic("t2", False, True), topic("t3")]
    with tests.warehouse.transaction() as con:
        con.execute(
            "INSERT INTO experiments (experiment_id, month, topic_id) "
            f"VALUES ('e', '{MONTH}', 't3')"
        )
        found = with_more_hooks(con, topics, 8, is_trial=True)
        untried = with_more_hooks(con, topics, 8, is_trial=False)
    assert [t.hooks for t in found] == [8, None, None, None]
    assert [t.hooks for t in untried] == [8, None, 8, None]
    arms = plan_arms(found, 2, 7, model, None, model)
    of_first = [arm for arm in arms if arm.topic.topic_id == "t0"]
    assert [arm.arm for arm in of_first] == list("abcdefgh")
    assert len({arm.hook_style for arm in of_first}) == 6
    assert of_first[6].hook_style == of_first[0].hook_style
    assert [a.arm for a in arms if a.topic.topic_id == "t1"] == ["a", "b", "control"]


def test_what_the_choice_is_worth_is_measured_against_the_drawn_hooks(
    tests: HeadlineTests,
) -> None:
    add_lift(tests, months=8, lead=0.2)
    with tests.warehouse.transaction() as con:
        found = choice_lift(con, simulated=True)
        assert choice_lift(con, simulated=False).mean.pairs == 0
    row = lift_row(found)
    assert found.mean.pairs == 32 and found.mean.units == 8
    assert row["claim"] == "better" and row["lift"] == pytest.approx(0.22, abs=0.03)


def add_lift(tests: HeadlineTests, months: int, lead: float) -> None:
    """Ended experiments of two chosen hooks and one drawn, month after month."""
    of: dict[str, list[dict[str, Any]]] = {}
    for m in range(months):
        month = f"2025-{m + 1:02d}"
        ended = datetime(2025, m + 1, 28)
        for n in range(4):
            name = f"{month}-{n}"
            of.setdefault("experiments", []).append(
                {"experiment_id": name, "month": month, "simulated": True}
            )
            of.setdefault("decisions", []).append(
                {
                    "experiment_id": name,
                    "decided_at": ended,
                    "decision": "inconclusive",
                }
            )
            for arm, role in zip("abc", ("best", "random", "best"), strict=True):
                of.setdefault("posts", []).append(
                    {
                        "post_id": f"{name}{arm}",
                        "experiment_id": name,
                        "arm": arm,
                        "variant_id": f"{name}{arm}",
                        "status": "published",
                    }
                )
                of.setdefault("hook_choices", []).append(
                    {"variant_id": f"{name}{arm}", "role": role, "model_id": "ranker/1"}
                )
            d = lead + 0.02 * (n - 1.5) + 0.02 * (m % 3 - 1)
            for a, b, ratio in (("a", "b", d), ("b", "c", -d), ("a", "c", 0.0)):
                of.setdefault("evidence", []).append(
                    {
                        "experiment_id": name,
                        "arm_a": a,
                        "arm_b": b,
                        "data_through": ended,
                        "log_rate_ratio": ratio,
                        "events_a": 50,
                        "events_b": 50,
                    }
                )
    with tests.warehouse.transaction() as con:
        for table, found in of.items():
            merge_rows(con, table, found)
