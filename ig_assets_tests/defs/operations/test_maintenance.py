"""Backups and the deletion of old runs, by their jobs and schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from ig_assets.adapters.simulated.clocks import SystemClock
from ig_assets.cli.app import app
from ig_assets.warehouse.moving.backups import owner_of
from ig_assets.warehouse.moving.rotation import backups_in
from ig_assets_tests.defs.ticking import DagsterEnv

NOW = datetime(2026, 5, 4, 2, 15)


def metadata(result: dg.ExecuteInProcessResult, step: str) -> dict[str, Any]:
    """What a step's output says of it."""
    [found] = [
        event.step_output_data.metadata
        for event in result.events_for_node(step)
        if event.is_successful_output
    ]
    return {key: value.value for key, value in found.items()}


def test_without_a_folder_and_without_days_nothing_is_done(
    dagster_env: DagsterEnv,
) -> None:
    for name, setting in (
        ("backup_schedule", "IG_BACKUPS"),
        ("retention_schedule", "IG_KEEP_DAYS"),
    ):
        tick = dagster_env.schedule(name, NOW)
        assert not tick.run_requests and setting in str(tick.skip_message)
    for job in ("back_up_warehouse", "thin_out_runs"):
        result = dagster_env.run(job)
        assert not result.success, "a person who starts it is told what is missing"


def test_each_day_a_backup_is_made_and_the_newest_one_can_be_restored(
    dagster_env: DagsterEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into, data = tmp_path / "backups", tmp_path / "data"
    monkeypatch.setenv("IG_BACKUPS", str(into))
    monkeypatch.setenv("IG_KEEP_BACKUPS", "2")
    assert len(dagster_env.schedule("backup_schedule", NOW).run_requests) == 1
    for day in range(3):
        now = NOW + timedelta(days=day)
        monkeypatch.setattr(SystemClock, "now", lambda clock, now=now: now)
        dagster_env.write("scripts", {"script_id": f"s{day}", "revision_hash": "r"})
        result = dagster_env.run("back_up_warehouse")
        assert result.success
    assert metadata(result, "make_backup")["deleted"] == ["warehouse-20260504T021500Z"]
    kept = backups_in(into, owner_of(data))
    assert [path.name for path in kept] == [
        "warehouse-20260505T021500Z",
        "warehouse-20260506T021500Z",
    ]
    dagster_env.execute("DELETE FROM scripts")
    dagster_env.services.warehouse.close()
    arguments = ["db", "restore", str(into), "--newest", "--replace"]
    restored = CliRunner().invoke(app, arguments)
    assert restored.exit_code == 0, restored.output
    assert dagster_env.rows("SELECT count(*) AS n FROM scripts") == [{"n": 3}]


def test_a_backup_that_a_wrong_clock_dated_ahead_does_not_cost_the_new_one(
    dagster_env: DagsterEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into, data = tmp_path / "backups", tmp_path / "data"
    monkeypatch.setenv("IG_BACKUPS", str(into))
    monkeypatch.setenv("IG_KEEP_BACKUPS", "1")
    dagster_env.write("scripts", {"script_id": "s", "revision_hash": "r"})
    for now in (NOW + timedelta(days=300), NOW):
        monkeypatch.setattr(SystemClock, "now", lambda clock, now=now: now)
        result = dagster_env.run("back_up_warehouse")
        assert result.success
    assert [path.name for path in backups_in(into, owner_of(data))] == [
        "warehouse-20260504T021500Z",
        "warehouse-20270228T021500Z",
    ]
    [said] = metadata(result, "make_backup")["kept against the number"]
    assert "warehouse-20270228T021500Z is dated after the machine's time" in said
    dagster_env.services.warehouse.close()
    arguments = ["db", "restore", str(into), "--newest", "--replace"]
    restored = CliRunner().invoke(app, arguments)
    assert restored.exit_code == 0, restored.output
    said = " ".join(restored.stdout.split())
    assert "warehouse-20270228T021500Z is dated after" in said
    assert "restored from" in said and "warehouse-20260504T021500Z." in said


def test_old_runs_go_and_the_run_that_deletes_them_stays(
    dagster_env: DagsterEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IG_KEEP_DAYS", "7")
    assert len(dagster_env.schedule("retention_schedule", NOW).run_requests) == 1
    reviews = [dagster_env.run("key_rotation").run_id for _ in range(2)]
    result = dagster_env.run("thin_out_runs")
    assert metadata(result, "delete_old_runs")["runs"] == 0
    later = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=8)
    monkeypatch.setattr(SystemClock, "now", lambda clock: later)
    last = dagster_env.run("thin_out_runs")
    assert metadata(last, "delete_old_runs")["runs"] == len(reviews) + 1
    assert [run.run_id for run in dagster_env.instance.get_runs()] == [last.run_id]
