"""What every command has: help, a version, exit codes, one sentence of complaint."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import typer
from filelock import FileLock
from typer.testing import CliRunner

from ig_assets.cli.app import app
from ig_assets_tests.cli.shell import DONE, FAILED, WRONG_USE, Shell, plain
from ig_assets_tests.headless.loop_fixtures import KEY, TurnedLoop

COMMANDS = [
    ["accept"],
    ["init"],
    ["status"],
    ["doctor"],
    ["loop"],
    ["sync"],
    ["import-history"],
    ["search"],
    ["generate"],
    ["experiments"],
    ["costs"],
    ["models", "list"],
    ["models", "show"],
    ["models", "compare"],
    ["models", "promote"],
    ["models", "rollback"],
    ["lineage"],
    ["forget"],
    ["ranker", "fit"],
    ["ranker", "show"],
    ["ranker", "score"],
    ["ranker", "rollback"],
    ["fine-tune", "prepare"],
    ["fine-tune", "submit"],
    ["fine-tune", "cancel"],
    ["fine-tune", "rebuild"],
    ["scripts", "list"],
    ["scripts", "show"],
    ["variants", "list"],
    ["variants", "show"],
    ["topics", "list"],
    ["topics", "withdraw"],
    ["posts", "list"],
    ["posts", "approve"],
    ["posts", "attach"],
    ["posts", "decline"],
    ["posts", "detach"],
    ["posts", "edit"],
    ["posts", "export"],
    ["studio"],
    ["split", "plan"],
    ["split", "start"],
    ["split", "stop"],
    ["split", "list"],
    ["db", "views"],
    ["metrics", "serve"],
    ["metrics", "show"],
    ["db", "backup"],
    ["db", "restore"],
    ["db", "migrate"],
    ["db", "copy"],
    ["db", "retain"],
]


# ── help ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_has_an_example(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == DONE
    assert f"Example: ig-assets {' '.join(command)}" in plain(result.stdout)


def test_every_command_there_is_has_its_help_tested() -> None:
    group = typer.main.get_command(app)
    names = []
    for name, command in getattr(group, "commands", {}).items():
        inner = getattr(command, "commands", None)
        names += [[name, sub] for sub in inner] if inner else [[name]]
    assert sorted(names) == sorted(COMMANDS)


# ── answers ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "arguments",
    [
        ["experiments"],
        ["models"],
        ["lineage", "2026-01"],
        ["search", "herbs"],
        ["sync", "--dry-run"],
        ["costs", "--by", "topic"],
        ["fine-tune", "prepare", "--month", "2026-01"],
    ],
    ids=lambda a: a[0],
)
def test_a_person_gets_tables_and_no_key(shell: Shell, arguments: list[str]) -> None:
    result = shell.run(*arguments)
    assert result.exit_code == DONE, result.output
    assert result.stdout.strip() and "Traceback" not in result.output
    assert KEY not in result.output


def test_the_version_is_said(shell: Shell) -> None:
    assert re.fullmatch(r"ig-assets \d+\.\d+\.\d+\n", shell.run("--version").stdout)


# ── wrong use ─────────────────────────────────────────────────────────────────


def test_a_wrong_setting_names_its_variable(shell: Shell) -> None:
    said = shell.complaint(WRONG_USE, "models", IG_WRITER="typewriter")
    assert "IG_WRITER is 'typewriter'" in said


def test_a_missing_key_says_what_to_set(shell: Shell) -> None:
    said = shell.complaint(WRONG_USE, "models", OPENAI_API_KEY="")
    assert "OPENAI_API_KEY" in said


@pytest.mark.parametrize(
    "arguments", [["no-such-command"], ["search"], ["loop", "--months", "0"]]
)
def test_what_the_command_line_does_not_know_is_wrong_use(
    shell: Shell, arguments: list[str]
) -> None:
    result = shell.run(*arguments)
    assert result.exit_code == WRONG_USE
    assert "Traceback" not in result.output


def test_a_warehouse_that_cannot_be_opened_is_a_failure(
    shell: Shell, tmp_path: Any
) -> None:
    file = tmp_path / "warehouse.duckdb"
    file.write_bytes(b"this is no DuckDB file" * 1000)
    said = shell.complaint(FAILED, "models", IG_WAREHOUSE_URL=f"duckdb:///{file}")
    assert "cannot be opened" in said


def test_the_loop_refuses_to_turn_real_months(shell: Shell) -> None:
    said = shell.complaint(WRONG_USE, "loop", IG_CLOCK="system")
    assert "IG_CLOCK" in said


def test_two_headless_commands_do_not_share_a_data_folder(
    turned_loop: TurnedLoop,
) -> None:
    with FileLock(turned_loop.data_dir / "headless.lock"):
        second = turned_loop.command("loop", "--json")
    assert (second.returncode, second.stdout) == (FAILED, "")
    assert "is at work in this data folder" in " ".join(second.stderr.split())


def test_the_installed_command_ends_with_the_same_codes(
    turned_loop: TurnedLoop,
) -> None:
    done = turned_loop.command("models", "--json")
    wrong = turned_loop.command("experiments", "no-such-thing")
    assert (done.returncode, wrong.returncode) == (DONE, WRONG_USE)
    assert json.loads(done.stdout)
    assert wrong.stdout == "" and "Traceback" not in wrong.stderr


def test_months_without_topics_are_refused_before_time_moves(
    shell: Shell, turned_loop: TurnedLoop, tmp_path: Any
) -> None:
    before = turned_loop.counts()
    clock = (turned_loop.data_dir / "clock.json").read_text()
    said = shell.complaint(
        WRONG_USE, "loop", "--months", "3", IG_CALENDAR=str(tmp_path / "none")
    )
    assert "IG_CALENDAR does not exist" in said
    empty = tmp_path / "empty"
    empty.mkdir()
    said = shell.complaint(WRONG_USE, "loop", "--months", "3", IG_CALENDAR=str(empty))
    assert "no usable topic for 2026-03; it has no month" in said
    assert turned_loop.counts() == before
    assert (turned_loop.data_dir / "clock.json").read_text() == clock


@pytest.mark.parametrize(
    "arguments",
    [
        ("experiments", "--month", "2026-13"),
        ("experiments", "--month", "26-1"),
        ("search", "herbs", "--month", "2026-99"),
        ("search", "herbs", "--origin", "elsewhere"),
        ("search", "herbs", "--min-rate", "nan"),
        ("posts", "list", "--month", "May"),
        ("models", "--reason", "no action named"),
        ("import-history", "x.csv", "--map", "hook=a", "--map", "hook=b"),
        ("loop", "--model", "7b"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_wrong_use(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    result = shell.run(*arguments)
    assert result.exit_code == WRONG_USE, result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["models", "costs", "sync", "loop"])
def test_a_data_folder_that_cannot_be_is_one_sentence(
    shell: Shell, tmp_path: Any, command: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    result = shell.run(command, IG_DATA_DIR=str(tmp_path / "file"), DAGSTER_HOME="")
    assert result.exit_code in (FAILED, WRONG_USE), result.output
    said = " ".join(result.stderr.split())
    assert "cannot be written to" in said and "IG_DATA_DIR" in said
    assert "Traceback" not in result.output


def test_a_damaged_clock_is_one_sentence(shell: Shell, tmp_path: Any) -> None:
    (tmp_path / "clock.json").write_text("{bad")
    said = shell.complaint(WRONG_USE, "models", IG_DATA_DIR=str(tmp_path))
    assert "clock.json is damaged" in said
