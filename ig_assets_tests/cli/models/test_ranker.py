"""`ig-assets ranker`, with imported tests and an encoder that counts words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner, Result

from ig_assets.cli.app import app
from ig_assets_tests.core.fine_tuning.ranker.headline_tests import (
    BETTER,
    HeadlineTests,
    WordEncoder,
)

NEW = [f"The {BETTER} of a new soup", "The simple of a new soup"]


class Folder:
    """A data folder, and the command line on it."""

    def __init__(self, path: Path) -> None:
        self.tests = HeadlineTests(path)

    def run(self, *arguments: str, command: str = "ranker") -> Result:
        self.tests.warehouse.close()
        return CliRunner().invoke(app, [command, *arguments])

    def answer(self, *arguments: str, command: str = "ranker") -> Any:
        result = self.run(*arguments, "--json", command=command)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setenv("IG_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(
        "ig_assets.wiring.services.make_hook_encoder", lambda settings: WordEncoder()
    )
    return Folder(tmp_path)


def test_a_ranker_is_fitted_shown_and_orders_hooks(folder: Folder) -> None:
    folder.tests.add(30)
    fitted = folder.answer("fit")
    assert fitted["groups"] == 30 and fitted["arms"] == 90
    assert folder.answer("show")["model_id"] == fitted["model"]["model_id"]
    found = folder.answer("score", *reversed(NEW))
    assert [score["hook"] for score in found["scores"]] == NEW
    assert found["state"] == fitted["state"]
    said = folder.run("score", *NEW).output
    assert "P(better)" in said and "speaks" in said and "against" in said
    assert ("unproven" in said) == (fitted["state"] == "unproven")
    assert "comparisons" in folder.run("show").output
    state = folder.answer(command="status")
    assert state["ranker"].startswith(f"{found['state']}, real audience (ranker/")
    assert state["switched_on"] == []
    said = folder.run(command="status").output
    assert "ranker: " in said and "switched on: no sensor or schedule" in said


def test_too_few_experiments_are_a_state_with_the_number_missing(
    folder: Folder,
) -> None:
    folder.tests.add(20)
    result = folder.run("fit")
    assert result.exit_code == 0
    assert "Insufficient: 20 comparisons" in " ".join(result.output.split())
    assert "5 more are needed" in " ".join(result.output.split())


@pytest.mark.parametrize("command", [["show"], ["score", "a hook"]])
def test_without_a_ranker_the_command_says_how_to_make_one(
    folder: Folder, command: list[str]
) -> None:
    result = folder.run(*command)
    assert result.exit_code == 2 and "ig-assets ranker fit" in result.output


def test_variants_are_printed_in_the_rankers_order_and_rejected_ones_last(
    folder: Folder,
) -> None:
    from ig_assets.cli.generation.generate import _order_of
    from ig_assets.cli.generation.hook_order import in_order
    from ig_assets.core.generation.overview import TopicVariant
    from ig_assets.settings import load_settings
    from ig_assets.wiring import Services

    def variant(hook: str, rejection: str | None = None) -> TopicVariant:
        empty = dict.fromkeys(TopicVariant.__annotations__)
        return cast(TopicVariant, empty | {"hook": hook, "rejection": rejection})

    rows = [variant(BETTER, "too long"), variant(NEW[1]), variant(NEW[0])]
    services = Services(load_settings())
    assert _order_of(services, rows) is None  # there is no ranker
    folder.tests.add(30)
    folder.answer("fit")
    order = _order_of(services, rows)
    assert order is not None and [s.hook for s in order.scores] == NEW
    found = [row["hook"] for row in in_order(rows, order)]
    assert found == [*NEW, BETTER]
    assert _order_of(services, rows[:2]) is None  # one hook has no order


@pytest.mark.further
def test_models_lists_a_ranker_and_lineage_counts_what_it_learnt_from(
    folder: Folder,
) -> None:
    folder.tests.add(30)
    model_id = folder.answer("fit")["model"]["model_id"]
    assert [m["model_id"] for m in folder.answer(command="models")] == [model_id]
    found = folder.answer(model_id, command="lineage")
    assert "learnt from 90 posts of 90 scripts in 30 tests, 0 of" in found["sentence"]
    assert {e["kind"] for e in found["edges"]} == {"post", "script", "import"}
    folder.tests.forget("number3 ")
    said = folder.answer(model_id, command="lineage")["sentence"]
    assert said.endswith("; 3 forgotten since are not used any more.")
