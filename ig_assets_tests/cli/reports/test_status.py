"""`ig-assets status` and `costs` on two closed months."""

from __future__ import annotations

import pytest

from ig_assets_tests.cli.shell import Shell


def test_the_state_of_the_folder_is_months_models_and_what_waits(shell: Shell) -> None:
    state = shell.answer("status")
    assert [month["month"] for month in state["months"]] == ["2026-01", "2026-02"]
    assert all(m["topics"] == 2 and m["published"] >= 4 for m in state["months"])
    assert all(m["fine_tune"] == "succeeded" for m in state["months"])
    assert (state["clock"], state["active_model"]) == ("simulated", "gpt-5-mini")
    assert state["on_trial"]
    said = shell.run("status").stdout
    assert "simulated clock" in said and "2026-02" in said
    past = state["scripts"]["history"]
    assert state["simulated_scripts"] >= past > 0
    assert f"{state['simulated_scripts']} of them are SIMULATED" in said


def test_what_a_winner_cost_includes_its_losers(shell: Shell) -> None:
    told = shell.answer("costs", "--by", "winner")
    generated = [w for w in told["rows"] if w["variants"] > 1]
    assert generated
    assert all(w["topic_usd"] > w["own_usd"] > 0 for w in generated)


def test_the_costs_of_all_months_are_the_costs_in_all(shell: Shell) -> None:
    told = shell.answer("costs")
    assert {"2026-01", "2026-02"} <= {row["month"] for row in told["rows"]}
    assert sum(row["cost_usd"] for row in told["rows"]) == pytest.approx(
        told["units"]["total_usd"]
    )
