from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ig_assets.core.experiments.decisions.decide import ResultsSummary, update_results
from ig_assets.core.experiments.decisions.undecided import load_undecided
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    DAY,
    START,
    MovedClock,
    Snapshot,
    add_experiment,
    add_snapshots,
    daily,
    new_warehouse,
    rows_of,
)


def last_decision(warehouse: Warehouse) -> dict[str, Any]:
    return rows_of(warehouse, "SELECT * FROM decisions ORDER BY decided_at")[-1]


def counts(warehouse: Warehouse) -> tuple[Any, Any]:
    with warehouse.transaction() as con:
        experiments = load_undecided(con)
    return experiments.events, experiments.trials


def test_a_clear_leader_wins_at_the_first_look_that_proves_it(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    add_experiment(warehouse, {"A": daily(0.05, 4000), "B": daily(0.10, 4000)})
    found = update_results(warehouse, clock, run_id="r1")
    assert found == ResultsSummary(1, 1, 1, 0, 0, 0, 0)
    decision = last_decision(warehouse)
    assert (decision["decision"], decision["winner_arm"]) == ("winner", "B")
    assert decision["winner_variant_id"] == "e1-B"
    assert decision["winner_revision_hash"] == "hash-e1-B"
    assert decision["lift"] == pytest.approx(1.0)
    assert 0 < decision["shrunken_lift"] < math.log(2)
    (look,) = rows_of(warehouse, "SELECT * FROM evidence")
    assert (look["age_days"], look["final_look"]) == (1.0, False)
    assert look["data_through"] == START + DAY == decision["data_through"]
    edges = rows_of(warehouse, "SELECT parent_id, relation FROM edges")
    assert {(e["parent_id"], e["relation"]) for e in edges} == {
        ("e1-A", "decided_on"),
        ("e1-B", "decided_on"),
        ("e1-B", "winner"),
    }


def test_a_rerun_decides_nothing_twice(warehouse: Warehouse, clock: MovedClock) -> None:
    add_experiment(warehouse, {"A": daily(0.05, 4000), "B": daily(0.10, 4000)})
    add_experiment(
        warehouse,
        {"A": daily(0.05, 4000, 6), "B": daily(0.051, 4000, 6)},
        experiment_id="e2",
        started_at=START + 50 * DAY,
    )
    update_results(warehouse, clock)
    before = [
        rows_of(warehouse, f"SELECT * FROM {table} ORDER BY ALL")
        for table in ("evidence", "decisions", "edges", "experiments")
    ]
    clock.present += DAY / 2
    assert update_results(warehouse, clock) == ResultsSummary(1, 0, 0, 0, 0, 1, 0)
    after = [
        rows_of(warehouse, f"SELECT * FROM {table} ORDER BY ALL")
        for table in ("evidence", "decisions", "edges", "experiments")
    ]
    assert after == before


def test_decisions_do_not_depend_on_how_often_they_are_updated(
    tmp_path: Path, clock: MovedClock
) -> None:
    draw = np.random.RandomState(3)
    arms: dict[str, list[Snapshot]] = {}
    for arm, rate in (("A", 0.05), ("B", 0.056), ("C", 0.065)):
        reach = draw.poisson(400, 15).cumsum()
        likes = (reach * rate * draw.normal(1, 0.02, 15)).round()
        arms[arm] = [
            (day + 1.0, float(likes[day]), float(reach[day])) for day in range(15)
        ]
    written = []
    for often in (True, False):
        folder = tmp_path / str(often)
        warehouse = new_warehouse(folder, clock)
        add_experiment(warehouse, {arm: [] for arm in arms})
        for first, last in [(d, d + 1) for d in range(15)] if often else [(0, 15)]:
            for arm, snapshots in arms.items():
                add_snapshots(warehouse, f"e1-{arm}", snapshots[first:last])
            update_results(warehouse, clock)
        written.append(
            (
                rows_of(warehouse, "SELECT * FROM evidence ORDER BY ALL"),
                last_decision(warehouse)["decision"],
            )
        )
    assert written[0] == written[1]
    assert len(written[0][0]) > 3


def test_counts_are_interpolated_between_readings_and_never_beyond_them(
    warehouse: Warehouse,
) -> None:
    add_experiment(
        warehouse,
        {
            "A": [(1.5, 10.0, 100.0), (2.5, 30.0, 300.0), (4.0, 33.0, 600.0)],
            "B": [(1.0, 5.0, 50.0), (3.9, 50.0, 500.0)],
        },
    )
    events, trials = counts(warehouse)
    assert np.isnan(events[0, 0]) and events[0, 1] == 20.0 and trials[0, 1] == 200.0
    assert events[0, 2] == pytest.approx(31.0) and events[0, 3] == 33.0
    assert np.isnan(events[0, 4:]).all()
    assert events[1, 0] == 5.0 and events[1, 2] > events[1, 1]
    assert np.isnan(events[1, 3:]).all()  # 3.9 days are not 4


def test_only_ages_that_all_arms_reached_are_compared(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    clock.present = START + 9 * DAY
    add_experiment(
        warehouse, {"A": daily(0.05, 1000, 9), "B": daily(0.052, 1000, 4)[1:]}
    )
    assert update_results(warehouse, clock).running == 1
    ages = rows_of(warehouse, "SELECT age_days FROM evidence ORDER BY age_days")
    assert [r["age_days"] for r in ages] == [2.0, 3.0, 4.0]


def test_a_missing_count_is_not_a_zero(warehouse: Warehouse) -> None:
    holes: list[Snapshot] = [
        (1.0, 10.0, 100.0),
        (2.0, None, 200.0),
        (3.0, 30.0, None),
        (4.0, 40.0, 400.0),
        (5.0, None, 500.0),
    ]
    add_experiment(warehouse, {"A": holes, "B": daily(0.1, 400, 5)})
    events, trials = counts(warehouse)
    assert events[0, :4] == pytest.approx([10, 20, 30, 40])
    assert trials[0, :4] == pytest.approx([100, 200, 300, 400])
    assert np.isnan(events[0, 4])


def test_counters_that_go_backwards_are_taken_as_they_are(
    warehouse: Warehouse,
) -> None:
    back: list[Snapshot] = [
        (1.0, 50.0, 900.0),
        (2.0, 40.0, 1000.0),
        (3.0, -3.0, 1000.0),
    ]
    add_experiment(warehouse, {"A": back, "B": daily(0.05, 1000)})
    events, _ = counts(warehouse)
    assert events[0, :3].tolist() == [50.0, 40.0, 0.0]


def test_of_restated_readings_the_latest_counts(warehouse: Warehouse) -> None:
    add_experiment(warehouse, {"A": daily(0.05, 1000), "B": daily(0.05, 1000)})
    with warehouse.transaction() as con:
        con.execute("""
            INSERT INTO engagement
            SELECT post_id, metric, as_of, observed_at + INTERVAL 1 HOUR, 77, age_hours
            FROM engagement
            WHERE post_id = 'e1-A' AND metric = 'likes' AND age_hours = 24
            """)
    events, _ = counts(warehouse)
    assert events[0, 0] == 77.0


def test_evidence_once_reached_stays_while_its_arm_leads(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    # A beats C on day 1 but not B; later A's lead over C melts, its lead over B grows.
    add_experiment(
        warehouse,
        {
            "A": [(1.0, 200.0, 2000.0), (2.0, 270.0, 3000.0)],
            "B": [(1.0, 195.0, 2000.0), (2.0, 150.0, 3000.0)],
            "C": [(1.0, 120.0, 2000.0), (2.0, 240.0, 3000.0)],
        },
    )
    assert update_results(warehouse, clock).winners == 1
    decision = last_decision(warehouse)
    assert (decision["winner_arm"], decision["data_through"]) == ("A", START + 2 * DAY)
    (pair,) = rows_of(
        warehouse,
        "SELECT log_e, max_log_e FROM evidence "
        "WHERE arm_a = 'A' AND arm_b = 'C' AND age_days = 2",
    )
    assert pair["log_e"] < math.log(40) <= pair["max_log_e"]


@pytest.mark.parametrize("names", ["ABC", "CBA"])
def test_evidence_for_one_arm_does_not_make_the_other_win(
    warehouse: Warehouse, clock: MovedClock, names: str
) -> None:
    # Day 1 proves the first arm over the third. On day 2 the third is ahead of all,
    # but proves only that it beats the second.
    clock.present = START + 2 * DAY
    first, second, third = list(names)
    arms: dict[str, list[Snapshot]] = {
        first: [(1.0, 200.0, 2000.0), (2.0, 270.0, 3000.0)],
        second: [(1.0, 205.0, 2000.0), (2.0, 120.0, 3000.0)],
        third: [(1.0, 120.0, 2000.0), (2.0, 275.0, 3000.0)],
    }
    add_experiment(warehouse, arms)
    assert update_results(warehouse, clock).running == 1


def test_a_winner_beats_every_other_arm_not_only_one(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    add_experiment(
        warehouse,
        {
            "A": daily(0.05, 4000),
            "B": daily(0.10, 4000),
            "C": daily(0.10, 4000),
        },
    )
    found = update_results(warehouse, clock)
    assert (found.winners, found.inconclusive) == (0, 1)


def test_the_single_look_at_day_14_decides_once_and_for_all(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    # z = 2.5: enough for the final look, too little for e >= 40.
    add_experiment(
        warehouse,
        {"A": daily(0.05, 2600, 14), "B": daily(0.067, 2600, 14)},
    )
    update_results(warehouse, clock)
    assert last_decision(warehouse)["decision"] == "winner"
    looks = rows_of(warehouse, "SELECT * FROM evidence ORDER BY age_days")
    assert [x["final_look"] for x in looks] == [False] * 13 + [True]
    assert looks[-1]["max_log_e"] < math.log(40)


def test_decided_experiments_stay_decided_when_an_import_reopens_them(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    add_experiment(warehouse, {"A": daily(0.05, 4000), "B": daily(0.10, 4000)})
    final = {"A": [(30.0, 100.0, 2000.0)], "B": [(30.0, 180.0, 2000.0)]}
    add_experiment(warehouse, final, experiment_id="h1", is_final=True)
    assert update_results(warehouse, clock).winners == 2
    decisions = rows_of(warehouse, "SELECT * FROM decisions ORDER BY ALL")
    with warehouse.transaction() as con:
        con.execute("UPDATE experiments SET status = 'running'")
    clock.present += DAY
    assert update_results(warehouse, clock).experiments == 0
    assert rows_of(warehouse, "SELECT * FROM decisions ORDER BY ALL") == decisions
    statuses = rows_of(warehouse, "SELECT DISTINCT status FROM experiments")
    assert [row["status"] for row in statuses] == ["decided"]


def test_a_loops_own_experiment_is_decided_once_whatever_is_counted_later(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    add_experiment(warehouse, {"A": daily(0.05, 1500, 14), "B": daily(0.06, 1500, 14)})
    final = {"A": [(14.0, 50.0, 1000.0)], "B": [(14.0, 51.0, 1000.0)]}
    add_experiment(warehouse, final, experiment_id="e2", is_final=True)
    assert update_results(warehouse, clock).inconclusive == 2
    later: list[Snapshot] = [(14.0, 900.0, 1500.0), (15.0, 990.0, 1500.0)]
    add_snapshots(warehouse, "e1-B", later)
    add_snapshots(warehouse, "e2-B", later, is_final=True)
    found = update_results(warehouse, clock)
    assert (found.experiments, found.redecided) == (0, 0)


def test_the_final_look_is_at_exactly_day_14(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    late: list[Snapshot] = [(13.5, 100.0, 2000.0), (14.5, 110.0, 2200.0)]
    add_experiment(warehouse, {"A": late, "B": late})
    update_results(warehouse, clock)
    (look,) = rows_of(warehouse, "SELECT * FROM evidence")
    assert (look["age_days"], look["events_a"], look["trials_a"]) == (14.0, 105, 2100)
    assert look["final_look"]


def test_an_organic_leader_at_day_14_is_provisional_by_its_shrunken_lift(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    arms = {"A": daily(0.05, 5000, 14), "B": daily(0.065, 5000, 14)}
    add_experiment(warehouse, arms, sigma=0.2)
    add_experiment(
        warehouse,
        {"A": daily(0.050, 5000, 14), "B": daily(0.052, 5000, 14)},
        experiment_id="e2",
        sigma=0.2,
    )
    found = update_results(warehouse, clock)
    assert (found.winners, found.provisional, found.inconclusive) == (0, 1, 1)
    (decision,) = rows_of(
        warehouse, "SELECT * FROM decisions WHERE decision = 'provisional'"
    )
    assert (decision["experiment_id"], decision["winner_arm"]) == ("e1", "B")
    s2 = 2 * 0.27**2
    (look,) = rows_of(
        warehouse,
        "SELECT * FROM evidence WHERE experiment_id = 'e1' AND final_look",
    )
    expected = -look["log_rate_ratio"] * s2 / (s2 + look["variance"])
    assert decision["shrunken_lift"] == pytest.approx(expected)
    assert decision["lift"] == pytest.approx(0.3)


def test_randomised_tests_are_never_provisional(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    arms = {"A": daily(0.05, 1500, 14), "B": daily(0.06, 1500, 14)}
    add_experiment(warehouse, arms, sigma=0.0)
    assert update_results(warehouse, clock).inconclusive == 1


def test_few_events_end_inconclusive_and_are_named_undecidable(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    arms = {"A": daily(0.01, 1000, 14), "B": daily(0.10, 1000, 14)}
    add_experiment(warehouse, arms, sigma=0.2)
    found = update_results(warehouse, clock)
    assert (found.inconclusive, found.undecidable) == (1, 1)
    assert "fewer than 25 events" in last_decision(warehouse)["reason"]


def test_without_readings_it_ends_after_its_time_but_not_before_they_were_asked_for(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    silent: list[Snapshot] = [(float(day), None, None) for day in range(1, 29)]
    add_experiment(warehouse, {"A": silent[:10], "B": silent[:10]})
    assert update_results(warehouse, clock).running == 1  # read until day 10 only
    add_snapshots(warehouse, "e1-A", silent[10:])
    found = update_results(warehouse, clock)
    assert (found.inconclusive, found.undecidable, found.evaluated) == (1, 1, 0)
    (status,) = rows_of(warehouse, "SELECT status FROM experiments")
    assert status["status"] == "decided"


def test_an_unpublished_plan_runs_until_its_end_and_a_failed_arm_is_left_out(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    three = {arm: daily(0.05, 1000) for arm in "ABC"}
    add_experiment(warehouse, three)
    add_experiment(warehouse, {"A": [], "B": []}, experiment_id="e2")
    with warehouse.transaction() as con:
        con.execute("UPDATE posts SET status = 'failed' WHERE post_id = 'e1-C'")
        con.execute(
            "UPDATE posts SET status = 'proposed', published_at = NULL "
            "WHERE experiment_id = 'e2'"
        )
    clock.present = START + 20 * DAY
    found = update_results(warehouse, clock)
    assert (found.inconclusive, found.running) == (1, 1)
    pairs = rows_of(warehouse, "SELECT DISTINCT arm_a, arm_b FROM evidence")
    assert pairs == [{"arm_a": "A", "arm_b": "B"}]
    clock.present = START + 28 * DAY
    assert update_results(warehouse, clock).inconclusive == 1


def test_history_is_decided_at_once_by_one_final_look(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    add_experiment(
        warehouse,
        {"A": [(30.0, 100.0, 2000.0)], "B": [(31.0, 180.0, 2000.0)]},
        is_final=True,
    )
    add_experiment(
        warehouse,
        {"A": [(30.0, 100.0, 2000.0)], "B": [(30.0, None, 2000.0)]},
        experiment_id="e2",
        is_final=True,
    )
    found = update_results(warehouse, clock)
    assert (found.winners, found.inconclusive, found.running) == (1, 1, 0)
    (look,) = rows_of(warehouse, "SELECT * FROM evidence")
    assert (look["age_days"], look["final_look"]) == (None, True)
    assert look["data_through"] == START + 31 * DAY
    (winner,) = rows_of(warehouse, "SELECT * FROM decisions WHERE decision = 'winner'")
    assert winner["winner_script_id"] == "script-e1-B"
    assert update_results(warehouse, clock).experiments == 0


def test_a_decision_in_the_same_instant_as_the_one_before_is_still_a_row(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    clock.present = START + 14 * DAY
    add_experiment(warehouse, {"A": [], "B": []})
    for arm, rate in (("A", 0.05), ("B", 0.067)):
        add_snapshots(warehouse, f"e1-{arm}", daily(rate, 2600, 13))
    assert update_results(warehouse, clock).running == 1
    for arm, rate in (("A", 0.05), ("B", 0.067)):
        add_snapshots(warehouse, f"e1-{arm}", daily(rate, 2600, 14)[13:])
    assert update_results(warehouse, clock).winners == 1
    decisions = rows_of(warehouse, "SELECT decision FROM decisions ORDER BY decided_at")
    assert [d["decision"] for d in decisions] == ["running", "winner"]


def test_an_empty_warehouse_is_no_error(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    assert update_results(warehouse, clock) == ResultsSummary(0, 0, 0, 0, 0, 0, 0)
