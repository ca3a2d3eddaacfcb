"""A backup is restored whole or not at all, and what was there is kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from ig_assets.errors import InputError, WarehouseError
from ig_assets.warehouse.forgetting.receipts import receipts_folder
from ig_assets.warehouse.migrations import MIGRATIONS
from ig_assets.warehouse.moving import restoring
from ig_assets.warehouse.moving.backups import back_up, read_backup
from ig_assets.warehouse.moving.restoring import restore
from ig_assets.warehouse.moving.state import home_state
from ig_assets_tests.factories.cases import with_further
from ig_assets_tests.warehouse.conftest import NOW, MakeHome
from ig_assets_tests.warehouse.moving.filled_homes import (
    LATER,
    Interrupted,
    content,
    fill,
    receipts_of,
)
from ig_assets_tests.warehouse.test_upgrade import make_folder


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
            raise Interrupted
        real(source, target)

    monkeypatch.setattr(restoring.os, "replace", killed)
    with pytest.raises(Interrupted):
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
