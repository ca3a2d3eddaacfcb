"""Two months of simulated posts, from the plan to the decisions.

Every second day is skipped, as if a machine had been off: nothing may hang on it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

from ig_assets.adapters.simulated.audience import SimulatedAudience
from ig_assets.core.corpus.library.winners import unpromoted_winners
from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.experiments.decisions.winners import record_winners
from ig_assets.core.experiments.engagement.collect import collect_engagement
from ig_assets.core.experiments.posts.plan import plan_posts
from ig_assets.core.experiments.posts.publish import publish_due
from ig_assets_tests.core.experiments.experiment_factory import (
    DAY,
    MovedClock,
    add_topic,
    new_warehouse,
    rows_of,
)

STYLES = ("question", "number", "story")


def test_two_months_of_simulated_posts_end_decided(tmp_path: Path) -> None:
    clock = MovedClock(datetime(2026, 1, 1))
    warehouse = new_warehouse(tmp_path, clock)
    audience = SimulatedAudience(tmp_path / "audience.sqlite", seed=11)
    for month in ("2026-01", "2026-02"):
        for number in range(8):
            due_on = date.fromisoformat(f"{month}-{2 + 3 * number:02d}")
            add_topic(
                warehouse,
                f"{month}-{number}",
                month=month,
                due_on=due_on,
                styles=STYLES[: 2 + number % 2],
            )
        plan_posts(
            warehouse,
            clock,
            month,
            sigma=0.2,
            seed=7,
            platform=audience.platform,
            simulated=True,
            approval="auto",
        )
    while clock.present < datetime(2026, 3, 20):
        if clock.present < datetime(2026, 3, 1):
            publish_due(warehouse, clock, audience, asks_again=False)
        clock.present += 2 * DAY
        yesterday = (clock.present - timedelta(hours=1)).date()
        collect_engagement(warehouse, clock, audience, yesterday)
        if clock.present.day % 3 == 0:
            update_results(warehouse, clock)
    update_results(warehouse, clock)

    open_ones = "SELECT * FROM experiments WHERE status <> 'decided'"
    assert rows_of(warehouse, open_ones) == []
    final = rows_of(warehouse, "SELECT * FROM decisions WHERE decision <> 'running'")
    assert len(final) == 16 == len({row["experiment_id"] for row in final})
    found = [row["decision"] for row in final]
    assert found.count("provisional") >= 2 and found.count("inconclusive") >= 2
    looks = rows_of(
        warehouse,
        "SELECT experiment_id, arm_a, arm_b FROM evidence WHERE final_look",
    )
    assert len(looks) == len({tuple(row.values()) for row in looks})
    assert rows_of(warehouse, "SELECT * FROM posts WHERE status <> 'published'") == []
    missing = rows_of(warehouse, "SELECT * FROM engagement WHERE value IS NULL")
    assert missing and all(row["value"] != 0 for row in missing)
    won = len(found) - found.count("inconclusive")
    summary = record_winners(warehouse, clock)
    assert summary.winners + summary.provisional == won
    with warehouse.transaction() as con:
        assert len(unpromoted_winners(con)) == won
