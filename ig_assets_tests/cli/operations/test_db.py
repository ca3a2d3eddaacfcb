"""`ig-assets db views` gives an analyst the views that the product itself reads."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import duckdb
from typer.testing import CliRunner, Result

from ig_assets.cli.app import app
from ig_assets.headless.one_command import one_command
from ig_assets.settings import load_settings
from ig_assets.warehouse.forgetting.erasure import Erasure
from ig_assets.warehouse.forgetting.receipts import receipts_folder, write_receipt
from ig_assets.warehouse.migrations import MIGRATIONS
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets.wiring import Services
from ig_assets_tests.factories.warehouses import migrated_warehouse
from ig_assets_tests.warehouse.test_upgrade import make_folder

NOW = datetime(2026, 5, 1, 9)
ERASURE = Erasure(
    "request-1",
    reason="the author asked",
    requested_by="rita",
    forgotten_at=NOW,
    scripts=("s",),
    revisions=(("s", "r"),),
).as_json()


def test_the_printed_sql_makes_the_views_in_another_client(tmp_path: Path) -> None:
    env = {"IG_DATA_DIR": str(tmp_path)}
    settings = load_settings(data_dir=tmp_path)
    services = Services(settings)
    with services.warehouse.transaction() as con:
        con.execute("INSERT INTO decisions (experiment_id) VALUES ('e')")
    services.warehouse.close()
    result = CliRunner().invoke(app, ["db", "views"], env=env)
    assert result.exit_code == 0
    with duckdb.connect(":memory:") as con:
        con.execute(result.stdout)
        found = con.execute("SELECT experiment_id FROM latest_decisions").fetchall()
    assert found == [("e",)]


# ── backup, restore, migrate, copy ────────────────────────────────────────────


def run(folder: Path, *arguments: str, **env: str) -> Result:
    return CliRunner().invoke(
        app, ["db", *arguments], env={"IG_DATA_DIR": str(folder)} | env
    )


def filled(folder: Path) -> Warehouse:
    home = migrated_warehouse(folder / "warehouse.duckdb", lambda: NOW)
    with home.transaction() as con:
        con.execute(
            "INSERT INTO scripts (script_id, revision_hash, text) "
            "VALUES ('s', 'r', 'secret words')"
        )
    home.close()
    return home


def scripts(home: Warehouse) -> list[tuple[str]]:
    with home.transaction() as con:
        found = con.execute("SELECT script_id FROM scripts ORDER BY ALL").fetchall()
    home.close()
    return found


def test_a_backup_is_made_restored_and_thinned_out(tmp_path: Path) -> None:
    home = filled(tmp_path / "data")
    backups = tmp_path / "backups"
    made = run(tmp_path / "data", "backup", str(backups), "--json")
    assert made.exit_code == 0, made.output
    folder = json.loads(made.stdout)["folder"]
    with home.transaction() as con:
        con.execute("DELETE FROM scripts")
        con.execute("INSERT INTO scripts (script_id) VALUES ('later')")
    home.close()
    refused = run(tmp_path / "data", "restore", folder)
    assert refused.exit_code == 2 and "--replace" in refused.stderr
    assert scripts(home) == [("later",)]
    with one_command(tmp_path / "data"):
        busy = run(tmp_path / "data", "restore", folder, "--replace")
    assert busy.exit_code == 1 and "#the-warehouse-is-busy" in busy.stderr
    assert scripts(home) == [("later",)]
    home.close()
    done = run(tmp_path / "data", "restore", folder, "--replace")
    assert done.exit_code == 0, done.output
    assert scripts(home) == [("s",)]
    assert "is kept: " in done.stdout and "ig-assets sync" in done.stdout
    assert run(tmp_path / "data", "restore", str(tmp_path)).exit_code == 2
    unwritable = tmp_path / "file"
    unwritable.write_text("")
    assert run(tmp_path / "data", "backup", str(unwritable)).exit_code == 1
    again = run(tmp_path / "data", "backup", str(backups), "--keep", "1")
    assert again.exit_code in (0, 2), again.output  # 2: within the same second


def test_a_restored_older_backup_forgets_what_was_forgotten_since(
    tmp_path: Path,
) -> None:
    """Through the commands, as in an emergency: on another disk, the file lost."""
    home = filled(tmp_path / "data")
    made = run(tmp_path / "data", "backup", str(tmp_path / "backups"), "--json")
    folder = json.loads(made.stdout)["folder"]
    write_receipt(
        receipts_folder(tmp_path / "data" / "warehouse.duckdb"),
        "request-1",
        {"erasure": ERASURE},
    )
    (tmp_path / "data" / "warehouse.duckdb").unlink()
    done = run(tmp_path / "data", "restore", folder)
    assert done.exit_code == 0, done.output
    assert "1 request to forget was repeated" in done.stdout
    with home.transaction() as con:
        texts = con.execute("SELECT text FROM scripts").fetchall()
    assert texts == [("",)], "the row stays, without its words"
    home.close()
    payload = (tmp_path / "data" / "warehouse.duckdb").read_bytes()
    assert b"secret words" not in payload


def test_pending_migrations_are_named_applied_and_then_none(tmp_path: Path) -> None:
    make_folder(tmp_path / "warehouse.duckdb", last=MIGRATIONS[-2][0])
    newest = MIGRATIONS[-1][1]
    check = run(tmp_path, "migrate", "--check", "--json")
    assert (check.exit_code, json.loads(check.stdout)) == (1, {"pending": [newest]})
    applied = run(tmp_path, "migrate", "--json")
    assert (applied.exit_code, json.loads(applied.stdout)) == (0, {"applied": [newest]})
    none = run(tmp_path, "migrate", "--check")
    assert none.exit_code == 0 and "the newest" in none.stdout
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        con.execute("INSERT INTO ig.migrations (number) VALUES (9999)")
    newer = run(tmp_path, "migrate")
    assert newer.exit_code == 1 and "install the newer version" in newer.stderr


def test_a_copy_is_named_by_urls_or_by_variables_that_hold_them(tmp_path: Path) -> None:
    home = filled(tmp_path / "data")
    target = tmp_path / "copy.duckdb"
    write_receipt(receipts_folder(tmp_path / "data" / "warehouse.duckdb"), "r", {})
    where = {"NEW_HOME": f"duckdb:///{target}"}
    done = run(tmp_path / "data", "copy", home.url, "env:NEW_HOME", "--json", **where)
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["rows"]["scripts"] == 1 and answer["receipts"] == 1
    again = run(tmp_path / "data", "copy", home.url, "env:NEW_HOME", **where)
    assert again.exit_code == 2 and "is not empty" in again.stderr
    for wrong in ("env:NOT_SET", "mysql://secret@host/db", "warehouse.duckdb"):
        refused = run(tmp_path / "data", "copy", home.url, wrong)
        assert refused.exit_code == 2 and "secret" not in refused.output
