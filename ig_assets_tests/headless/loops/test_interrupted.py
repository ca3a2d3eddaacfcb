"""Ctrl-C says one line, exits with 130, and the next run goes on where it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ig_assets_tests.factories.processes import command as forked_command
from ig_assets_tests.factories.processes import started as forked
from ig_assets_tests.headless.loop_fixtures import TurnedLoop, command, new_loop
from ig_assets_tests.stand_ins.openai_server import EMBEDDINGS, RESPONSES, OpenAIStandIn

PATIENCE_S = 120


# Python runs it first: the module of `models` takes long to load, and says when.
SLOW_TO_LOAD = """
import pathlib, sys, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "ig_assets.cli.models.models":
            pathlib.Path(__file__).with_name("loading").touch()
            time.sleep(120)

sys.meta_path.insert(0, Slow())
"""


def started(loop: TurnedLoop, *arguments: str, **env: str) -> subprocess.Popen[str]:
    """A command in a process group of its own, as a terminal starts it.

    What a shell starts in the background ignores Ctrl-C and hands that on: these tests
    may be started so, the command is not.
    """
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            command(*arguments),
            env={**loop.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, ours)


def interrupt(process: subprocess.Popen[str]) -> str:
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, out + err
    assert "Traceback" not in out + err
    return err.strip()


LOOP = ("loop", "--months", "1", "--no-history")


def wait_for_first(
    path: str, stand_in: OpenAIStandIn, runs: Callable[[], bool]
) -> None:
    """Wait until the first request is there, or the process has ended before."""
    give_up = time.monotonic() + PATIENCE_S
    while not stand_in.requests[path] and runs():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def command_of_a_terminal(
    arguments: list[str], env: dict[str, str], cwd: Path, files: tuple[Path, Path]
) -> None:
    """Become the command in a process group of its own, forked instead of started."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    forked_command(arguments, env, cwd, files)


def test_ctrl_c_in_the_middle_of_paid_work_says_what_is_kept(tmp_path: Path) -> None:
    files = tmp_path / "out", tmp_path / "err"
    with OpenAIStandIn(delay_s=0.3) as stand_in:
        loop = new_loop(tmp_path, stand_in)
        process = forked(command_of_a_terminal, [*LOOP], loop.env, tmp_path, files)
        wait_for_first(RESPONSES, stand_in, process.is_alive)
        assert process.pid is not None
        os.killpg(process.pid, signal.SIGINT)
        process.join(PATIENCE_S)
    out, err = (file.read_text("utf-8") for file in files)
    assert process.exitcode == 130, out + err
    assert "Traceback" not in out + err
    assert err.strip() == "Stopped. What was done is kept; run it again to go on."


def test_ctrl_c_does_not_wait_for_an_answer_and_its_call_becomes_unknown(
    tmp_path: Path,
) -> None:
    with OpenAIStandIn(delay_s=10 * PATIENCE_S) as stand_in:
        loop = new_loop(tmp_path, stand_in)
        process = started(loop, *LOOP)
        wait_for_first(EMBEDDINGS, stand_in, lambda: process.poll() is None)
        said = interrupt(process)
    assert said == "Stopped. What was done is kept; run it again to go on."
    calls = loop.rows("SELECT DISTINCT status, error FROM api_calls")
    why = "the step was stopped before the answer"
    assert calls == [{"status": "unknown", "error": why}]


def test_ctrl_c_while_the_command_loads_is_one_line(tmp_path: Path) -> None:
    with OpenAIStandIn() as stand_in:
        loop = new_loop(tmp_path, stand_in)
        (tmp_path / "first").mkdir()
        (tmp_path / "first" / "sitecustomize.py").write_text(SLOW_TO_LOAD)
        process = started(loop, "models", PYTHONPATH=str(tmp_path / "first"))
        give_up = time.monotonic() + PATIENCE_S
        while not (tmp_path / "first" / "loading").exists():
            assert time.monotonic() < give_up and process.poll() is None
            time.sleep(0.01)
        assert interrupt(process) == "Stopped before anything was done."
