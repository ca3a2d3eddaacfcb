"""A backup is of one moment, says what it holds, and only old ones are removed."""

from __future__ import annotations

import json
import os
import shutil
import signal
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ig_assets.errors import InputError, WarehouseBusyError, WarehouseError
from ig_assets.warehouse.forgetting.receipts import receipts_folder
from ig_assets.warehouse.moving import backups, copying
from ig_assets.warehouse.moving.backup_folders import writing
from ig_assets.warehouse.moving.backups import (
    MANIFEST,
    Backup,
    back_up,
    owner_of,
    read_backup,
)
from ig_assets.warehouse.moving.rotation import (
    Rotation,
    backups_ahead,
    backups_in,
    broken_backups,
    broken_sentence,
    newest_backup,
    own_backups,
    remove_older,
)
from ig_assets_tests.factories.processes import started
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
    assert remove_older(into, 2, made[4]) == Rotation((made[1].folder,))
    assert sorted(path.name for path in into.iterdir()) == [
        "notes",
        "warehouse-20200101T000000Z",
        "warehouse-20200102T000000Z",
        *(made[n].folder.name for n in (0, 2, 3, 4)),
    ]
    now = made[4].made_at
    assert newest_backup(into, tmp_path / "ours", now) == made[4].folder
    assert newest_backup(into, tmp_path / "theirs", now) == made[0].folder
    with pytest.raises(InputError, match="of several data folders; name the one"):
        newest_backup(into, tmp_path / "a new machine", now)
    with pytest.raises(InputError, match="There is no backup in"):
        newest_backup(tmp_path / "ours", tmp_path / "a new machine", now)


def test_a_backup_that_is_dated_ahead_is_neither_counted_nor_deleted_nor_newest(
    new_home: MakeHome, tmp_path: Path
) -> None:
    home, into = new_home("duckdb"), tmp_path / "backups"
    fill(home)
    home.close()
    owner = owner_of(tmp_path)

    def made_on(day: int) -> Backup:
        at = NOW + timedelta(days=day)
        return back_up(home.url, tmp_path / "none", into, at, owner)

    ahead, old = made_on(400), made_on(0)
    with pytest.raises(InputError, match="correct the clock, or name one"):
        newest_backup(into, tmp_path, NOW - timedelta(days=1))
    new = made_on(1)
    done = remove_older(into, 1, new)
    assert done == Rotation((old.folder,), None, (ahead.folder,))
    assert [path.name for path in backups_in(into)] == [
        new.folder.name,
        ahead.folder.name,
    ]
    assert str(ahead.folder) in done.sentences()[0]
    assert newest_backup(into, tmp_path, new.made_at) == new.folder
    assert backups_ahead(into, tmp_path, new.made_at) == [ahead.folder]


@pytest.mark.parametrize("payload", [None, b"", b"half"], ids=["gone", "empty", "cut"])
def test_a_broken_backup_counts_for_nothing(
    payload: bytes | None, new_home: MakeHome, tmp_path: Path
) -> None:
    home, into = new_home("duckdb"), tmp_path / "backups"
    fill(home)
    home.close()
    owner = owner_of(tmp_path)

    def made_on(day: int) -> Backup:
        at = NOW + timedelta(days=day)
        return back_up(home.url, tmp_path / "none", into, at, owner)

    whole, broken = made_on(0), made_on(1)
    broken.file.unlink()
    if payload is not None:
        broken.file.write_bytes(payload)
    now = broken.made_at
    assert broken_backups(into, tmp_path) == [broken.folder]
    assert own_backups(into, tmp_path, now) == [whole.made_at]
    with pytest.raises(InputError, match="is broken") as refused:
        newest_backup(into, tmp_path, now)
    assert str(whole.folder) in str(refused.value)
    new = made_on(2)
    done = remove_older(into, 2, new)
    assert done == Rotation(broken=(broken.folder,)) and whole.file.exists()
    assert done.sentences() == [broken_sentence(broken.folder)]


def test_a_full_backup_does_not_give_way_to_nearly_empty_ones(
    new_home: MakeHome, tmp_path: Path
) -> None:
    home, into = new_home("duckdb"), tmp_path / "backups"
    owner = owner_of(tmp_path)

    def made_on(day: int) -> Backup:
        at = NOW + timedelta(days=day)
        return back_up(home.url, tmp_path / "none", into, at, owner)

    fill(home)
    home.close()
    made = [made_on(day) for day in range(2)]
    with home.transaction() as con:
        for (table,) in con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'ig' "
            "AND database_name = 'home' AND table_name <> 'migrations'"
        ).fetchall():
            con.execute(f"DELETE FROM {table}")
    home.close()
    made += [made_on(day) for day in range(2, 5)]
    done = remove_older(into, 1, made[4])
    gone = tuple(made[n].folder for n in (0, 2, 3))
    assert done == Rotation(gone, made[1].folder)
    assert "more than 10 times the rows" in done.sentences()[0]
    fill(home)
    home.close()
    full = made_on(5)
    assert remove_older(into, 1, full).spared is None
    assert backups_in(into) == [full.folder]


def killed_backup(url: str, into: Path, owner: str) -> None:
    def killed(path: Path) -> str:
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    backups.sha256_of = killed
    back_up(url, into / "none", into, NOW, owner)


def test_what_a_killed_backup_left_goes_with_the_next_and_no_other_does(
    new_home: MakeHome, tmp_path: Path
) -> None:
    home, into = new_home("duckdb"), tmp_path / "backups"
    fill(home)
    home.close()
    ours, theirs = owner_of(tmp_path / "ours"), owner_of(tmp_path / "theirs")
    process = started(killed_backup, home.url, into, ours)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    left = f".warehouse-{NOW:%Y%m%dT%H%M%S}Z.part"
    assert (into / left / "warehouse.duckdb").exists()
    back_up(home.url, tmp_path / "none", into, LATER, theirs)
    assert (into / left).exists(), "another data folder's"
    with writing(into / ".warehouse-20200101T000000Z.part", ours):
        (into / ".warehouse-20200101T000000Z.part").mkdir()  # by a live process
        at = LATER + timedelta(days=1)
        back_up(home.url, tmp_path / "none", into, at, ours)
        assert [path.name for path in into.glob(".*") if path.is_dir()] == [
            ".warehouse-20200101T000000Z.part"
        ]
        with pytest.raises(InputError, match="wait a second"):
            back_up(home.url, tmp_path, into, datetime(2020, 1, 1), ours)


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
