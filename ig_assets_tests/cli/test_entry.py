"""How a process of `ig-assets` ends where nobody reads what it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ig_assets.cli.entry import READER_GONE
from ig_assets_tests.cli.shell import bare_environment


@pytest.mark.parametrize("arguments", [["--help"], ["status"], ["costs", "--json"]])
def test_a_reader_that_left_ends_a_command_quietly_as_it_ends_other_tools(
    tmp_path: Path, arguments: list[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "ig_assets.cli.entry", *arguments],
        cwd=tmp_path,
        env=bare_environment(tmp_path),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (READER_GONE, "")
    logs = list((tmp_path / "data").glob("logs/*"))
    assert not any("Traceback" in log.read_text() for log in logs)
