from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ig_assets.core.experiments.reports.meta_analysis import (
    across_topics,
    claim_rows,
)
from ig_assets.core.experiments.stats.month_means import (
    PairDifference,
    mean_over_months,
)
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    START,
    MovedClock,
    new_warehouse,
)

ARMS = {"a": "question", "b": "story", "canary": "question", "control": "question"}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return new_warehouse(tmp_path, MovedClock())


def ended(
    warehouse: Warehouse,
    name: str,
    rates: dict[str, float],
    *,
    decision: str = "inconclusive",
    decided_at: datetime = START,
    events: float = 100.0,
    simulated: bool = True,
    looks: tuple[float, ...] = (1.0,),
    month: str | None = "2026-01",
    audience: str | None = None,
    split_log_e: float | None = None,
) -> None:
    """An experiment whose arms' log rates at its last look are these; a look before
    it scales them."""
    evidence = [
        {
            "experiment_id": name,
            "arm_a": a,
            "arm_b": b,
            "data_through": START + timedelta(days=day),
            "events_a": events,
            "events_b": 100.0,
            "log_rate_ratio": scale * (rates[a] - rates[b]),
            "variance": 0.02,
        }
        for day, scale in enumerate(looks)
        for a in rates
        for b in rates
        if a < b
    ]
    with warehouse.transaction() as con:
        experiment = {"experiment_id": name, "simulated": simulated, "month": month}
        experiment |= {"topic_id": name, "randomised": split_log_e is not None}
        merge_rows(con, "experiments", [experiment])
        topic = {"month": month, "topic_id": name, "audience": audience}
        merge_rows(con, "topics", [topic])
        standing = {"experiment_id": name, "data_through": START}
        merge_rows(con, "standings", [{**standing, "split_log_e": split_log_e}])
        for arm in rates:
            key = {"variant_id": f"{name}-{arm}", "hook_style": ARMS[arm]}
            flags = {"is_canary": arm == "canary", "is_control": arm == "control"}
            merge_rows(con, "variants", [{**key, **flags}])
            post = {"post_id": f"{name}-{arm}", "experiment_id": name, "arm": arm}
            merge_rows(con, "posts", [{**post, **key, "status": "published"}])
        merge_rows(con, "evidence", evidence)
        row = {"experiment_id": name, "decided_at": decided_at, "decision": decision}
        merge_rows(con, "decisions", [row])


def test_a_style_is_claimed_only_across_topics_and_against_all_that_were_tried(
    warehouse: Warehouse,
) -> None:
    noise = np.random.RandomState(3).normal(0.25, 0.1, 12)
    for i, lift in enumerate(noise):
        month = f"2025-{i + 1:02}"
        ended(warehouse, f"e{i}", {"a": lift, "b": 0.0}, month=month)
    with warehouse.transaction() as con:
        found = across_topics(con, simulated=True)
    best, worst = found.styles
    assert (best.hook_style, best.claim) == ("question", "better")
    assert (worst.hook_style, worst.claim) == ("story", "worse")
    assert best.mean == mean_over_months(
        [PairDifference(d, f"2025-{i + 1:02}") for i, d in enumerate(noise)]
    )
    assert best.mean.log_e_ahead >= math.log(40)
    few = mean_over_months([PairDifference(d, f"{i}") for i, d in enumerate(noise[:3])])
    assert few.decides(40) == 0


def test_pairs_of_one_month_are_one_observation(warehouse: Warehouse) -> None:
    for i in range(40):
        ended(warehouse, f"e{i}", {"a": 0.3 + i / 1000, "b": 0.0})
    with warehouse.transaction() as con:
        found = across_topics(con, simulated=True)
    best = found.styles[0]
    assert (best.mean.pairs, best.mean.units, best.claim) == (40, 1, "undecided")
    assert best.mean.mean == pytest.approx(0.3195)
    row, *_ = claim_rows(found)
    assert (row["topics"], row["months"], row["left_out"]) == (40, 1, 0)


