from __future__ import annotations

import math
from typing import Any

import pytest

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.experiments.reports.verdict import experiment_rows
from ig_assets.core.experiments.reports.wording import _short
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    DAY,
    START,
    MovedClock,
    add_experiment,
    daily,
)


def only_row(warehouse: Warehouse) -> dict[str, Any]:
    with warehouse.transaction() as con:
        (row,) = experiment_rows(con, 10)
    return row


def test_a_running_experiment_says_who_leads_and_what_is_missing(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    arms = {"A": daily(0.05, 2000, 9), "B": daily(0.059, 2000, 9)}
    add_experiment(warehouse, arms)
    update_results(warehouse, clock)
    row = only_row(warehouse)
    assert row["verdict"] == (
        "B leads A by 18 % after 9 days; evidence 1.0 of 40 needed; keep going."
    )
    assert [(a["arm"], a["events"], a["trials"]) for a in row["arms"]] == [
        ("A", 100.0, 2000.0),
        ("B", 118.0, 2000.0),
    ]
    assert row["decision"] == "running"


def test_before_the_first_look_it_says_what_it_waits_for(warehouse: Warehouse) -> None:
    add_experiment(warehouse, {"A": [], "B": []})
    assert "common whole day of age" in only_row(warehouse)["verdict"]
    with warehouse.transaction() as con:
        con.execute("UPDATE posts SET status = 'proposed' WHERE arm = 'B'")
    assert only_row(warehouse)["verdict"] == "1 of 2 posts wait for approval."


@pytest.mark.parametrize(
    ("rate", "sigma", "begin"),
    [
        (0.10, 0.0, "B wins: it leads A by 100 % after 1 day"),
        (0.065, 0.2, "B is the provisional winner: B leads A by 30 % after 14 days"),
        (0.051, 0.2, "Inconclusive: B leads A by 2 % after 14 days"),
    ],
)
def test_a_decided_experiment_says_how_it_ended(
    warehouse: Warehouse, clock: MovedClock, rate: float, sigma: float, begin: str
) -> None:
    arms = {"A": daily(0.05, 5000), "B": daily(rate, 5000)}
    add_experiment(warehouse, arms, sigma=sigma)
    clock.present = START + 20 * DAY
    update_results(warehouse, clock)
    assert only_row(warehouse)["verdict"].startswith(begin)


@pytest.mark.parametrize(
    ("e", "shown"), [(9.96, "9.9"), (39.46, "39"), (39.97, "39.9"), (40.0, "40")]
)
def test_evidence_is_never_rounded_up_to_what_is_needed(e: float, shown: str) -> None:
    assert _short(e) == shown


def test_evidence_beyond_the_largest_float_is_reported_too(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    arms = {"A": daily(0.08, 200_000), "B": daily(0.048, 200_000)}
    add_experiment(warehouse, arms, sigma=0.0)
    update_results(warehouse, clock)
    row = only_row(warehouse)
    assert row["verdict"].startswith("A wins: it leads B by 67 %")
    assert 1e300 < row["evidence"] < math.inf


@pytest.mark.parametrize(
    ("days", "begin"),
    [
        (9, "Too early to say: A leads B by 4900 % after 9 days, but B has"),
        (14, "Inconclusive: A leads B by 4900 % after 14 days, but B has"),
    ],
)
def test_too_few_events_are_said_and_not_the_evidence(
    warehouse: Warehouse, clock: MovedClock, days: int, begin: str
) -> None:
    arms = {"A": daily(0.05, 5000, days), "B": daily(0.001, 5000, days)}
    add_experiment(warehouse, arms, sigma=0.0)
    clock.present = START + days * DAY
    update_results(warehouse, clock)
    sentence = only_row(warehouse)["verdict"]
    assert sentence.startswith(begin)
    assert "fewer than 25 likes" in sentence and "evidence" not in sentence


def test_a_verdict_on_an_audience_that_was_not_divided_as_planned_warns(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    arms = {"A": daily(0.05, 20_000), "B": daily(0.1, 2000)}
    add_experiment(warehouse, arms, sigma=0.0)
    update_results(warehouse, clock)
    sentence = only_row(warehouse)["verdict"]
    assert sentence.startswith("B wins") and "not divided as planned" in sentence
    with warehouse.transaction() as con:
        con.execute("UPDATE experiments SET randomised = FALSE")
    assert "divided" not in only_row(warehouse)["verdict"]


def test_declined_posts_are_not_waited_for(warehouse: Warehouse) -> None:
    add_experiment(warehouse, {"A": [], "B": []})
    with warehouse.transaction() as con:
        con.execute("UPDATE posts SET status = 'declined'")
    assert only_row(warehouse)["verdict"] == (
        "2 of 2 posts were declined; there is no comparison."
    )


def test_the_table_is_limited_and_filtered(warehouse: Warehouse) -> None:
    for number in range(3):
        add_experiment(warehouse, {"A": [], "B": []}, experiment_id=f"e{number}")
    with warehouse.transaction() as con:
        assert len(experiment_rows(con, 2)) == 2
        assert len(experiment_rows(con, 9, month="2026-02")) == 0
        (row,) = experiment_rows(con, 9, experiment_ids=["e1"])
    assert row["experiment_id"] == "e1"
