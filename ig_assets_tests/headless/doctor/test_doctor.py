"""`ig-assets doctor` says what works, what does not, and what to do, without a key."""

from __future__ import annotations

import json
import os
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat
from typer.testing import CliRunner, Result

from ig_assets.adapters.lora import limits
from ig_assets.adapters.simulated.clocks import SystemClock
from ig_assets.cli.app import app
from ig_assets.headless.doctor import machine, warehouse as warehouse_checks
from ig_assets.headless.doctor.automation import automation_findings
from ig_assets.settings import Settings, load_settings
from ig_assets.warehouse.moving.backups import back_up, owner_of
from ig_assets.warehouse.moving.state import home_state
from ig_assets.wiring import vendor_checks
from ig_assets_tests.factories.warehouses import migrated_warehouse
from ig_assets_tests.stand_ins.openai_server import OpenAIStandIn
from ig_assets_tests.warehouse.test_upgrade import make_folder

KEY = "sk-proj-never-to-be-seen-0123456789"
NOW = datetime(2026, 5, 1, 9)
Usage = namedtuple("Usage", "total used free")


def run(folder: Path, *arguments: str, **env: str) -> Result:
    settings = {"IG_DATA_DIR": str(folder), "DAGSTER_HOME": ""}
    return CliRunner().invoke(app, ["doctor", *arguments], env=settings | env)


def lines(result: Result) -> dict[str, dict[str, str]]:
    return {row["subject"]: row for row in json.loads(result.stdout)}


def test_a_new_folder_on_embedded_defaults_has_nothing_wrong(tmp_path: Path) -> None:
    result = run(tmp_path / "data", "--json", "--strict")
    assert result.exit_code == 0, result.output
    found = lines(result)
    assert {row["state"] for row in found.values()} == {"good", "not known"}
    assert list(found) == [
        "settings",
        "versions",
        "disk",
        "studio",
        "backups",
        "alerts",
        "warehouse",
        "keys",
        "vendors",
        "automation",
    ]
    assert not (tmp_path / "data").exists(), "nothing is made"


def test_every_line_that_is_not_good_says_what_to_do(tmp_path: Path) -> None:
    make_folder(tmp_path / "warehouse.duckdb", last=12)
    result = run(tmp_path, "--json", OPENAI_API_KEY=KEY)
    assert result.exit_code == 0
    assert max(home_state(f"duckdb:///{tmp_path}/warehouse.duckdb").applied) == 12
    bad = [r for r in lines(result).values() if r["state"] in ("warning", "failed")]
    assert [row["subject"] for row in bad] == ["schema"]
    assert "ig-assets db migrate" in bad[0]["to_do"]
    assert run(tmp_path, "--strict").exit_code == 1


def test_a_wrong_setting_is_the_only_line_and_fails(tmp_path: Path) -> None:
    result = run(tmp_path, "--json", IG_ARMS="9")
    assert result.exit_code == 1
    [row] = json.loads(result.stdout)
    assert row["subject"] == "settings" and "IG_ARMS" in row["seen"]


def test_the_channels_of_alerts_are_named_without_their_secrets(tmp_path: Path) -> None:
    assert "No channel is set" in lines(run(tmp_path, "--json"))["alerts"]["seen"]
    hook = "https://hooks.example.org/never-shown"
    found = run(
        tmp_path,
        "--json",
        IG_ALERT_WEBHOOK=hook,
        IG_ALERT_EMAIL="ana@example.org",
        IG_SMTP="mail.example.org:587",
    )
    assert lines(found)["alerts"]["seen"] == (
        "They are sent by webhook and by e-mail to ana@example.org through "
        "mail.example.org:587; none was sent as a test."
    )
    assert "never-shown" not in found.output
    real = {"IG_SOCIAL": "replay", "IG_REPLAY_FILE": str(tmp_path / "r.csv")}
    line = lines(run(tmp_path, "--json", **real))["alerts"]
    assert line["state"] == "warning" and "IG_ALERT_WEBHOOK" in line["to_do"]


def test_keys_and_servers_are_looked_at_and_no_key_is_shown(tmp_path: Path) -> None:
    migrated_warehouse(tmp_path / "warehouse.duckdb", SystemClock().now).close()
    with OpenAIStandIn() as server:
        env = {
            "IG_WRITER": "openai",
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": server.base_url,
        }
        result = run(tmp_path, "--json", **env)
        server.revoked.add(KEY)
        refused = run(tmp_path, **env)
    assert result.exit_code == 0
    found = lines(result)
    assert found["OpenAI server"]["state"] == "good"
    assert "for 0 days" in found["age of OPENAI_API_KEY"]["seen"]
    assert refused.exit_code == 1 and "is not accepted" in refused.stdout
    assert KEY not in result.output + refused.output


