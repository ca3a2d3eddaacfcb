"""Ctrl-C says one line, exits with 130, and the next run goes on where it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ig_assets_tests.loop.turned import TurnedLoop, command, new_loop
from ig_assets_tests.stand_ins.openai_server import EMBEDDINGS, RESPONSES, OpenAIStandIn

PATIENCE_S = 120


def started(loop: TurnedLoop, *arguments: str) -> subprocess.Popen[str]:
    """A command in a process group of its own, as a terminal starts it."""
    return subprocess.Popen(
        command(*arguments),
        env=loop.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def interrupt(process: subprocess.Popen[str]) -> str:
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, out + err
    assert "Traceback" not in out + err
    return err.strip()


@pytest.mark.parametrize("path", [EMBEDDINGS, RESPONSES])
def test_ctrl_c_in_the_middle_of_paid_work_says_what_is_kept(
    path: str, tmp_path: Path
) -> None:
    with OpenAIStandIn(delay_s=0.3) as stand_in:
        loop = new_loop(tmp_path, stand_in)
        process = started(loop, "loop", "--months", "1", "--no-history")
        give_up = time.monotonic() + PATIENCE_S
        while not stand_in.requests[path] and process.poll() is None:
            assert time.monotonic() < give_up
            time.sleep(0.01)
        said = interrupt(process)
    assert said == "Stopped. What was done is kept; run it again to go on."


def test_ctrl_c_while_the_command_loads_is_one_line(tmp_path: Path) -> None:
    with OpenAIStandIn() as stand_in:
        loop = new_loop(tmp_path, stand_in)
        process = started(loop, "models")
        time.sleep(0.4)
        assert interrupt(process).startswith("Stopped")
