"""A warehouse is backed up, restored and moved between homes without losing a row."""

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
from ig_assets.warehouse.migrations import COPYING, MIGRATIONS
from ig_assets.warehouse.moving import backups, copying, restoring, tables
from ig_assets.warehouse.moving.backups import (
    MANIFEST,
    back_up,
    newest_backup,
    owner_of,
    read_backup,
    remove_older,
)
from ig_assets.warehouse.moving.copying import copy_home
from ig_assets.warehouse.moving.receipt_folders import bring_receipts
from ig_assets.warehouse.moving.restoring import restore
from ig_assets.warehouse.moving.snapshots import expire_snapshots
from ig_assets.warehouse.moving.state import home_state
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.cases import with_further
from ig_assets_tests.factories.warehouses import migrated_warehouse
from ig_assets_tests.warehouse.conftest import NOW, MakeHome
from ig_assets_tests.warehouse.test_upgrade import make_folder

LATER = NOW + timedelta(hours=1)
NEWEST = MIGRATIONS[-1][0]


@pytest.fixture
def new_home(make_new_home: MakeHome, tmp_path: Path) -> MakeHome:
    """An empty home of a kind; a file begins as a copy of a migrated one."""

    def make(kind: str) -> Warehouse:
        if kind != "duckdb":
            return make_new_home(kind)
        number = len(list(tmp_path.glob("home*")))
        return migrated_warehouse(tmp_path / f"home{number}" / "w.duckdb", lambda: NOW)

    return make


def fill(home: Warehouse, scripts: int = 30) -> None:
    """Rows with every kind of value that tables hold, awkward ones among them."""
    with home.transaction() as con:
        words = ["", "ä ≠ 🙂", "'; DROP TABLE x; --", "a\tb\nc\\d", "NULL", '{"a",b}']
        merge_rows(
            con,
            "scripts",
            [
                {
                    "script_id": f"s{n}",
                    "revision_hash": "r",
                    "text": None if n % 7 == 0 else words[n % len(words)],
                    "simulated": n % 2 == 0,
                    "first_seen_at": NOW + timedelta(microseconds=n),
                }
                for n in range(scripts)
            ],
        )
        vectors: list[list[float]] = [[0.1, -0.0, 1e-40], [], [3.0]]
        merge_rows(
            con,
            "embeddings",
            [
                {"content_hash": f"c{n}", "model": "m", "dimensions": 3, "vector": v}
                for n, v in enumerate(vectors)
            ],
        )
        con.execute("INSERT INTO edges (child_id) VALUES ('twice'), ('twice')")
        con.execute(
            "INSERT INTO engagement (post_id, value, age_hours) VALUES "
            "('p', 'inf', 1e308), ('q', 'nan', NULL)"
        )


def content(home: Warehouse) -> dict[str, list[str]]:
    with home.transaction() as con:
        present = tables.tables_of(con, "home")
        return {
            table: sorted(
                repr(row) for row in fetch_dicts(con, f"SELECT * FROM home.ig.{table}")
            )
            for table in present
        }


def receipts_of(home: Warehouse, folder: Path) -> Path:
    return folder / "forgotten" if home.path is None else receipts_folder(home.path)


# ── copies ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "kinds",
    with_further(
        [
            ("duckdb", "duckdb"),
            ("duckdb", "postgres"),
            ("postgres", "ducklake"),
            ("ducklake", "duckdb"),
            ("duckdb", "ducklake"),
            ("postgres", "duckdb"),
            ("ducklake", "postgres"),
        ],
        tried=2,
    ),
    ids="-".join,
)
def test_a_copy_has_the_rows_of_the_source_and_is_used_as_any_home(
    kinds: tuple[str, str], new_home: MakeHome
) -> None:
    source, target = map(new_home, kinds)
    fill(source)
    before = content(source)
    source.close()
    done = copy_home(source.url, target.url)
    assert content(target) == before == content(source)
    assert done.total == sum(map(len, before.values()))
    assert done.written in (done.total, done.total - len(before["migrations"]))
    with target.transaction() as con:
        con.execute("INSERT INTO edges (child_id) VALUES ('new')")
    source.close()
    target.close()