def test_the_vendors_that_train_are_looked_at_and_their_keys_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated_warehouse(tmp_path / "warehouse.duckdb", SystemClock().now).close()
    monkeypatch.setattr(vendor_checks, "find_spec", {"fireworks": object()}.get)
    monkeypatch.setattr(limits, "PACKAGES", ("surely_not_there",))
    with OpenAIStandIn() as server:
        env = {
            "IG_TRAINER": "openai,together,fireworks,lora,few_shot",
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": server.base_url,
            "TOGETHER_API_KEY": f"together-{KEY}",
            "FIREWORKS_API_KEY": f"fireworks-{KEY}",
            "FIREWORKS_ACCOUNT_ID": "acme",
        }
        result = run(tmp_path, "--json", **env)
    assert result.exit_code == 1 and KEY not in result.output
    found = lines(result)
    assert found["OpenAI server"]["state"] == "good"
    assert "ig-assets[together]" in found["trainer together"]["to_do"]
    assert found["trainer fireworks"]["state"] == "not known"
    assert "not installed (missing: surely_not_there)" in found["trainer lora"]["seen"]
    assert "ig-assets[train]" in found["trainer lora"]["to_do"]
    assert {"age of TOGETHER_API_KEY", "age of FIREWORKS_API_KEY"} <= set(found)


def test_a_newer_warehouse_a_held_one_and_one_from_the_future_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(data_dir=tmp_path)
    now = SystemClock().now()
    home = migrated_warehouse(tmp_path / "warehouse.duckdb", lambda: now)
    monkeypatch.setattr(warehouse_checks, "LOCK_WAIT_S", 0.1)
    with home.transaction() as con:
        con.execute("INSERT INTO api_calls (call_id, sent_at) VALUES ('c', ?)", [now])
        [held] = warehouse_checks.warehouse_findings(settings, now)
    assert held.state == "warning" and "is held by another process" in held.seen
    home.close()
    earlier = now - timedelta(hours=1)
    [opens, clock] = warehouse_checks.warehouse_findings(settings, earlier)
    assert opens.state == "good" and "1 rows" in opens.seen
    assert clock.state == "failed" and "time server" in clock.to_do
    with home.transaction() as con:
        con.execute("INSERT INTO migrations (number) VALUES (9999)")
    home.close()
    [newer] = warehouse_checks.warehouse_findings(settings, now)
    assert newer.state == "failed" and "install the newer version" in newer.seen
    assert newer.to_do.startswith("Install that version")
    (tmp_path / "warehouse.duckdb").write_bytes(b"no database" * 2000)
    [damaged] = warehouse_checks.warehouse_findings(settings, now)
    assert damaged.state == "failed" and "not a DuckDB file" in damaged.seen
    assert "`ig-assets db restore FOLDER --newest --replace`" in damaged.to_do


def test_on_a_new_folder_no_key_is_recorded_and_nothing_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    found = lines(run(folder, "--json", OPENAI_API_KEY=KEY))
    assert found["keys"]["state"] == "not known" and not folder.exists()


def test_a_warehouse_that_is_gone_is_said_and_none_is_made(tmp_path: Path) -> None:
    home = migrated_warehouse(tmp_path / "warehouse.duckdb", SystemClock().now)
    with home.transaction():
        pass
    home.close()
    (tmp_path / "warehouse.duckdb").unlink()
    result = run(tmp_path, "--json", OPENAI_API_KEY=KEY)
    assert result.exit_code == 1
    line = lines(result)["warehouse"]
    assert line["state"] == "failed" and "was here and is gone" in line["seen"]
    assert "#the-warehouse-is-gone" in line["to_do"]
    assert not (tmp_path / "warehouse.duckdb").exists()


@pytest.mark.parametrize(
    ("free", "state"),
    [(6e9, "good"), (4e9, "warning"), (4e8, "failed")],
)
def test_a_disk_that_fills_up_is_named(
    free: float, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: Usage(0, 0, free))
    settings = load_settings(data_dir=tmp_path / "not" / "there")
    assert machine.disk_finding(settings).state == state


def test_a_package_out_of_its_range_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = ["duckdb<1", "no-such-package>=1", "dagster>=1", "x>1; extra == 'dev'"]
    monkeypatch.setattr(machine.metadata, "requires", lambda _: needs)
    [found] = machine.version_findings()
    assert found.state == "failed"
    assert "duckdb is 1.5.5 and must be <1" in found.seen
    assert "no-such-package is missing" in found.seen and "dagster" not in found.seen


