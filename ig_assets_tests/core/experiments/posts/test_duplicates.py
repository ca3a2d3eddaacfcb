"""A/A duplicates: one arm's words once more, beside the experiment and never in it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ig_assets.adapters.simulated.audience import SimulatedAudience
from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.experiments.decisions.winners import winning_scripts
from ig_assets.core.experiments.engagement.collect import collect_engagement
from ig_assets.core.experiments.posts.plan import PlanSummary, plan_posts
from ig_assets.core.experiments.posts.publish import publish_due
from ig_assets.core.experiments.reports.verdict import experiment_rows
from ig_assets.core.fine_tuning.training_set.decided_experiments import decided_before
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    DAY,
    START,
    MovedClock,
    add_experiment,
    add_snapshots,
    add_topic,
    daily,
    new_warehouse,
    rows_of,
)

DUPLICATES = """
    SELECT t.*, o.variant_id AS original_variant, o.arm AS original_arm,
        o.slot AS original_slot, o.published_revision_hash AS original_hash
    FROM posts AS t
    JOIN posts AS o ON o.post_id = t.duplicate_of
"""


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(START + 60 * DAY)


def plan(warehouse: Warehouse, aa_share: float) -> PlanSummary:
    return plan_posts(
        warehouse,
        MovedClock(),
        "2026-01",
        sigma=0.2,
        seed=7,
        platform=SimulatedAudience.platform,
        simulated=True,
        approval="auto",
        aa_share=aa_share,
    )


def test_a_share_of_the_experiments_gets_one_post_more_of_a_drawn_arm(
    warehouse: Warehouse,
) -> None:
    for number in range(60):
        add_topic(warehouse, f"t{number}")
    planned = plan(warehouse, 0.3)
    duplicates = rows_of(warehouse, DUPLICATES)
    assert (planned.experiments, planned.approved) == (60, 120 + len(duplicates))
    assert 8 <= len(duplicates) <= 28
    assert {t["original_arm"] for t in duplicates} == {"A", "B"}
    assert len({t["experiment_id"] for t in duplicates}) == len(duplicates)
    for duplicate in duplicates:
        assert duplicate["variant_id"] == duplicate["original_variant"]
        assert duplicate["arm"] == f"{duplicate['original_arm']} (A/A)"
        assert duplicate["slot"] != duplicate["original_slot"]
    places = [t["detail"].split(",")[0] for t in duplicates]
    assert len(set(places)) == 3, "a duplicate takes any slot, by the same draw"


def test_without_a_share_nothing_is_duplicated_and_orders_stay_what_they_were(
    tmp_path: Path,
) -> None:
    orders = []
    for share in (0.0, 1.0):
        warehouse = new_warehouse(tmp_path / str(share), MovedClock())
        for number in range(10):
            add_topic(warehouse, f"t{number}")
        plan(warehouse, share)
        rows = rows_of(
            warehouse,
            "SELECT experiment_id, post_id FROM posts WHERE duplicate_of IS NULL "
            "ORDER BY experiment_id, slot",
        )
        orders.append(rows)
        duplicates = rows_of(warehouse, DUPLICATES)
        assert len(duplicates) == 10 * share
    assert orders[0] == orders[1]


def test_a_duplicate_is_published_and_read_like_any_post_with_luck_of_its_own(
    warehouse: Warehouse, clock: MovedClock, tmp_path: Path
) -> None:
    add_topic(warehouse)
    plan(warehouse, 1.0)
    audience = SimulatedAudience(tmp_path / "store.sqlite", 7)
    slots = rows_of(warehouse, "SELECT slot FROM posts ORDER BY slot")
    read_at = clock.present
    published = 0
    for slot in slots:
        clock.present = slot["slot"]
        published += publish_due(warehouse, clock, audience).published
    assert published == 3
    clock.present = read_at
    collect_engagement(warehouse, clock, audience, date(2026, 1, 20))
    [duplicate] = rows_of(warehouse, DUPLICATES)
    assert duplicate["published_revision_hash"] == duplicate["original_hash"]
    reach = rows_of(
        warehouse,
        "SELECT p.duplicate_of, g.value FROM engagement AS g "
        "JOIN posts AS p ON p.post_id = g.post_id WHERE g.metric = 'reach'",
    )
    assert len({row["value"] for row in reach}) == 3


def test_a_duplicate_never_wins_loses_or_teaches(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    add_experiment(warehouse, {"A": daily(0.05, 5000), "B": daily(0.10, 5000)})
    variants = [
        {
            "variant_id": f"e1-{arm}",
            "revision_hash": f"hash-e1-{arm}",
            "hook": f"hook {arm}",
            "text": f"words {arm}",
        }
        for arm in ("A", "B")
    ]
    add_topic(warehouse)
    duplicate = {
        "post_id": "e1-duplicate",
        "experiment_id": "e1",
        "variant_id": "e1-A",
        "arm": "A (A/A)",
        "duplicate_of": "e1-A",
        "published_revision_hash": "hash-e1-A",
        "platform": "scripted",
        "platform_post_id": "id-duplicate",
        "status": "published",
        "published_at": START,
    }
    with warehouse.transaction() as con:
        merge_rows(con, "variants", variants)
        merge_rows(con, "posts", [duplicate])
        con.execute("UPDATE experiments SET topic_id = 't1'")
    add_snapshots(warehouse, "e1-duplicate", daily(0.2, 5000))
    assert update_results(warehouse, clock).winners == 1
    with warehouse.transaction() as con:
        [winner] = winning_scripts(con)
        [experiment] = experiment_rows(con, 10)
        [taught] = decided_before(con, clock.present + DAY).experiments
    assert (winner["arm"], [x["arm"] for x in winner["losers"]]) == ("B", ["A"])
    assert [arm["arm"] for arm in experiment["arms"]] == ["A", "B"]
    assert [lead.rival.arm for lead in taught.leads] == ["A"]
