from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.core.corpus.library.winners import (
    promote_winners,
    unpromoted_winners,
)
from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.experiments.decisions.winners import (
    WinnersSummary,
    record_winners,
    winning_scripts,
)
from ig_assets.warehouse.rows import merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    DAY,
    START,
    MovedClock,
    add_experiment,
    add_snapshots,
    daily,
    new_warehouse,
    rows_of,
)


@pytest.fixture
def warehouse(tmp_path: Path, clock: MovedClock) -> Warehouse:
    warehouse = new_warehouse(tmp_path, clock)
    add_experiment(
        warehouse, {"A": daily(0.05, 5000), "B": daily(0.065, 5000)}, sigma=0.2
    )
    history = {"A": [(30.0, 100.0, 2000.0)], "B": [(30.0, 180.0, 2000.0)]}
    add_experiment(warehouse, history, experiment_id="h1", is_final=True)
    with warehouse.transaction() as con:
        variant = {"variant_id": "e1-B", "revision_hash": "hash-e1-B", "text": "won"}
        merge_rows(con, "variants", [variant])
        merge_rows(
            con,
            "scripts",
            [
                {
                    "script_id": f"script-h1-{arm}",
                    "revision_hash": f"hash-h1-{arm}",
                    "origin": "history",
                    "topic": "eggs",
                    "text": "words",
                }
                for arm in "AB"
            ],
        )
    update_results(warehouse, clock)
    return warehouse


def test_every_winner_comes_with_its_lift_interval_and_losers(
    warehouse: Warehouse,
) -> None:
    with warehouse.transaction() as con:
        rows = {row["experiment_id"]: row for row in winning_scripts(con)}
    assert {key: row["decision"] for key, row in rows.items()} == {
        "e1": "provisional",
        "h1": "winner",
    }
    for row in rows.values():
        assert row["arm"] == "B"
        assert row["shrunken_low"] < row["shrunken_lift"] < row["shrunken_high"]
        assert [loser["arm"] for loser in row["losers"]] == ["A"]
    assert rows["h1"]["evidence"] > 40 > rows["e1"]["evidence"]
    assert (rows["h1"]["topic"], rows["h1"]["text"]) == ("eggs", "words")


def test_generated_winners_are_promoted_once(
    warehouse: Warehouse,
) -> None:
    with warehouse.transaction() as con:
        assert unpromoted_winners(con) == ["e1-B"]
        promoted = promote_winners(con, START, "r1")
        assert [row["script_id"] for row in promoted] == ["winner/e1-B"]
        assert unpromoted_winners(con) == []


def test_a_forgotten_winner_is_never_promoted(warehouse: Warehouse) -> None:
    with warehouse.transaction() as con:
        merge_rows(con, "forgotten", [{"script_id": "winner/e1-B", "reason": "asked"}])
        assert unpromoted_winners(con) == []
        assert promote_winners(con, START, "r1") == []


def test_each_script_gets_the_latest_figures_of_its_posts_once(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    assert record_winners(warehouse, clock) == WinnersSummary(1, 1, 2, 2)
    rows = rows_of(warehouse, "SELECT * FROM script_performance ORDER BY script_id")
    assert [(r["script_id"], r["likes"], r["rate"]) for r in rows] == [
        ("script-h1-A", 100.0, 0.05),
        ("script-h1-B", 180.0, 0.09),
    ]
    assert rows[0]["source"] == "scripted/h1-A"
    assert record_winners(warehouse, clock).performance_rows == 0
    with warehouse.transaction() as con:
        winner = {
            "script_id": "winner/e1-B",
            "revision_hash": "hash-e1-B",
            "origin": "winner",
            "variant_id": "e1-B",
        }
        merge_rows(con, "scripts", [winner])
    add_snapshots(warehouse, "e1-B", [(25.0, 300.0, None)])
    assert record_winners(warehouse, clock).performance_rows == 1
    (row,) = rows_of(
        warehouse, "SELECT * FROM script_performance WHERE script_id = 'winner/e1-B'"
    )
    assert (row["likes"], row["reach"], row["as_of"]) == (
        300.0,
        5000.0,
        START + 25 * DAY,
    )


def test_history_keeps_the_figures_that_its_import_wrote(
    warehouse: Warehouse, clock: MovedClock
) -> None:
    with warehouse.transaction() as con:
        con.execute("UPDATE posts SET platform = 'history' WHERE script_id IS NOT NULL")
    assert record_winners(warehouse, clock) == WinnersSummary(1, 1, 2, 0)
