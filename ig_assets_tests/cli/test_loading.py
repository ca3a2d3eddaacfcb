"""What a command loads: no more than it needs to answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ig_assets.cli.commands import COMMANDS, SUMMARIES, make_app, make_list
from ig_assets_tests.cli.shell import bare_environment

LOADED = (
    "import json, sys, atexit\n"
    "sys.argv = ['ig-assets', *{arguments!r}]\n"
    "names = {names!r}\n"
    "atexit.register(lambda: print(json.dumps("
    "[name for name in names if sys.modules.get(name)]), file=sys.stderr))\n"
    "from ig_assets.cli.entry import main\n"
    "main()\n"
)
HEAVY = ("dagster", "pandas", "scipy", "matplotlib", "openai", "onnxruntime", "faiss")
NUMBERS = ("numpy", "ig_assets.core.tabular", "ig_assets.core.generation.pipeline")
WAREHOUSE = ("duckdb", "pydantic_settings", "ig_assets.settings")


def loaded(tmp_path: Path, arguments: list[str], *names: str) -> list[str]:
    """Which of these modules a command loads in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(arguments=arguments, names=names)],
        cwd=tmp_path,
        env=bare_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stderr.splitlines()[-1])
    return found


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_the_list_of_commands_loads_none_of_them(
    tmp_path: Path, arguments: list[str]
) -> None:
    assert loaded(tmp_path, arguments, *HEAVY, *NUMBERS, *WAREHOUSE) == []


def test_costs_loads_neither_numbers_nor_frames(tmp_path: Path) -> None:
    assert loaded(tmp_path, ["costs"], *HEAVY, *NUMBERS) == []


@pytest.mark.parametrize("arguments", [["models"], ["posts", "list"]])
def test_commands_that_read_the_tables_load_nothing_heavy(
    tmp_path: Path, arguments: list[str]
) -> None:
    assert loaded(tmp_path, arguments, *HEAVY, *NUMBERS) == []


def test_the_list_says_what_the_commands_say_of_themselves() -> None:
    texts = [CliRunner().invoke(app, ["--help"]) for app in (make_list(), make_app())]
    assert texts[0].output == texts[1].output and "lineage" in texts[0].output
    assert set(SUMMARIES) == set(COMMANDS)
    wrong = [CliRunner().invoke(app, ["serch"]) for app in (make_list(), make_app())]
    assert wrong[0].output == wrong[1].output and wrong[0].exit_code == 2