def test_a_month_counts_when_all_its_experiments_have_ended(
    warehouse: Warehouse,
) -> None:
    ended(warehouse, "e1", {"a": 0.3, "b": 0.0}, month="2025-12")
    ended(warehouse, "e2", {"a": 0.9, "b": 0.0})
    ended(warehouse, "open", {"a": 0.9, "b": 0.0}, decision="running")
    with warehouse.transaction() as con:
        found = across_topics(con, simulated=True)
    best = found.styles[0]
    assert (best.mean.pairs, best.waiting) == (1, 1)
    assert best.mean.mean == pytest.approx(0.3)


def test_a_broken_split_says_nothing_about_styles_unless_it_was_accepted(
    warehouse: Warehouse,
) -> None:
    ended(warehouse, "e1", {"a": 0.3, "b": 0.0}, split_log_e=0.0)
    ended(warehouse, "broken", {"a": 7.0, "b": 0.0}, split_log_e=5.0)
    with warehouse.transaction() as con:
        found = across_topics(con, simulated=True)
        assert found.styles[0].mean.mean == pytest.approx(0.3)
        row = {"experiment_id": "broken", "changed_at": START, "is_accepted": True}
        merge_rows(con, "winner_acceptances", [row])
        found = across_topics(con, simulated=True)
        assert found.styles[0].mean.mean == pytest.approx((0.3 + 7.0) / 2)
        row = {"experiment_id": "broken", "changed_at": START + timedelta(days=1)}
        accepted = {**row, "is_accepted": True, "winner_arm": "a"}
        merge_rows(con, "winner_acceptances", [accepted])
        won = {"decided_at": START + timedelta(days=2), "decision": "winner"}
        row = {"experiment_id": "broken", **won, "winner_arm": "b"}
        merge_rows(con, "decisions", [row])
        found = across_topics(con, simulated=True)
    assert found.styles[0].mean.mean == pytest.approx(0.3)


def test_every_arm_counts_once_at_the_last_look_of_an_ended_experiment(
    warehouse: Warehouse,
) -> None:
    ended(warehouse, "e1", {"a": 0.3, "b": 0.0}, looks=(9.0, 1.0))
    ended(warehouse, "thin", {"a": 5.0, "b": 0.0}, events=24.0)
    rates = {"a": 5.0, "b": 0.0}
    ended(warehouse, "open", rates, decision="running", month="2026-02")
    ended(warehouse, "real", {"a": 5.0, "b": 0.0}, simulated=False)
    with warehouse.transaction() as con:
        found = across_topics(con, simulated=True)
        real = across_topics(con, simulated=False)
    assert [(s.hook_style, s.mean.pairs) for s in found.styles] == [
        ("question", 1),
        ("story", 1),
    ]
    assert found.styles[0].mean.mean == pytest.approx(0.3)
    assert real.styles[0].mean.mean == pytest.approx(5.0)


def test_canary_and_control_arms_say_nothing_about_styles(warehouse: Warehouse) -> None:
    rates = {"a": 0.2, "b": 0.0, "canary": 7.0, "control": -7.0}
    ended(warehouse, "e1", rates)
    with warehouse.transaction() as con:
        found = across_topics(con, simulated=True)
    assert found.styles[0].mean.mean == pytest.approx(0.2)


def test_the_loops_lift_is_over_the_control_arm_of_the_same_style(
    warehouse: Warehouse,
) -> None:
    for i in range(8):
        rates = {"a": 0.3 + i / 100, "b": 9.0, "canary": 9.0, "control": 0.0}
        ended(warehouse, f"e{i}", rates, month=f"2025-{i + 1:02}")
    ended(warehouse, "without", {"a": 0.5, "b": 0.0})
    with warehouse.transaction() as con:
        found = across_topics(con, simulated=True)
    assert found.loop == mean_over_months(
        [PairDifference(0.3 + i / 100, f"2025-{i + 1:02}") for i in range(8)]
    )
    assert found.loop_claim == "better"


def test_nothing_has_ended_is_no_error(warehouse: Warehouse) -> None:
    with warehouse.transaction() as con:
        found = across_topics(con, simulated=True)
    assert found.styles == () and found.loop.pairs == 0
    assert found.loop_claim == "undecided"
