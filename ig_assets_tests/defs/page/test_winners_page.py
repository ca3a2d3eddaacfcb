"""The page of winners has each one's sentence, asked for all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ig_assets.core.experiments.decisions.decide import update_results
from ig_assets.core.experiments.reports.verdict import experiment_rows
from ig_assets.defs.experiments import assets
from ig_assets_tests.core.experiments.experiment_factory import (
    DAY,
    START,
    MovedClock,
    add_experiment,
    daily,
    new_warehouse,
)


def test_the_sentences_of_all_winners_are_asked_for_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = MovedClock(START + 9 * DAY)
    warehouse = new_warehouse(tmp_path, clock)
    names = [f"e{number}" for number in range(3)]
    for name in names:
        arms = {"A": daily(0.05, 20_000, 9), "B": daily(0.1, 20_000, 9)}
        add_experiment(warehouse, arms, sigma=0.0, experiment_id=name)
    update_results(warehouse, clock)
    asked: list[Any] = []

    def counted(*arguments: Any, **options: Any) -> Any:
        asked.append(options["experiment_ids"])
        return experiment_rows(*arguments, **options)

    monkeypatch.setattr(assets, "experiment_rows", counted)
    result: Any = assets.winning_scripts(clock=clock, warehouse=warehouse)
    [ids] = asked
    assert sorted(ids) == names
    sentences = result.metadata["decisions"].value.splitlines()[2:]
    assert len(sentences) == 3 and all("B wins" in one for one in sentences)
    shown = [
        record.data["experiment_id"]
        for record in result.metadata["sample"].value.records
    ]
    assert shown == ids  # the newest decision first, in both


def test_an_asset_without_a_context_of_its_own_runs_as_a_step(tmp_path: Path) -> None:
    clock = MovedClock(START + 9 * DAY)
    warehouse = new_warehouse(tmp_path, clock)
    done = dg.materialize(
        [assets.winning_scripts], resources={"clock": clock, "warehouse": warehouse}
    )
    [event] = done.asset_materializations_for_node("winning_scripts")
    assert event.metadata["dagster/row_count"].value == 0