def test_a_look_that_breaks_is_a_line_too_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(folder: Path) -> Usage:
        raise PermissionError(13, KEY)

    monkeypatch.setattr(machine.shutil, "disk_usage", broken)
    result = run(tmp_path, "--json", OPENAI_API_KEY=KEY)
    assert result.exit_code == 1
    disk = lines(result)["disk"]
    assert (disk["state"], "traceback" in disk["to_do"]) == ("failed", True)
    assert "unexpected PermissionError" in disk["seen"]
    assert lines(result)["warehouse"]["state"] == "good"
    assert KEY not in result.output
    log = (tmp_path / "logs" / "ig-assets.log").read_text()
    assert "PermissionError" in log and KEY not in log


def test_an_env_file_that_others_may_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".env"
    path.write_text("")
    monkeypatch.setitem(Settings.model_config, "env_file", str(path))
    settings = load_settings()
    for mode, state in ((0o644, "warning"), (0o600, "good")):
        os.chmod(path, mode)
        assert machine.env_file_finding(settings).state == state


def test_a_silent_daemon_and_a_stopped_schedule_are_named(tmp_path: Path) -> None:
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.from_config(str(home)):
        pass
    settings = load_settings(data_dir=tmp_path)
    found = automation_findings(settings, datetime(2026, 5, 1))
    assert [(f.subject, f.state) for f in found] == [
        ("daemon", "warning"),
        ("schedules and sensors", "good"),
    ]
    assert "has never run" in found[0].seen
    assert "are stopped: " in found[1].seen


def test_a_daemon_whose_last_sign_is_dated_ahead_is_not_said_to_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    beat = datetime(2027, 5, 1, tzinfo=UTC).timestamp()
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(beat, "SENSOR", "one", []))
    settings = load_settings(data_dir=tmp_path)
    for now, state in (
        (datetime(2026, 5, 1), "warning"),
        (datetime(2027, 5, 1, 0, 1), "good"),
    ):
        found = automation_findings(settings, now)[0]
        assert (found.subject, found.state) == ("daemon", state)
        assert ("ahead of the machine's clock" in found.seen) == (state == "warning")


def test_the_newest_backup_of_this_folder_is_at_most_two_days_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated_warehouse(tmp_path / "data" / "warehouse.duckdb", lambda: NOW).close()
    into = tmp_path / "backups"

    def backups(**env: str) -> tuple[str, str]:
        row = lines(run(tmp_path / "data", "--json", **env))["backups"]
        return row["state"], row["seen"]

    assert backups(IG_BACKUPS=str(into)) == (
        "warning",
        f"{into} does not exist; is its disk mounted?",
    )
    into.write_text("")
    assert backups(IG_BACKUPS=str(into))[1] == f"{into} is a file, no folder."
    into.unlink()
    into.mkdir()
    assert backups(IG_BACKUPS=str(into))[1] == f"{into} has none of ours."
    for hour, state in ((0, "good"), (49, "good"), (51, "warning")):
        now = NOW + timedelta(hours=hour)
        monkeypatch.setattr(SystemClock, "now", lambda clock, now=now: now)
        if hour == 0:
            env = {"IG_DATA_DIR": str(tmp_path / "data")}
            made = CliRunner().invoke(app, ["db", "backup", str(into)], env=env)
            assert made.exit_code == 0, made.output
        seen = f"The newest of 1 is {hour} h old."
        assert backups(IG_BACKUPS=str(into)) == (state, seen)


def test_a_backup_that_is_dated_ahead_is_named(tmp_path: Path) -> None:
    data, into = tmp_path / "data", tmp_path / "backups"
    home = migrated_warehouse(data / "warehouse.duckdb", lambda: NOW)
    owner, receipts = owner_of(data), tmp_path / "none"
    settings = load_settings(data_dir=data, backups=into)
    back_up(home.url, receipts, into, NOW + timedelta(days=300), owner)
    [only] = [machine.backup_finding(settings, NOW)]
    assert only.state == "warning" and only.seen == (
        "None is of the past. Dated after the machine's time, so left out: "
        "warehouse-20270225T090000Z."
    )
    back_up(home.url, receipts, into, NOW, owner)
    both = machine.backup_finding(settings, NOW + timedelta(hours=1))
    assert both.state == "warning" and "The newest of 1 is 1 h old." in both.seen
    assert "warehouse-20270225T090000Z" in both.seen


def test_a_backup_whose_file_is_gone_is_named(tmp_path: Path) -> None:
    data, into = tmp_path / "data", tmp_path / "backups"
    home = migrated_warehouse(data / "warehouse.duckdb", lambda: NOW)
    settings = load_settings(data_dir=data, backups=into)
    made = back_up(home.url, tmp_path / "none", into, NOW, owner_of(data))
    made.file.unlink()
    found = machine.backup_finding(settings, NOW)
    assert found.state == "warning" and made.folder.name in found.seen
    assert found.seen.startswith("None is whole.")
