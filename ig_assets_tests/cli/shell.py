"""Runs `ig-assets` in this process under the settings of a turned loop."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from ig_assets.cli.app import app

DONE, FAILED, WRONG_USE = 0, 1, 2


def bare_environment(folder: Path) -> dict[str, str]:
    """The variables of a process of its own, with the folder as home and for data."""
    return {
        "PATH": "",
        "HOME": str(folder),
        "IG_DATA_DIR": str(folder / "data"),
        "IG_BUDGET_USD": "5",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


class Shell:
    """Runs `ig-assets` in this process under the loop's settings."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env

    def run(self, *arguments: str, **env: str) -> Result:
        """One command; `env` is added to the loop's."""
        ours = ("IG_", "OPENAI_")
        settings = {k: v for k, v in self._env.items() if k.startswith(ours)}
        return CliRunner().invoke(app, list(arguments), env=settings | env)

    def answer(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == DONE, result.output
        return json.loads(result.stdout)

    def complaint(self, code: int, *arguments: str, **env: str) -> str:
        """The one sentence of a command that fails; the runbook's line follows it."""
        result = self.run(*arguments, **env)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        assert isinstance(result.exception, SystemExit)
        said, _, section = " ".join(result.stderr.split()).partition(" Runbook: ")
        assert code == WRONG_USE or section.startswith("docs/runbook.md#")
        assert said.startswith("ig-assets: ") and said.endswith(".")
        return said.removeprefix("ig-assets: ")


def plain(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[`│╭╮╰╯─]", "", text).split())
