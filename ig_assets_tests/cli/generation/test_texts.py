"""`ig-assets scripts`, `variants` and `topics` on a data folder of their own."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from ig_assets_tests.cli.corpus.test_imports import (
    DONE,
    WRONG_USE,
    data_dir,
    import_one,
    run,
    said,
)

__all__ = ["data_dir"]


@pytest.mark.parametrize("things", ["scripts", "variants", "topics"])
def test_an_empty_list_says_why_it_is_empty(data_dir: Path, things: str) -> None:
    result = run(things, "list")
    assert result.exit_code == DONE
    assert f"There are no {things} yet; " in said(result)


def test_scripts_are_listed_filtered_and_shown(data_dir: Path, tmp_path: Path) -> None:
    import_one(tmp_path)
    assert "Scripts" in said(run("scripts", "list"))
    nothing = said(run("scripts", "list", "--author", "mara"))
    assert "None of the 2 scripts has author “mara”." in nothing
    rows = json.loads(run("scripts", "list", "--origin", "history", "--json").output)
    assert {row["words"] for row in rows} == {"One", "Two"}
    shown = said(run("scripts", "show", rows[0]["script_id"]))
    assert f"hook {rows[0]['words']}" in shown and "variants it grounded: 0" in shown


def test_a_list_is_a_table_for_a_spreadsheet_with_all_its_columns(
    data_dir: Path, tmp_path: Path
) -> None:
    import_one(tmp_path)
    as_json = json.loads(run("scripts", "list", "--json").output)
    for name, dialect in (("csv", "excel"), ("tsv", "excel-tab")):
        output = run("scripts", "list", "-n", "1", "-f", name).output
        rows = list(csv.DictReader(io.StringIO(output), dialect=dialect))
        assert [row["script_id"] for row in rows] == [r["script_id"] for r in as_json]
        assert [list(row) for row in rows] == [list(row) for row in as_json]
    both = run("scripts", "list", "--json", "--format", "csv")
    assert both.exit_code == WRONG_USE and "not for both" in said(both)


def test_an_origin_that_no_script_has_is_named_with_those_that_are(
    data_dir: Path,
) -> None:
    result = run("scripts", "list", "--origin", "winners")
    assert result.exit_code == WRONG_USE
    assert all(name in result.output for name in ("library", "history", "winner"))


def test_a_topic_that_nobody_knows_is_one_sentence(data_dir: Path) -> None:
    result = run("topics", "withdraw", "knives", "--reason", "off brand")
    assert result.exit_code == WRONG_USE
    assert "There is no topic 'knives'; see `ig-assets topics list`." in said(result)
