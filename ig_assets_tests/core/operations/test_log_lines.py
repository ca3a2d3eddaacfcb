"""The log's lines: the format, the place that each names, and where they go."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ig_assets.core.operations import log_lines
from ig_assets.core.operations.log_lines import (
    FAILURES,
    TREE,
    log_of_command,
    log_place,
    log_to_stdout,
)

LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING ig_script_writer\.index The index "
    r"is behind\. \[run=r1 asset=script_index partition=2026-01\]"
)
_log = logging.getLogger(f"{TREE}.index")


@pytest.fixture(autouse=True)
def tree_as_before() -> Iterator[None]:
    tree = logging.getLogger(TREE)
    handlers, level = list(tree.handlers), tree.level
    tree.handlers = []
    yield
    tree.handlers, tree.level = handlers, level


def test_a_line_of_a_step_has_the_format_and_names_run_asset_and_partition(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stdout("text", "info")
    with log_place("r1", "script_index", "2026-01"):
        _log.warning("The index is %s.", "behind")
    _log.debug("not shown")
    assert LINE.fullmatch(capsys.readouterr().out.strip())


def test_a_json_line_is_one_object_with_the_traceback_in_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stdout("json", "debug")
    with log_place("r1", "topics"):
        try:
            raise ValueError("ü\nsecond line")
        except ValueError:
            _log.exception("It failed\nin two lines")
    _log.debug("after")
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["message"] == "It failed\nin two lines" and first["level"] == "ERROR"
    assert (first["run_id"], first["asset"], first["partition"]) == (
        "r1",
        "topics",
        None,
    )
    assert first["exception"].endswith("ValueError: ü\nsecond line")
    assert re.fullmatch(r"[\d-]{10}T[\d:.]{12}\+00:00", first["time"])
    assert second["run_id"] is None and "exception" not in second


def test_a_thread_of_a_step_writes_lines_of_that_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stdout("text", "info")
    with log_place("r1", "script_drafts"), log_place("r1", "script_drafts"):
        worker = threading.Thread(target=lambda: _log.info("from a thread"))
        worker.start()
        worker.join()
    assert "[run=r1 asset=script_drafts]" in capsys.readouterr().out


def test_a_thread_beside_two_steps_claims_neither(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stdout("text", "info")
    with log_place("r1", "posts"), log_place("r2", "topics"):
        worker = threading.Thread(target=lambda: _log.info("whose?"))
        worker.start()
        worker.join()
        _log.info("mine")
    alone, mine = capsys.readouterr().out.splitlines()
    assert alone.endswith("whose?") and mine.endswith("[run=r2 asset=topics]")


def test_a_message_with_a_line_break_cannot_forge_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stdout("text", "info")
    _log.warning("a topic\n2026-01-01 00:00:00,000 INFO ig_script_writer all is well")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_command_shows_warnings_and_keeps_tracebacks_in_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with log_of_command(tmp_path, "text", "info"):
        log_to_stdout("text", "info")  # a code location in the command's process
        _log.info("3 of 11 drafts")
        _log.warning("The index is behind.")
        try:
            raise ValueError("sk-proj-planted0123456789abcdef")
        except ValueError:
            logging.getLogger(FAILURES).exception("It failed.")
    assert logging.getLogger(TREE).handlers == []
    shown = capsys.readouterr()
    assert shown.out == "" and "The index is behind." in shown.err
    assert "It failed." not in shown.err and "drafts" not in shown.err
    kept = (tmp_path / log_lines.LOG_FILE).read_text("utf-8")
    assert "Traceback" in kept and "It failed." in kept and "sk-proj" not in kept
    assert (tmp_path / log_lines.LOG_FILE).stat().st_mode & 0o077 == 0


def test_a_data_folder_that_refuses_the_file_stops_no_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("a file where a folder should be")
    with log_of_command(tmp_path, "text", "info"):
        _log.warning("still shown")
    assert capsys.readouterr().err.count("\n") == 1


def test_a_log_makes_no_data_folder_that_is_new_or_away_but_for_a_traceback(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    failures = logging.getLogger(FAILURES)
    with log_of_command(data, "text", "info"):
        _log.warning("There is no warehouse file.")
        assert not data.exists()
        failures.error("It failed.", exc_info=ValueError("unexpected"))
        assert "It failed." in (data / log_lines.LOG_FILE).read_text("utf-8")
        data.rename(tmp_path / "unmounted")
        _log.warning("It is away.")
        failures.error("It failed.", exc_info=ValueError("unexpected"))
        assert not data.exists()
