"""A backup is of one moment, says what it holds, and only old ones are removed."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ig_assets.errors import InputError, WarehouseBusyError, WarehouseError
from ig_assets.warehouse.forgetting.receipts import receipts_folder
from ig_assets.warehouse.moving import backups, copying
from ig_assets.warehouse.moving.backups import (
    MANIFEST,
    back_up,
    newest_backup,
    owner_of,
    read_backup,
    remove_older,
)
from ig_assets_tests.warehouse.conftest import NOW, MakeHome
from ig_assets_tests.warehouse.moving.filled_homes import LATER, NEWEST, fill

# ── backups ───────────────────────────────────────────────────────────────────


@pytest.mark.further
@pytest.mark.parametrize("kind", ["postgres", "ducklake"])
def test_a_server_is_backed_up_as_of_one_moment_while_it_is_written_to(
    kind: str, new_home: MakeHome, tmp_path: Path
) -> None:
    """The turn is another's for the whole time; what he has not committed is not in."""
    home = new_home(kind)
    fill(home)
    home.close()
    with home.transaction() as con:
        con.execute("INSERT INTO edges (child_id) VALUES ('uncommitted')")
        made = back_up(home.url, tmp_path / "forgotten", tmp_path, NOW)
    home.close()
    with duckdb.connect(str(made.file), read_only=True) as con:
        assert con.execute("SELECT count(*) FROM ig.edges").fetchall() == [(2,)]


@pytest.mark.further
@pytest.mark.parametrize("kind", ["postgres", "ducklake"])
def test_what_is_committed_during_a_backup_of_a_server_is_in_the_next_one(
    kind: str, new_home: MakeHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is read last is of the same moment as the first."""
    home = new_home(kind)
    fill(home)
    home.close()
    real = backups.tables_of

    def later(con: Any, database: str) -> Any:
        found = real(con, database)
        if database == "origin":  # the transaction has read its first rows
            with home.transaction() as writer:
                writer.execute("INSERT INTO edges (child_id) VALUES ('meanwhile')")
            home.close()
        return found

    monkeypatch.setattr(backups, "tables_of", later)
    first = back_up(home.url, tmp_path / "forgotten", tmp_path, NOW)
    monkeypatch.undo()
    second = back_up(home.url, tmp_path / "forgotten", tmp_path, LATER)
    assert (first.rows["edges"], second.rows["edges"]) == (2, 3)


def test_a_file_in_use_is_waited_for_and_then_named(
    new_home: MakeHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = new_home("duckdb")
    assert home.path is not None
    monkeypatch.setattr(copying.own_turn.__wrapped__, "__defaults__", (0.05,))
    with home.transaction():
        with pytest.raises(WarehouseBusyError, match="is held by another process"):
            back_up(home.url, receipts_folder(home.path), tmp_path, NOW)
    home.close()
    assert list(tmp_path.glob(".warehouse-*")) == []


def test_a_changed_backup_is_refused(new_home: MakeHome, tmp_path: Path) -> None:
    home = new_home("duckdb")
    assert home.path is not None
    fill(home)
    home.close()
    made = back_up(home.url, receipts_folder(home.path), tmp_path, NOW)
    payload = bytearray(made.file.read_bytes())
    payload[-1] ^= 1
    made.file.write_bytes(payload)
    with pytest.raises(InputError, match="is not as it was written"):
        read_backup(made.folder)
    with pytest.raises(InputError, match="There is no backup in"):
        read_backup(tmp_path)
    (made.folder / MANIFEST).write_text("[]")
    with pytest.raises(InputError, match="cannot be read"):
        read_backup(made.folder)


def test_only_the_newest_backups_are_kept_and_nothing_else_is_deleted(
    new_home: MakeHome, tmp_path: Path
) -> None:
    home = new_home("duckdb")
    assert home.path is not None
    fill(home)
    home.close()
    into, receipts = tmp_path / "backups", receipts_folder(home.path)
    ours, theirs = owner_of(tmp_path / "ours"), owner_of(tmp_path / "theirs")
    assert owner_of(tmp_path / "ours") == ours != theirs
    owners = [theirs, ours, "", ours, ours]
    made = [
        back_up(home.url, receipts, into, NOW + timedelta(days=n), owner)
        for n, owner in enumerate(owners)
    ]
    (into / "warehouse-20200101T000000Z").mkdir()  # no manifest: not a backup
    (into / "warehouse-20200102T000000Z").symlink_to(made[1].folder)
    (into / "notes").mkdir()
    assert remove_older(into, keep=2, owner=ours) == [made[1].folder]
    assert sorted(path.name for path in into.iterdir()) == [
        "notes",
        "warehouse-20200101T000000Z",
        "warehouse-20200102T000000Z",
        *(made[n].folder.name for n in (0, 2, 3, 4)),
    ]
    assert newest_backup(into, tmp_path / "ours") == made[4].folder
    assert newest_backup(into, tmp_path / "theirs") == made[0].folder
    with pytest.raises(InputError, match="of several data folders; name the one"):
        newest_backup(into, tmp_path / "a new machine")
    with pytest.raises(InputError, match="There is no backup in"):
        newest_backup(tmp_path / "ours", tmp_path / "a new machine")


def test_a_damaged_name_of_a_data_folder_deletes_nothing(tmp_path: Path) -> None:
    (tmp_path / "backups.id").write_text("\n")
    with pytest.raises(WarehouseError, match="backups.id is damaged; delete it"):
        owner_of(tmp_path)


# ── receipts ──────────────────────────────────────────────────────────────────


def test_the_manifest_says_what_is_in_the_backup(
    new_home: MakeHome, tmp_path: Path
) -> None:
    home = new_home("duckdb")
    assert home.path is not None
    fill(home)
    home.close()
    made = back_up(home.url, receipts_folder(home.path), tmp_path, NOW)
    said = json.loads((made.folder / MANIFEST).read_text())
    assert said["rows"]["scripts"] == 30 and said["migration"] == NEWEST
    assert datetime.fromisoformat(said["made_at"]) == NOW
    assert oct(made.folder.stat().st_mode & 0o777) == "0o700"
    shutil.rmtree(made.folder)
