"""Imports from the command line, on a data folder of their own or on none at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ig_assets.cli.app import app
from ig_assets.core.experiments.decisions.decide import ResultsSummary
from ig_assets.wiring import Services

HISTORY = (
    "experiment,arm,hook,views,likes,posted_on\n"
    "e,a,One,1000,50,2025-11-02\n"
    "e,b,Two,1000,60,2025-11-02\n"
)
DONE, FAILED, WRONG_USE = 0, 1, 2


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of a test's own."""
    monkeypatch.setenv("IG_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def said(result: Result) -> str:
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit | None)
    return " ".join(result.output.replace("│", " ").split())


def import_one(folder: Path) -> None:
    file = folder / "one.csv"
    file.write_text(HISTORY)
    assert run("import-history", str(file)).exit_code == DONE


@pytest.mark.parametrize("folder", ["/proc/none", "/etc/passwd"])
@pytest.mark.parametrize("command", [["costs"], ["search", "x"], ["experiments"]])
def test_a_data_folder_that_cannot_be_used_is_one_sentence(
    command: list[str], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IG_DATA_DIR", folder)
    result = run(*command)
    assert result.exit_code == FAILED
    assert f"The data folder {folder} cannot be written" in said(result)


def test_an_export_that_grew_is_told_as_one_and_counted_once(
    data_dir: Path, tmp_path: Path
) -> None:
    import_one(tmp_path)
    file = tmp_path / "one.csv"
    again = said(run("import-history", str(file)))
    assert "Rate: likes per views" in again
    assert again.endswith("This file was imported before; nothing changed.")
    file.write_text(HISTORY + ",,Three,10,1,\n")
    grown = said(run("import-history", str(file)))
    assert "2 scripts are known, 1 are new, 0 are not in this file and stay." in grown
    assert len(json.loads(run("experiments", "--json").stdout)) == 1
    apart = run("import-history", str(file), "--source", "another")
    assert apart.exit_code == DONE
    assert len(json.loads(run("experiments", "--json").stdout)) == 2


def test_an_import_that_ended_before_its_decision_is_decided_by_its_repetition(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "one.csv"
    file.write_text(HISTORY.replace("1000,60", "1000,260"))

    def killed(services: Services) -> ResultsSummary:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ig_assets.cli.corpus.import_history.decide", killed)
        run("import-history", str(file))
    again = said(run("import-history", str(file)))
    assert "nothing changed. Decided: 1 winners" in again
    (verdict,) = json.loads(run("experiments", "--json").stdout)
    assert verdict["winner_arm"] == "b"
    assert said(run("import-history", str(file))).endswith("nothing changed.")


def test_a_verdict_on_older_counts_is_told_to_be_new(
    data_dir: Path, tmp_path: Path
) -> None:
    import_one(tmp_path)
    file = tmp_path / "one.csv"
    file.write_text(HISTORY.replace("1000,60", "1000,260"))
    result = said(run("import-history", str(file)))
    assert "Decided: 1 winners, 0 provisional, 0 inconclusive." in result
    assert "Of these 1 had been decided before, on older counts or fewer" in result
    (told,) = json.loads(run("experiments", "--json").stdout)
    assert (told["decision"], told["arms"][1]["events"]) == ("winner", 260)


def test_another_export_of_the_same_name_is_told(
    data_dir: Path, tmp_path: Path
) -> None:
    import_one(tmp_path)
    (tmp_path / "one.csv").write_text("hook,views,likes\nNine,100,5\n")
    result = said(run("import-history", str(tmp_path / "one.csv"), "--dry-run"))
    assert "Another export of this name needs a --source NAME of its own." in result
    assert run("import-history", "x.csv", "--source", " ").exit_code == WRONG_USE


def test_an_import_with_other_columns_is_wrong_use(
    data_dir: Path, tmp_path: Path
) -> None:
    import_one(tmp_path)
    result = run("import-history", str(tmp_path / "one.csv"), "--map", "hook=arm")
    assert result.exit_code == WRONG_USE
    assert "hook was hook and is now arm" in said(result)


def test_an_import_names_the_columns_that_it_leaves_alone(
    data_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "h.csv"
    file.write_text("batch,headline,when[0]\nt,A,x\n")
    dry = ["import-history", str(file), "--dry-run"]
    result = said(run(*dry))
    assert result.count("its name is not known") == 2
    assert "when[0]" in result and "None" not in result
    told = json.loads(run(*dry, "--json").stdout)["import"]
    assert told["left_alone"] == ["batch", "when[0]"]
    result = said(run("import-history", str(file)))
    assert "Left alone: batch, when[0]; --map ours=theirs takes" in result


def test_a_search_says_that_what_was_imported_is_not_yet_synced(
    data_dir: Path, tmp_path: Path
) -> None:
    from ig_assets.cli.corpus.search import why_nothing
    from ig_assets.core.ports import Filters
    from ig_assets.settings import load_settings

    import_one(tmp_path)
    services = Services(load_settings())
    history, library = Filters(origin="history"), Filters(origin="library")
    with services.warehouse.transaction() as con:
        con.execute("INSERT INTO index_entries (script_id) VALUES ('library/a.md')")
    said = why_nothing(services, history, True)
    assert "2 such scripts are imported, not yet synced: run `ig-assets sync`" in said
    assert "no script passes the filters" in why_nothing(services, library, True)
    with services.warehouse.transaction() as con:
        con.execute(
            "INSERT INTO index_entries (script_id) SELECT script_id FROM scripts"
        )
    assert "no script passes the filters" in why_nothing(services, history, True)
