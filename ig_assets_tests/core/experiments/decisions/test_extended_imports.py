"""Exports grow: late arms, newer counts, tests that are still running."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from ig_assets.core.experiments.decisions.decide import ResultsSummary, update_results
from ig_assets.core.experiments.reports.trajectory import courses
from ig_assets.core.experiments.reports.verdict import experiment_rows
from ig_assets.core.reports.lineage.trace import trace
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    DAY,
    START,
    MovedClock,
    add_experiment,
    rows_of,
)

Counts = Mapping[str, tuple[float, float]]


def export(
    warehouse: Warehouse,
    clock: MovedClock,
    counts: Counts,
    *,
    name: str = "h1",
    is_running: bool = False,
) -> ResultsSummary:
    """Take in an export of final counts as an import does, and decide."""
    clock.present += DAY
    known = rows_of(warehouse, "SELECT experiment_id FROM experiments")
    new = {"experiment_id": name} not in known
    if new:
        add_experiment(warehouse, {}, experiment_id=name, is_final=True)
    with warehouse.transaction() as con:
        con.execute(
            "UPDATE experiments SET is_running = ?, segment = 'history' "
            "WHERE experiment_id = ?",
            [is_running, name],
        )
        for arm, figures in counts.items():
            post = {
                "post_id": f"{name}-{arm}",
                "experiment_id": name,
                "script_id": f"script-{name}-{arm}",
                "arm": arm,
                "platform": "history",
                "published_revision_hash": f"hash-{name}-{arm}",
                "status": "published",
                "published_at": START,
            }
            merge_rows(con, "posts", [post])
            readings = [
                {
                    "post_id": f"{name}-{arm}",
                    "metric": metric,
                    "as_of": clock.present,
                    "observed_at": clock.present,
                    "value": value,
                    "age_hours": None,
                }
                for metric, value in zip(("likes", "reach"), figures, strict=True)
            ]
            merge_rows(con, "engagement", readings)
    return update_results(warehouse, clock)


def last_decision(warehouse: Warehouse) -> dict[str, Any]:
    (row,) = rows_of(
        warehouse,
        "SELECT d.decision, d.winner_arm, d.reason, s.rule FROM latest_decisions AS d "
        "LEFT JOIN standings AS s ON s.experiment_id = d.experiment_id "
        "AND s.data_through = d.data_through",
    )
    return row


def verdict_of(warehouse: Warehouse) -> str:
    with warehouse.transaction() as con:
        (row,) = experiment_rows(con, 9)
    return row["verdict"]


def test_a_late_arm_is_judged_by_e_values_alone_whatever_counts_come_later(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    two = {"A": (130, 5000), "B": (60, 5000)}
    assert export(warehouse, clock, two).winners == 1
    three = {**two, "C": (92, 5000)}
    assert export(warehouse, clock, three).inconclusive == 1
    assert "replaces the decision of" in last_decision(warehouse)["reason"]
    for reach in range(5001, 5005):
        grown = {**three, "B": (60, reach)}
        assert export(warehouse, clock, grown).inconclusive == 1
    sure = {**three, "A": (400, 12_000), "C": (240, 12_000)}
    assert export(warehouse, clock, sure).winners == 1  # e-values may still decide
    assert last_decision(warehouse)["rule"] == "e"


def test_the_look_on_z_is_spent_by_the_first_comparison_of_all_arms(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    assert export(warehouse, clock, {"A": (40, 2000), "B": (5, 2000)}).undecidable == 1
    assert rows_of(warehouse, "SELECT * FROM z_looks") == []
    assert export(warehouse, clock, {"A": (50, 2500), "B": (47, 2500)}).winners == 0
    ((look),) = rows_of(warehouse, "SELECT data_through FROM z_looks")
    # z = 2.4 now, but the look is spent, and e is below 40.
    assert export(warehouse, clock, {"A": (250, 4000), "B": (200, 4000)}).winners == 0
    assert rows_of(warehouse, "SELECT data_through FROM z_looks") == [look]
    finals = rows_of(warehouse, "SELECT final_look FROM evidence ORDER BY data_through")
    assert [row["final_look"] for row in finals] == [False, True, False]


def test_while_a_test_is_running_only_e_values_look_and_z_waits_for_its_end(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    tenth = {"A": (30, 400), "B": (26, 400)}
    found = export(warehouse, clock, tenth, is_running=True)
    assert (found.running, found.not_over, found.inconclusive) == (1, 1, 0)
    assert "only e-values look at it" in verdict_of(warehouse)
    assert "1 tests are running" in found.notes()[0]
    clear = {"A": (250, 4000), "B": (200, 4000)}  # z = 2.4, e below 40
    assert export(warehouse, clock, clear, is_running=True).running == 1
    again = update_results(warehouse, clock)
    assert (again.running, again.evaluated) == (1, 0)  # the same counts, once
    assert len(rows_of(warehouse, "SELECT * FROM evidence")) == 2
    assert export(warehouse, clock, clear).winners == 1  # it is over
    assert last_decision(warehouse)["rule"] == "z"
    assert rows_of(warehouse, "SELECT status FROM experiments")[0]["status"] == (
        "decided"
    )


def test_a_running_test_may_win_by_e_values_before_its_end(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    counts = {"A": (300, 4000), "B": (180, 4000)}
    assert export(warehouse, clock, counts, is_running=True).winners == 1
    assert last_decision(warehouse)["rule"] == "e"


def test_lineage_names_no_winner_for_a_test_that_has_none_any_more(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    two = {"A": (130, 5000), "B": (60, 5000)}
    export(warehouse, clock, two)
    found = export(warehouse, clock, {**two, "C": (92, 5000)})
    assert found.replaced == 1
    with warehouse.transaction() as con:
        (won,) = [
            r for r in trace(con, "experiment", "h1", "up") if r.relation == "winner"
        ]
    assert won.id == "h1-A" and won.superseded_at == clock.present
    sure = {"A": (400, 12_000), "B": (60, 5000), "C": (240, 12_000)}
    export(warehouse, clock, sure)
    with warehouse.transaction() as con:
        (won,) = [
            r for r in trace(con, "experiment", "h1", "up") if r.relation == "winner"
        ]
    assert won.superseded_at is None  # A wins again


def test_lineage_names_the_winner_of_a_test_that_was_running_in_between(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    for counts, mark in (
        ({"A": (130, 2500), "B": (60, 2500)}, False),
        ({"A": (80, 2600), "B": (61, 2600)}, True),
        ({"A": (330, 5600), "B": (131, 5600)}, False),
    ):
        export(warehouse, clock, counts, is_running=True)
        with warehouse.transaction() as con:
            edges = trace(con, "experiment", "h1", "up")
        (won,) = [edge for edge in edges if edge.relation == "winner"]
        assert (won.superseded_at is not None) == mark


def test_a_sentence_never_names_evidence_for_the_other_arm(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    first = {"A": (40, 4000), "B": (90, 4000)}
    assert export(warehouse, clock, first).winners == 1
    turned = {"A": (500, 12_000), "B": (480, 12_000)}
    assert export(warehouse, clock, turned).inconclusive == 1
    sentence = verdict_of(warehouse)
    assert sentence.startswith("Inconclusive: A leads B by 4 % in the final reading;")
    assert "evidence 1.0 of 40 needed" in sentence
    with warehouse.transaction() as con:
        (row,) = experiment_rows(con, 9)
    assert row["evidence"] == 1.0 and row["rule"] == "none"
    assert [pair["ahead_arm"] for pair in row["pairs"]] == ["A"]


@pytest.mark.parametrize("seed", range(3))
def test_verdict_and_record_agree_on_any_way_that_counts_come(
    warehouse: Warehouse, clock: MovedClock, seed: int
) -> None:
    draw = np.random.RandomState(seed)
    counts = {arm: (0.0, 0.0) for arm in "ABC"}
    rates = {arm: 0.05 * math.exp(draw.normal(0, 0.3)) for arm in "ABC"}
    for step in range(6):
        for arm in "ABC"[: 2 + (step > 1)]:
            reach = float(draw.randint(200, 4000))
            likes, seen = counts[arm]
            rate = rates[arm] if draw.rand() < 0.7 else 0.05
            counts[arm] = likes + draw.binomial(int(reach), rate), seen + reach
        there = {arm: figures for arm, figures in counts.items() if figures[1]}
        export(warehouse, clock, there, is_running=draw.rand() < 0.4)
        with warehouse.transaction() as con:
            (row,) = experiment_rows(con, 9)
        decision, enough = row["decision"], "fewer than" not in row["verdict"]
        won = decision == "winner"
        assert row["evidence"] is not None
        assert won == (row["rule"] in ("e", "z"))
        assert (row["winner_arm"] == row["leader"]) if won else True
        assert row["evidence"] >= 40 if row["rule"] == "e" else True
        assert won or not enough or row["evidence"] < 40
        assert row["verdict"].startswith("Inconclusive") == (decision == "inconclusive")


def test_a_replaced_winner_is_no_silent_flip(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    export(warehouse, clock, {"A": (40, 4000), "B": (90, 4000)})
    before = clock.present
    found = export(warehouse, clock, {"A": (900, 12_000), "B": (480, 12_000)})
    assert (found.redecided, found.replaced, found.winners) == (1, 1, 1)
    assert found.notes()[0].startswith("1 earlier winners were replaced;")
    reason = last_decision(warehouse)["reason"]
    assert reason.startswith("A beats every other arm")
    assert reason.endswith(f"It replaces the decision of {before:%Y-%m-%d}, winner B.")
    assert before < clock.present - timedelta(hours=1)


def test_a_count_that_fell_takes_the_evidence_of_the_wrong_one_with_it(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    wrong = {"A": (300, 5000), "B": (200, 5000)}
    assert export(warehouse, clock, wrong).winners == 1
    corrected = {"A": (210, 5000), "B": (200, 5000)}
    assert export(warehouse, clock, corrected).inconclusive == 1
    with warehouse.transaction() as con:
        (row,) = experiment_rows(con, 9)
    assert row["evidence"] is not None and row["evidence"] < 2
    assert row["pairs"][0]["log_e_ahead"] < 1
    assert row["lowered_arms"] == ["A"]
    grown = {"A": (215, 5100), "B": (205, 5100)}  # nothing of it comes back
    assert export(warehouse, clock, grown).inconclusive == 1
    assert export(warehouse, clock, {"A": (900, 15_000), "B": (600, 15_000)}).winners


def test_a_count_that_fell_by_little_keeps_a_winner_that_is_one_still(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    assert export(warehouse, clock, {"A": (400, 5000), "B": (200, 5000)}).winners == 1
    assert export(warehouse, clock, {"A": (398, 5000), "B": (200, 5000)}).winners == 1
    assert "A count of A was lowered" in verdict_of(warehouse)


LOWERED = (
    "A count of B was lowered since an earlier look, so that look no longer counts."
)


def test_a_winner_lost_by_a_lowered_count_says_so_in_reason_verdict_and_picture(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    assert export(warehouse, clock, {"A": (130, 5000), "B": (88, 5000)}).winners == 1
    assert "lowered" not in verdict_of(warehouse) + last_decision(warehouse)["reason"]
    grown = {"A": (134, 5100), "B": (87, 5100)}
    assert export(warehouse, clock, grown).replaced == 1
    assert LOWERED in last_decision(warehouse)["reason"]
    assert verdict_of(warehouse).endswith(LOWERED)
    with warehouse.transaction() as con:
        (course,) = courses(con, ["h1"])
    assert course.pairs[0].z == pytest.approx(2.91, abs=0.01)
    assert course.pairs[0].z_is_void
    # Later counts do not hide it, and the picture of a sound look is not marked.
    export(warehouse, clock, {"A": (136, 5200), "B": (90, 5200)})
    assert LOWERED in last_decision(warehouse)["reason"]
    export(warehouse, clock, {"A": (130, 5000), "B": (88, 5000)}, name="h2")
    with warehouse.transaction() as con:
        (course,) = courses(con, ["h2"])
    assert course.pairs[0].z is not None and not course.pairs[0].z_is_void


def test_evidence_of_an_earlier_look_is_said_to_be_of_one(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    assert export(warehouse, clock, {"A": (160, 5000), "B": (80, 5000)}).winners == 1
    assert "earlier" not in verdict_of(warehouse)
    level = {"A": (1305, 50_000), "B": (1299, 50_000)}
    assert export(warehouse, clock, level).winners == 1
    assert verdict_of(warehouse) == (
        "A wins: it leads B by 0 % in the final reading, with evidence 74,847 of 40 "
        "needed, reached at an earlier look."
    )


def test_the_z_of_earlier_counts_is_said_to_be_of_these(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    export(warehouse, clock, {"A": (130, 5000), "B": (88, 5000)})
    assert "single look at its end (z = 2.9)" in verdict_of(warehouse)
    export(warehouse, clock, {"A": (1305, 50_000), "B": (1299, 50_000)})
    assert "single look at its end, at earlier counts (z = 2.9)" in verdict_of(
        warehouse
    )


def test_a_running_test_with_an_end_says_which_counts_end_it(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    counts = {"A": (95, 5000), "B": (88, 5000)}
    export(warehouse, clock, counts, is_running=True)
    with warehouse.transaction() as con:
        con.execute("UPDATE experiments SET ends_at = '2026-02-01'")
    assert verdict_of(warehouse).endswith(
        "The test is running: until counts of 2026-02-01 or later are imported, only "
        "e-values look at it."
    )
    export(warehouse, clock, {"A": (96, 5000), "B": (88, 5000)}, is_running=True)
    assert "waits for its end (2026-02-01)" in last_decision(warehouse)["reason"]


def test_a_winner_of_a_running_test_leads_so_far_in_reason_and_verdict(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    counts = {"A": (300, 4000), "B": (180, 4000)}
    assert export(warehouse, clock, counts, is_running=True).winners == 1
    assert "beats every other arm so far with" in last_decision(warehouse)["reason"]
    assert "by 67 % so far" in verdict_of(warehouse)


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ((50, 50), "likes and trials are the same number, so no rate varies"),
        ((60, 50), "each of A, B has more likes than there can be"),
        ((5, 50), "each of A, B has fewer than 25 likes"),
    ],
)
def test_reason_and_verdict_say_alike_why_counts_are_not_judged(
    warehouse: Warehouse, clock: MovedClock, counts: tuple[float, float], why: str
) -> None:
    export(warehouse, clock, {"A": counts, "B": counts})
    reason, sentence = last_decision(warehouse)["reason"], verdict_of(warehouse)
    assert sentence.startswith("Inconclusive: A and B are level in the final reading,")
    assert why in sentence and "evidence" not in sentence
    assert why.replace("likes", "events") in reason