class InterruptedError_(Exception):
    """The process was killed here."""


@pytest.mark.parametrize("kind", with_further(["duckdb", "postgres", "ducklake"]))
def test_an_interrupted_copy_is_opened_by_no_command_and_goes_on(
    kind: str, new_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = new_home("duckdb"), new_home(kind)
    fill(source)
    source.close()
    monkeypatch.setattr(copying, "ROWS_OF_A_PART", 7)  # five parts of 30 scripts
    real, begun = copying._copy_piece, []

    def killed(*arguments: Any) -> None:
        begun.append(arguments)
        if len(begun) > 4:
            raise InterruptedError_
        real(*arguments)

    monkeypatch.setattr(copying, "_copy_piece", killed)
    with pytest.raises(InterruptedError_):
        copy_home(source.url, target.url)
    with pytest.raises(WarehouseError, match="was interrupted and is not finished"):
        with target.transaction():
            pass
    with pytest.raises(WarehouseError, match="was interrupted"):
        copy_home(target.url, new_home("duckdb").url)
    monkeypatch.setattr(copying, "_copy_piece", real)
    # The source lives on: what it lost meanwhile, the copy loses too.
    with source.transaction() as con:
        con.execute("DELETE FROM edges")
    source.close()
    done = copy_home(source.url, target.url)
    assert 0 < done.written < done.total
    assert content(target) == content(source)
    source.close()
    target.close()


def test_a_copy_into_a_home_with_rows_is_refused_and_changes_nothing(
    new_home: MakeHome,
) -> None:
    source, target = new_home("duckdb"), new_home("duckdb")
    fill(source)
    fill(target, scripts=3)
    before = content(target)
    for home in (source, target):
        home.close()
    with pytest.raises(InputError, match="is not empty"):
        copy_home(source.url, target.url)
    with pytest.raises(InputError, match="the same"):
        copy_home(source.url, source.url)
    with pytest.raises(InputError, match="There is no warehouse file"):
        copy_home(f"{source.url}.missing", target.url)
    assert content(target) == before
    target.close()


def test_every_table_is_copied_whatever_its_columns_are_called(tmp_path: Path) -> None:
    rows = make_folder(tmp_path / "from.duckdb", last=NEWEST)
    copied = copy_home(
        f"duckdb:///{tmp_path}/from.duckdb", f"duckdb:///{tmp_path}/to.duckdb"
    )
    assert {table for table in rows if copied.rows[table] != 1} == set()
    assert copied.written == copied.total


def test_a_source_without_tables_is_named_as_none(
    tmp_path: Path, new_home: MakeHome
) -> None:
    with duckdb.connect(str(tmp_path / "other.duckdb")) as con:
        con.execute("CREATE TABLE x (a INTEGER)")
    with pytest.raises(InputError, match="no warehouse of ig_assets"):
        copy_home(f"duckdb:///{tmp_path}/other.duckdb", new_home("duckdb").url)


def test_a_copy_of_an_old_version_is_migrated_when_it_is_opened(
    tmp_path: Path, new_home: MakeHome
) -> None:
    rows = make_folder(tmp_path / "old.duckdb", last=12)
    target = new_home("duckdb")
    copy_home(f"duckdb:///{tmp_path}/old.duckdb", target.url)
    assert max(home_state(target.url).applied) == 12
    with target.transaction() as con:
        [(script,)] = con.execute("SELECT script_id FROM scripts").fetchall()
    assert script == rows["scripts"]["script_id"]
    assert max(home_state(target.url).applied) == NEWEST
    target.close()


@pytest.mark.further
def test_a_text_that_postgres_cannot_store_is_named_by_its_table(
    new_home: MakeHome,
) -> None:
    source, target = new_home("duckdb"), new_home("postgres")
    with source.transaction() as con:
        con.execute("INSERT INTO posts (post_id, detail) VALUES ('p', 'a' || chr(0))")
    source.close()
    with pytest.raises(WarehouseError, match="table posts holds a NUL character"):
        copy_home(source.url, target.url)


def test_a_row_that_a_program_without_turns_writes_meanwhile_is_noticed(
    new_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = new_home("duckdb"), new_home("duckdb")
    fill(source)
    source.close()
    real = copying._copy_tables

    def written_to(con: Any, *rest: Any) -> Any:
        copied = real(con, *rest)
        con.execute("INSERT INTO origin.ig.edges (child_id) VALUES ('late')")
        return copied

    monkeypatch.setattr(copying, "_copy_tables", written_to)
    with pytest.raises(WarehouseError, match="table edges is not the same"):
        copy_home(source.url, target.url)
    assert COPYING in home_state(target.url).applied
    monkeypatch.undo()
    copy_home(source.url, target.url)
    assert content(target) == content(source)
    source.close()
    target.close()


# ── backups ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", with_further(["duckdb", "postgres", "ducklake"]))
def test_a_backup_is_restored_with_all_that_came_later_kept_beside(
    kind: str, new_home: MakeHome, tmp_path: Path
) -> None:
    home = new_home(kind)
    receipts = receipts_of(home, tmp_path)
    fill(home)
    before = content(home)
    made = back_up(home.url, receipts, tmp_path / "backups", NOW)
    assert made.folder.name == "warehouse-20260501T090000Z"
    assert {t: len(rows) for t, rows in before.items()} == dict(made.rows)
    with home.transaction() as con:
        con.execute("DELETE FROM scripts")
        con.execute("INSERT INTO edges (child_id) VALUES ('after the backup')")
    home.close()
    backup = read_backup(made.folder)
    with pytest.raises(InputError, match="--replace"):
        restore(backup, home.url, receipts, lambda: LATER)
    done = restore(backup, home.url, receipts, lambda: LATER, replace=True)
    assert content(home) == before
    assert done.rows == made.total and done.migrated == () and done.forgotten == 0
    assert done.kept is not None
    kept = done.kept if done.kept.is_file() else done.kept / "warehouse.duckdb"
    with duckdb.connect(str(kept), read_only=True) as con:
        late = "SELECT count(*) FROM ig.edges WHERE child_id = 'after the backup'"
        assert con.execute(late).fetchall() == [(1,)]
    home.close()


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


def test_a_backup_before_an_upgrade_is_of_the_old_version(tmp_path: Path) -> None:
    make_folder(tmp_path / "old.duckdb", last=12)
    url = f"duckdb:///{tmp_path}/old.duckdb"
    made = back_up(url, tmp_path / "none", tmp_path, NOW)
    assert made.migration == 12 and max(home_state(url).applied) == 12
    target = f"duckdb:///{tmp_path}/new.duckdb"
    done = restore(made, target, tmp_path / "new.duckdb.forgotten", lambda: LATER)
    assert done.migrated == tuple(n for n, _, _ in MIGRATIONS if n > 12)
    assert done.kept is None


def test_a_backup_of_a_newer_version_is_refused_before_anything_is_touched(
    tmp_path: Path, new_home: MakeHome
) -> None:
    home = new_home("duckdb")
    fill(home)
    assert home.path is not None
    with home.transaction() as con:
        con.execute("INSERT INTO migrations (number) VALUES (9999)")
    home.close()
    made = back_up(home.url, receipts_folder(home.path), tmp_path, NOW)
    target = tmp_path / "target.duckdb"
    with pytest.raises(WarehouseError, match="migration 9999.*install the newer"):
        restore(
            made,
            f"duckdb:///{target}",
            receipts_folder(target),
            lambda: NOW,
            replace=True,
        )
    assert not target.exists()


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


def test_a_file_that_cannot_be_read_is_replaced_and_kept(
    new_home: MakeHome, tmp_path: Path
) -> None:
    home = new_home("duckdb")
    assert home.path is not None
    fill(home)
    before = content(home)
    home.close()
    receipts = receipts_folder(home.path)
    made = back_up(home.url, receipts, tmp_path, NOW)
    home.path.write_bytes(b"no database at all")
    with pytest.raises(InputError, match="--replace"):
        restore(made, home.url, receipts, lambda: LATER)
    done = restore(made, home.url, receipts, lambda: LATER, replace=True)
    assert content(home) == before
    assert done.kept is not None and done.kept.read_bytes() == b"no database at all"
    home.close()


def test_a_restore_that_is_killed_leaves_the_old_warehouse_or_the_new(
    new_home: MakeHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what the old one's log holds, which a killed process had committed."""
    home = new_home("duckdb")
    assert home.path is not None
    fill(home)
    home.close()
    receipts = receipts_folder(home.path)
    made = back_up(home.url, receipts, tmp_path, NOW)
    with duckdb.connect(str(home.path)) as con:
        con.execute("PRAGMA disable_checkpoint_on_shutdown")
        con.execute("INSERT INTO ig.edges (child_id) VALUES ('in the log')")
    assert Path(f"{home.path}.wal").exists()
    real = restoring.os.replace

    def killed(source: Path, target: Path) -> None:
        if target == home.path:
            raise InterruptedError_
        real(source, target)

    monkeypatch.setattr(restoring.os, "replace", killed)
    with pytest.raises(InterruptedError_):
        restore(made, home.url, receipts, lambda: LATER, replace=True)
    monkeypatch.undo()
    edges = "SELECT count(*) FROM ig.edges"
    with duckdb.connect(str(home.path), read_only=True) as con:
        assert con.execute(edges).fetchall() == [(3,)]
    done = restore(
        made, home.url, receipts, lambda: LATER + timedelta(seconds=1), replace=True
    )
    assert done.kept is not None
    for path, count in ((home.path, 2), (done.kept, 3)):
        with duckdb.connect(str(path), read_only=True) as con:
            assert con.execute(edges).fetchall() == [(count,)]


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


def write_chain(folder: Path, words: list[str]) -> None:
    from ig_assets.warehouse.forgetting.receipts import write_receipt

    for word in words:
        write_receipt(folder, word, {"about": word})


def test_receipts_are_added_and_never_taken_away(tmp_path: Path) -> None:
    short, long, other = (tmp_path / name for name in ("short", "long", "other"))
    write_chain(short, ["a"])
    write_chain(long, ["a", "b"])
    write_chain(other, ["x"])
    assert bring_receipts(long, short) == 1
    assert bring_receipts(short, long) == 0
    names = [path.name for path in sorted(short.iterdir())]
    assert names == ["000001-a.json", "000002-b.json"]
    assert (short / names[1]).read_bytes() == (long / names[1]).read_bytes()
    with pytest.raises(WarehouseError, match="belong to two warehouses"):
        bring_receipts(other, short)


def test_a_receipt_of_a_backup_is_written_nowhere_but_in_its_folder(
    tmp_path: Path,
) -> None:
    """A file's name is made of its id, which comes from a file."""
    write_chain(tmp_path / "given", ["a"])
    [path] = (tmp_path / "given").iterdir()
    path.write_text(path.read_text().replace('"a"', '"/../../escaped"', 1))
    with pytest.raises(WarehouseError, match="none of ours"):
        bring_receipts(tmp_path / "given", tmp_path / "home" / "receipts")
    assert not list(tmp_path.rglob("*escaped*"))


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


# ── snapshots of a lake ───────────────────────────────────────────────────────


def test_a_home_without_snapshots_has_none_to_expire(new_home: MakeHome) -> None:
    assert expire_snapshots(new_home("duckdb").url, LATER) == 0


@pytest.mark.further
def test_a_lake_s_snapshots_are_counted_and_expired_and_its_rows_stay(
    new_home: MakeHome,
) -> None:
    lake = new_home("ducklake")
    fill(lake)
    before = content(lake)
    lake.close()
    future = datetime(2100, 1, 1)
    counted = expire_snapshots(lake.url, future, dry_run=True)
    assert counted > 1
    assert expire_snapshots(lake.url, datetime(2000, 1, 1)) == 0
    assert expire_snapshots(lake.url, future) == counted
    assert expire_snapshots(lake.url, future, dry_run=True) == 0
    assert content(lake) == before
    lake.close()
