"""A dry sync and a dry import say what would come, and write nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ig_assets_tests.cli.shell import WRONG_USE, Shell
from ig_assets_tests.headless.loop_fixtures import TurnedLoop

# ── answers ───────────────────────────────────────────────────────────────────


def test_a_dry_sync_says_that_every_script_has_its_vector(shell: Shell) -> None:
    plan = shell.answer("sync", "--dry-run")
    assert (plan["embedding"]["texts"], plan["embedding"]["batches"]) == (0, 0)
    assert plan["scripts"]["new"] == plan["scripts"]["changed"] == 0


def test_a_dry_sync_counts_files_that_were_never_read_and_changes_nothing(
    shell: Shell, turned_loop: TurnedLoop, tmp_path: Any
) -> None:
    before = turned_loop.counts()
    for name in ("one", "two"):
        (tmp_path / f"{name}.md").write_text(f"# A hook about {name}\n\nA body.\n")
    (tmp_path / "three.md").write_text("")
    result = shell.run("sync", "--dry-run", "--json", IG_LIBRARY=str(tmp_path))
    plan = json.loads(result.stdout)
    assert (plan["scripts"]["new"], plan["scripts"]["rejected"]) == (2, 1)
    assert plan["scripts"]["retired"] == 54
    assert plan["embedding"]["texts"] == 2
    assert plan["embedding"]["cost_usd"] > 0
    assert plan["store_ten_times"]["records"] == 10 * plan["store_now"]["records"] > 0
    assert turned_loop.counts() == before


def test_a_dry_import_writes_nothing(
    shell: Shell, turned_loop: TurnedLoop, tmp_path: Any
) -> None:
    before = turned_loop.counts()
    file = tmp_path / "posts.csv"
    file.write_text("headline,views,likes\nA first line,100,5\nA second one,90,7\n")
    report = shell.answer(
        "import-history", str(file), "--map", "hook=headline", "--dry-run"
    )["import"]
    assert report["rows_read"] == 2
    assert report["mapping"]["hook"] == "headline"
    assert turned_loop.counts() == before


# ── wrong use ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("pair", ["hook", "=headline"])
def test_a_mapping_that_maps_nothing_is_wrong_use(
    shell: Shell, tmp_path: Any, pair: str
) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("headline,views,likes\nA first line,100,5\n")
    said = shell.complaint(WRONG_USE, "import-history", str(file), "--map", pair)
    assert said == f"--map {pair!r} must read ours=theirs, e.g. hook=headline."


def test_a_missing_file_is_wrong_use(shell: Shell) -> None:
    said = shell.complaint(WRONG_USE, "import-history", "no-such-file.csv")
    assert "no-such-file.csv" in said
