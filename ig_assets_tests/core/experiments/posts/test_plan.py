from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from ig_assets.core.experiments.posts.plan import PlanSummary, plan_posts
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    MovedClock,
    add_topic,
    new_warehouse,
    rows_of,
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return new_warehouse(tmp_path, MovedClock())


def plan(warehouse: Warehouse, *, seed: int = 7, approval: str = "auto") -> PlanSummary:
    return plan_posts(
        warehouse,
        MovedClock(),
        "2026-01",
        sigma=0.2,
        seed=seed,
        platform="scripted",
        simulated=True,
        approval="manual" if approval == "manual" else "auto",
    )


def test_a_topic_with_two_usable_variants_is_one_experiment_in_slots_a_day_apart(
    warehouse: Warehouse,
) -> None:
    add_topic(warehouse, styles=("question", "number", "story"))
    assert plan(warehouse) == PlanSummary(experiments=1, proposed=0, approved=3)
    posts = rows_of(warehouse, "SELECT * FROM posts ORDER BY slot")
    assert [p["slot"] for p in posts] == [datetime(2026, 1, d, 9) for d in (5, 6, 7)]
    assert {p["arm"] for p in posts} == {"A", "B", "C"}
    assert all("seed 7" in p["detail"] for p in posts)
    (experiment,) = rows_of(warehouse, "SELECT * FROM experiments")
    assert experiment["started_at"] == posts[0]["slot"]
    assert experiment["ends_at"] == datetime(2026, 2, 2, 9)
    assert (experiment["sigma"], experiment["randomised"]) == (0.2, False)


def test_rejected_variants_do_not_go_out_and_a_lone_one_is_no_experiment(
    warehouse: Warehouse,
) -> None:
    add_topic(warehouse, "t1", styles=("question", "number"), rejected="B")
    add_topic(warehouse, "t2", styles=("question", "number", "story"), rejected="C")
    assert plan(warehouse).experiments == 1
    posts = rows_of(warehouse, "SELECT variant_id FROM posts ORDER BY variant_id")
    assert [p["variant_id"] for p in posts] == ["t2-A", "t2-B"]


def test_a_plan_is_never_changed_by_a_rerun(warehouse: Warehouse) -> None:
    add_topic(warehouse)
    plan(warehouse, seed=1)
    before = rows_of(warehouse, "SELECT * FROM posts ORDER BY post_id")
    add_topic(warehouse, due_on=date(2026, 1, 20), styles=("a", "b", "c"))
    assert plan(warehouse, seed=2) == PlanSummary(0, 0, 0)
    assert rows_of(warehouse, "SELECT * FROM posts ORDER BY post_id") == before


def test_the_order_of_arms_is_drawn_and_not_always_the_same(
    warehouse: Warehouse,
) -> None:
    for number in range(20):
        add_topic(warehouse, f"t{number}")
    plan(warehouse)
    firsts = rows_of(
        warehouse, "SELECT arm FROM posts WHERE detail LIKE 'slot 1 of 2%'"
    )
    counts = [row["arm"] for row in firsts].count("A")
    assert 0 < counts < 20
