"""A request to forget outlives the tables that knew it: its working file stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ig_assets.cli.app import app
from ig_assets.core.forgetting.service import forget, resume
from ig_assets.core.reports.status import data_folder_state
from ig_assets.warehouse.forgetting.receipts import receipts_folder
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.forgetting.forgetting_factory import (
    PHRASE,
    ForgettingFactory,
)
from ig_assets_tests.core.forgetting.requests import (
    KETTLE,
    Killed,
    assert_forgotten,
    killed_after,
)

ONE_WAITS = ["1 request to forget is not finished"]


def run(env: ForgettingFactory, *arguments: str, code: int = 0) -> str:
    env.warehouse.close()
    library = {"IG_LIBRARY": str(env.data.parent / "library")}
    result = CliRunner().invoke(app, arguments, env=env.settings | library)
    assert result.exit_code == code, result.output
    return result.stdout


def back_up(env: ForgettingFactory) -> str:
    said = run(env, "db", "backup", str(env.data.parent / "backups"), "--json")
    return str(json.loads(said)["folder"])


def reopened(env: ForgettingFactory) -> None:
    env.warehouse.close()
    env._home = Warehouse(env.warehouse.url, env.clock.now)


def waiting(env: ForgettingFactory) -> list[str]:
    with env.warehouse.transaction() as con:
        state = data_folder_state(con, env.clock.now())
    return [w.sentence for w in state.waiting if "forget" in w.command]


def begin(env: ForgettingFactory, stop: str) -> None:
    with pytest.raises(Killed):
        forget(env.work(), [KETTLE], "a letter", "rita", killed_after(stop))
    env.warehouse.close()


@pytest.mark.parametrize("stop", ["intent", "found", "tables", "warehouse", "search"])
def test_a_restore_keeps_a_request_that_is_not_finished(
    env: ForgettingFactory, stop: str
) -> None:
    backup = back_up(env)
    begin(env, stop)
    run(env, "db", "restore", backup, "--replace")
    for kept in env.data.glob("w.duckdb.before-*"):
        kept.unlink()
    reopened(env)
    assert waiting(env) == ONE_WAITS
    [row] = env.read("SELECT * FROM forget_requests")
    assert (row["reason"], row["requested_by"]) == ("a letter", "rita")
    resume(env.work())
    assert_forgotten(env)
    assert waiting(env) == [] and not (env.work().receipts / "begun").exists()


def test_a_file_that_was_copied_back_by_hand_keeps_the_request(
    env: ForgettingFactory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    env.warehouse.close()
    kept = shutil.copy(env.data / "w.duckdb", tmp_path / "kept.duckdb")
    begin(env, "tables")
    shutil.copy(kept, env.data / "w.duckdb")
    (env.data / "w.duckdb.wal").unlink(missing_ok=True)
    reopened(env)
    assert waiting(env) == ONE_WAITS
    assert "does not have the request to forget" in caplog.text
    resume(env.work())
    assert_forgotten(env)


def test_a_copy_of_a_home_brings_the_words_of_a_request_along(
    env: ForgettingFactory, tmp_path: Path
) -> None:
    begin(env, "tables")
    target = tmp_path / "other" / "w.duckdb"
    target.parent.mkdir()
    run(env, "db", "copy", f"duckdb:///{env.data / 'w.duckdb'}", f"duckdb:///{target}")
    theirs = receipts_folder(target) / "begun"
    [ours] = (env.work().receipts / "begun").iterdir()
    [brought] = theirs.iterdir()
    assert brought.read_bytes() == ours.read_bytes()
    assert brought.stat().st_mode & 0o077 == 0
    copy = Warehouse(f"duckdb:///{target}", env.clock.now)
    work = env.work(warehouse=copy, receipts=receipts_folder(target))
    [receipt] = resume(work)
    copy.close()
    assert receipt.fields["steps"]["search"]["sentences"] == 2
    assert ours.exists(), "the other home's own request is not finished"


def test_a_restored_request_with_words_left_looks_for_them(
    env: ForgettingFactory,
) -> None:
    backup = back_up(env)
    log = env.data / "old.log"
    log.write_text(PHRASE)
    forget(env.work(), [KETTLE], "a letter", "rita")
    run(env, "db", "restore", backup, "--replace")
    for kept in env.data.glob("w.duckdb.before-*"):
        kept.unlink()
    assert "old.log" in run(env, "forget", "--resume", code=1)
    reopened(env)
    assert waiting(env) == ONE_WAITS
    assert len(list((env.work().receipts / "begun").iterdir())) == 1
    log.unlink()
    said = run(env, "forget", "--resume")
    assert "2 sentences were looked for" in " ".join(said.split())
    assert waiting(env) == [] and not (env.work().receipts / "begun").exists()


def test_the_words_of_a_finished_request_are_removed_by_the_next_command(
    env: ForgettingFactory, caplog: pytest.LogCaptureFixture
) -> None:
    begin(env, "done")
    begun = env.work().receipts / "begun"
    [working] = begun.iterdir()
    assert PHRASE in working.read_text()
    run(env, "status")
    assert not begun.exists()
    assert "its working file with the words was still there" in caplog.text


def test_a_working_file_that_cannot_be_read_stops_nothing_and_stays(
    env: ForgettingFactory, caplog: pytest.LogCaptureFixture
) -> None:
    broken = env.work().receipts / "begun" / "broken.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    reopened(env)
    assert waiting(env) == [] and broken.exists()
    assert "The working file broken.json" in caplog.text
