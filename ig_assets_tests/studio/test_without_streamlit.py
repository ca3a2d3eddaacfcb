"""What the studio does below its pages; none of it needs the extra."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ig_assets.errors import (
    ConflictError,
    InputError,
    SettingsError,
    WarehouseBusyError,
)
from ig_assets.studio import launch
from ig_assets.studio.launch import ASK_NAME, check_installed, studio_command
from ig_assets.studio.plain_words import plain, sentence_of, without_paths
from ig_assets.studio.shown import Reader
from ig_assets.studio.topic_jobs import TopicJob, TopicJobs
from ig_assets.warehouse.warehouse import Warehouse

NOW = datetime(2026, 1, 5, 10)
PATIENCE_S = 60.0  # for a machine that hangs; nothing is timed
COUNT = "SELECT count(*) FROM topics"


# ── a busy warehouse ──────────────────────────────────────────────────────────


@pytest.fixture
def now() -> list[datetime]:
    return [NOW]


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Makes the warehouse of `home` busy until the test is over."""
    holder = Warehouse(f"duckdb:///{tmp_path / 'w.duckdb'}", lambda: NOW)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with holder.transaction():
            held.set()
            release.wait(PATIENCE_S)

    thread = threading.Thread(target=hold)

    def begin() -> None:
        thread.start()
        assert held.wait(PATIENCE_S)

    yield begin
    release.set()
    if thread.ident is not None:
        thread.join()
    holder.close()


@pytest.fixture
def reader(tmp_path: Path, now: list[datetime]) -> Reader:
    home = Warehouse(f"duckdb:///{tmp_path / 'w.duckdb'}", lambda: NOW, 0.05)
    return Reader(home, lambda: now[0])


def test_a_busy_warehouse_is_answered_by_the_last_reading_and_its_time(
    reader: Reader, busy: Callable[[], None], now: list[datetime]
) -> None:
    first = reader.read("topics", lambda con: con.execute(COUNT).fetchall())
    assert (first.value, first.read_at, first.is_old) == ([(0,)], NOW, False)
    now[0] += timedelta(minutes=3)
    reader._warehouse.close()
    busy()
    again = reader.read("topics", lambda con: con.execute(COUNT).fetchall())
    assert (again.value, again.read_at, again.is_old) == ([(0,)], NOW, True)


def test_a_busy_warehouse_that_was_never_read_is_said_to_be_busy(
    reader: Reader, busy: Callable[[], None]
) -> None:
    reader.read("topics", lambda con: con.execute(COUNT).fetchall())
    reader._warehouse.close()
    busy()
    with pytest.raises(WarehouseBusyError):
        reader.read("posts", lambda con: con.execute(COUNT).fetchall())


# ── a topic that is being written ─────────────────────────────────────────────

WRITES = """
import json, sys
form = json.load(sys.stdin)
print(json.dumps({"progress": "1 of 2 drafts."}), flush=True)
print("a line of a library, which is none of ours", flush=True)
print(json.dumps({"done": "run of " + form["topic"]}))
"""
FAILS = """
import json, sys
print(json.dumps({"error": "Budget reached.", "section": "a-budget-is-reached"}))
sys.exit(1)
"""
WAITS = """
import json, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # as topic_process.py does
print(json.dumps({"progress": "waiting"}), flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    print(json.dumps({"error": "Stopped.", "section": None}))
    sys.exit(130)
"""


def jobs(program: str) -> TopicJobs:
    return TopicJobs([sys.executable, "-c", program])


def over(job: TopicJob) -> TopicJob:
    assert job.is_over.wait(PATIENCE_S)
    return job


def test_a_job_gives_its_form_by_standard_input_and_hears_what_is_said() -> None:
    job = over(jobs(WRITES).start({"topic": "knives"}, "t1"))
    assert (job.run_id, job.error) == ("run of knives", None)
    assert job.progress == "1 of 2 drafts." and job.process is not None
    assert "knives" not in str(job.process.args)


def test_a_failure_is_a_sentence_with_its_section_and_silence_is_a_failure() -> None:
    failed = over(jobs(FAILS).start({"topic": "knives"}, "t1"))
    assert (failed.error, failed.section) == ("Budget reached.", "a-budget-is-reached")
    silent = over(jobs("raise SystemExit(3)").start({"topic": "k"}, "t1"))
    assert silent.run_id is None and "ended without a word" in str(silent.error)


def test_one_topic_is_written_at_a_time_and_a_second_click_begins_none() -> None:
    office = jobs(WAITS)
    job = office.start({"topic": "knives"}, "t1")
    try:
        assert office.start({"topic": "knives"}, "t1") is job
        with pytest.raises(ConflictError, match="“knives” is being written"):
            office.start({"topic": "forks"}, "t2")
    finally:
        while job.progress != "waiting" and not job.is_over.wait(0.01):
            pass
        job.stop()
    assert over(job).error == "Stopped." and job.section is None
    assert job.process is not None and job.process.returncode == 130


# ── words and flags ───────────────────────────────────────────────────────────


def test_a_page_names_a_file_without_its_folders_and_leaves_addresses_whole() -> None:
    said = "The list /home/ana/team/banned words.txt and /srv/a/b.csv; see "
    said += "https://example.com/docs/runbook.md#x or docs/runbook.md."
    plain_said = without_paths(said)
    assert "/home" not in plain_said and "/srv" not in plain_said
    assert "…/b.csv" in plain_said
    assert "https://example.com/docs/runbook.md#x or docs/runbook.md." in plain_said


def test_what_a_page_says_of_an_error_has_neither_its_text_nor_a_traceback() -> None:
    secret = "sk-proj-never-a-key-0123456789abcdef"
    assert secret not in sentence_of(InputError(f"Not with {secret}."))
    assert sentence_of(ValueError(secret)) == (
        "Unexpected ValueError; what was done is kept."
    )


def test_words_of_a_person_are_no_markdown() -> None:
    assert plain("*a* $5$ :red[b] <b>") == r"\*a\* \$5\$ \:red\[b\] \<b\>"
    assert plain("Straße 12, ça va") == "Straße 12\\, ça va" and plain(None) == ""


def test_the_studio_listens_on_loopback_sends_nothing_home_and_shows_no_traceback() -> (
    None
):
    command = studio_command("127.0.0.1", 8501)
    flags = dict(zip(command[5::2], command[6::2]))
    assert flags["--server.address"] == "127.0.0.1"
    assert flags["--browser.gatherUsageStats"] == "false"
    assert flags["--client.showErrorDetails"] == "none"
    assert flags["--server.fileWatcherType"] == "none"
    assert flags["--server.enableXsrfProtection"] == "true"
    assert ASK_NAME not in command
    assert studio_command("0.0.0.0", 80)[-1] == ASK_NAME, "no name is assumed there"


def test_without_the_extra_the_studio_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launch, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r'pip install "ig-assets\[studio\]"'):
        check_installed()
