"""Tables and live lines show what they are given, whatever is in it."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from ig_assets.cli import output, progress
from ig_assets.cli.corpus.sync import _numbers
from ig_assets.cli.generation.generate import _print_variant
from ig_assets.core.operations.log_lines import LOG_FILE
from ig_assets.errors import AccessError, InputError
from ig_assets.settings import Settings
from ig_assets.wiring import Services

AT = datetime(2026, 1, 2, 3, 4)
PLANTED = "sk-proj-planted0123456789abcdef"
ODD = "[/bold] knives [x]"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the commands print, on a terminal of forty columns."""
    stream = io.StringIO()
    console = Console(file=stream, width=40, force_terminal=True, color_system=None)
    for module in (output, progress):
        monkeypatch.setattr(module, "console", console)
    monkeypatch.setattr("ig_assets.cli.generation.generate.console", console)
    return stream


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1000.0, "1,000"), (0.0, "0"), (0.00049, "0.00049"), (12.3456, "12.346")],
)
def test_numbers_have_the_digits_that_say_something(value: float, shown: str) -> None:
    assert output._cell(value) == shown


def test_ids_are_not_cut_where_there_is_little_room(said: io.StringIO) -> None:
    row: dict[str, Any] = {"variant_id": "2ec829cf760cd111", "text": "word " * 30}
    output.print_table([row], list(row))
    assert "2ec829cf760cd111" in said.getvalue()


def test_a_table_that_is_too_wide_becomes_blocks_that_keep_every_word(
    said: io.StringIO,
) -> None:
    row = {"post_id": "2ec829cf760cd111", "origin": "history (simulated)", "n": 5}
    output.print_table([row | {"slot": "2026-03-04T18:00:00"}], [*row, "slot"], "Posts")
    shown = said.getvalue()
    assert "┃" not in shown and "…" not in shown
    for part in ("Posts", "post id: 2ec829cf760cd111", "origin: history (simulated)"):
        assert part in shown
    assert "slot: 2026-03-04T18:00:00" in shown


def test_square_brackets_are_text_in_tables_and_live_lines(
    said: io.StringIO, tmp_path: Path
) -> None:
    output.print_table([{"topic": ODD}], ["topic"])
    assert said.getvalue().count(ODD) == 1
    services = Services(Settings(data_dir=tmp_path))
    with progress.live_rows(services, quiet=False) as report:
        report(f"2026-01: {ODD}")
    assert f"2026-01: {ODD}" in said.getvalue()
    parts = dict.fromkeys(
        ("hook", "body", "call_to_action", "novelty", "on_screen_text")
    )
    row = {**parts, "arm": "a", "hook_style": "story", "rejection": f"refused: {ODD}"}
    _print_variant({**row, "sibling_similarity": None, "estimated_seconds": None})
    assert f"refused: {ODD}" in said.getvalue()


def test_no_cell_of_a_spreadsheet_is_a_formula_and_numbers_stay_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = {
        "text": "=1+1",
        "wide": "＝1+1",
        "line": "\n=1",
        "lift": -0.5,
        "of": ["a", "b"],
        "none": None,
        "when": AT,
    }
    assert output.print_data([row, {"more": "x, y"}], False, output.Separated.CSV)
    assert capsys.readouterr().out.splitlines() == [
        "text,wide,line,lift,of,none,when,more",
        """'=1+1,'＝1+1,"'""",
        """=1",-0.5,"[""a"",""b""]",,2026-01-02T03:04:00,""",
        ',,,,,,,"x, y"',
    ]


def test_rows_for_a_pipe_that_are_none_are_said_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert output.print_data([], False, output.Separated.TSV)
    said = capsys.readouterr()
    assert said.out == "" and "There are no rows" in said.err
    assert output.print_data([], False, output.Separated.CSV, ["topic", "lift"])
    assert capsys.readouterr().out == "topic,lift\n"
    assert not output.print_data([], False, None)


def test_a_sync_prints_every_figure_also_of_zero_and_nothing_that_is_of_the_page() -> (
    None
):
    said = {"summary": "**3** new", "new": 3, "other_figures": "0 retired, 0 rejected"}
    said |= {"lineage": dg.MetadataValue.md("`ig-assets lineage`")}

    @dg.asset
    def raw_scripts() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=said | {"dagster/row_count": 3})

    with dg.DagsterInstance.ephemeral() as instance:
        run = dg.materialize([raw_scripts], instance=instance)
        found = _numbers(instance, "raw_scripts", run.run_id)
    assert found == {"new": 3, "retired": 0, "rejected": 0}


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of a test's own."""
    monkeypatch.setenv("IG_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(output.errors, "_width", 400)
    return tmp_path / "data"


def failing(error: BaseException) -> Result:
    """The outcome of a command that raises the error."""
    app = typer.Typer()

    @app.command()
    @output.plain_errors
    def fail() -> None:
        raise error

    return CliRunner().invoke(app, [])


def test_an_unexpected_error_is_one_sentence_and_its_traceback_is_in_the_log(
    data_dir: Path,
) -> None:
    result = failing(KeyError(PLANTED))
    log = data_dir / LOG_FILE
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert result.stderr.splitlines() == [
        "ig-assets: Unexpected KeyError; what was done is kept. The traceback is in "
        f"{log}.",
        "Runbook: docs/runbook.md#an-unexpected-error",
    ]
    kept = log.read_text("utf-8")
    assert "Traceback" in kept and "raise error" in kept and PLANTED not in kept


def test_our_own_error_has_its_section_and_no_key(data_dir: Path) -> None:
    result = failing(AccessError(f"openai refuses the key {PLANTED}."))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "ig-assets: openai refuses the key [redacted].",
        "Runbook: docs/runbook.md#a-vendor-refuses-the-account",
    ]
    assert "Traceback" in (data_dir / LOG_FILE).read_text("utf-8")


def test_wrong_use_leaves_no_line_in_the_log(data_dir: Path) -> None:
    result = failing(InputError("There is no file x.csv."))
    assert result.exit_code == 2 and "Runbook" not in result.stderr
    assert not (data_dir / LOG_FILE).exists()


@pytest.mark.parametrize(
    ("error", "code"), [(typer.Exit(3), 3), (typer.BadParameter("x"), 2)]
)
def test_what_the_command_line_raises_itself_is_left_to_it(
    data_dir: Path, error: Exception, code: int
) -> None:
    assert failing(error).exit_code == code
    assert not (data_dir / LOG_FILE).exists()
