"""A ranker's bets are placed once: no refit, later count or forgetting replays them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ig_assets.core.fine_tuning.ranker.fit import (
    RankerFit,
    fit_ranker,
    roll_back_ranker,
)
from ig_assets.core.models.registry import (
    choosing_ranker,
    current_ranker,
    list_rankers,
)
from ig_assets.errors import InputError
from ig_assets.warehouse.rows import fetch_dicts
from ig_assets_tests.core.fine_tuning.ranker.headline_tests import NOW, HeadlineTests

LATER = NOW + timedelta(days=1)


@pytest.fixture
def tests(tmp_path: Path) -> HeadlineTests:
    return HeadlineTests(tmp_path)


def fitted(tests: HeadlineTests) -> RankerFit:
    return fit_ranker(tests.warehouse, tests.clock, tests.encoder, cutoff=LATER)


def bets(tests: HeadlineTests) -> list[dict[str, Any]]:
    with tests.warehouse.transaction() as con:
        return fetch_dicts(con, "SELECT * FROM ranker_bets ORDER BY number, pair")


def change(tests: HeadlineTests, sql: str) -> None:
    with tests.warehouse.transaction() as con:
        con.execute(sql)


def test_a_refit_adds_bets_on_what_is_new_and_leaves_the_recorded_ones(
    tests: HeadlineTests,
) -> None:
    tests.add(26)
    first = fitted(tests)
    before = bets(tests)
    assert [bet["number"] for bet in before] == list(range(1, 27))
    assert sum(bet["pair"] for bet in before[10:]) > 10
    assert {bet["passed_over"] for bet in before[:10]} == {
        "one of the first comparisons"
    }
    tests.add(6, source="more")
    # A vendor restates all counts; older tests would now be bet on otherwise.
    change(tests, "UPDATE evidence SET events_a = events_b, events_b = events_a")
    second = fitted(tests)
    after = bets(tests)
    assert after[: len(before)] == before and len(after) == 32
    gained = sum(bet["log_e"] for bet in after[26:])
    total = sum(bet["log_e"] for bet in after)
    assert first.log_e == pytest.approx(total - gained)
    assert second.log_e >= first.log_e
    third = fitted(tests)
    assert bets(tests) == after and third.log_e == second.log_e


def test_what_is_still_running_is_learnt_from_and_bet_on_when_it_is_over(
    tests: HeadlineTests,
) -> None:
    tests.add(30)
    running = "SELECT min(experiment_id) FROM decisions"
    change(
        tests,
        f"""
        UPDATE decisions SET decision = 'running' WHERE experiment_id = ({running})
        """,
    )
    assert fitted(tests).groups == 30
    assert len({bet["number"] for bet in bets(tests)}) == 29
    change(tests, "UPDATE decisions SET decision = 'inconclusive'")
    fitted(tests)
    last = bets(tests)[-1]
    with tests.warehouse.transaction() as con:
        [(late,)] = con.execute(running).fetchall()
    assert last["number"] == 30 and last["experiment_id"] == late


@pytest.mark.further
def test_a_forgotten_script_takes_no_evidence_away_and_is_not_learnt_from(
    tests: HeadlineTests,
) -> None:
    tests.add(30)
    before = fitted(tests)
    tests.forget("number29 ")
    after = fitted(tests)
    assert after.groups == 29 and after.log_e == before.log_e
    assert len({bet["number"] for bet in bets(tests)}) == 30


@pytest.mark.further
def test_real_and_simulated_evidence_do_not_add_up(tests: HeadlineTests) -> None:
    tests.add(26, source="sim", simulated=True)
    fitted(tests)
    tests.add(27)
    fitted(tests)
    numbers = [(bet["series"], bet["number"]) for bet in bets(tests)]
    real, simulated = "words-256 real", "words-256 simulated"
    assert max(n for s, n in numbers if s == simulated) == 26
    assert max(n for s, n in numbers if s == real) == 27


def test_forecasts_are_compared_with_what_came_out_month_by_month(
    tests: HeadlineTests,
) -> None:
    tests.add(60)
    fitted(tests)
    with tests.warehouse.transaction() as con:
        months = fetch_dicts(con, "SELECT * FROM ranker_calibration ORDER BY month")
    assert [m["month"] for m in months] == ["2025-01", "2025-02", "2025-03"]
    assert 40 < sum(m["pairs"] for m in months) <= 50
    assert all(0.4 < m["slope"] < 1.6 and m["cover"] > 0.7 for m in months)
    assert all(m["log_e"] > 0 and m["slope_se"] > 0 for m in months)


def test_a_rollback_takes_up_the_earlier_proven_ranker_until_there_is_more_evidence(
    tests: HeadlineTests,
) -> None:
    tests.add(30)
    first = fitted(tests).model
    assert first is not None and first.status == "active"
    warehouse, clock = tests.warehouse, tests.clock
    for reason, why in ((" ", "needs a reason"), ("odd", "no earlier proven ranker")):
        with pytest.raises(InputError, match=why):
            roll_back_ranker(warehouse, clock, reason)
    tests.add(2, source="more")
    second = fitted(tests).model
    assert second is not None
    back = roll_back_ranker(warehouse, clock, "odd hooks")
    assert back.model_id == first.model_id and back.reason == "rollback: odd hooks"
    again = fitted(tests).model
    assert again is not None and again.model_id == second.model_id
    assert again.status == "retired"
    with warehouse.transaction() as con:
        current = current_ranker(con)
        assert current is not None and current.model_id == first.model_id
    tests.add(1, source="new")
    third = fitted(tests).model
    with warehouse.transaction() as con:
        status = {m.model_id: m.status for m in list_rankers(con)}
    assert third is not None and third.status == "active"
    assert status[first.model_id] == "retired" and len(status) == 3


def test_a_proof_is_taken_back_with_the_reason_and_no_hook_is_chosen_any_more(
    tests: HeadlineTests,
) -> None:
    tests.add(26)
    fitted(tests)
    evidence = "CASE number WHEN 12 THEN 5.0 WHEN 26 THEN {} ELSE 0.0 END"
    change(tests, f"UPDATE ranker_bets SET log_e = {evidence.format(0.0)}")
    assert fitted(tests).state == "proven"
    with tests.warehouse.transaction() as con:
        assert choosing_ranker(con) is not None
    change(tests, f"UPDATE ranker_bets SET log_e = {evidence.format(-7.0)}")
    again = fitted(tests)
    assert (again.state, again.proven_after, again.lost_after) == ("unproven", None, 26)
    assert again.model is not None and again.model.status == "candidate"
    assert again.model.reason.startswith("unproven again: after 26 comparisons")
    with tests.warehouse.transaction() as con:
        assert choosing_ranker(con) is None
