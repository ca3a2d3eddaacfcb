"""A warehouse is copied to another home without losing a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from ig_assets.errors import InputError, WarehouseError
from ig_assets.warehouse.migrations import COPYING
from ig_assets.warehouse.moving import copying
from ig_assets.warehouse.moving.copying import copy_home
from ig_assets.warehouse.moving.state import home_state
from ig_assets_tests.factories.cases import with_further
from ig_assets_tests.warehouse.conftest import MakeHome
from ig_assets_tests.warehouse.moving.filled_homes import (
    NEWEST,
    Interrupted,
    content,
    fill,
)
from ig_assets_tests.warehouse.test_upgrade import make_folder


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
            raise Interrupted
        real(*arguments)

    monkeypatch.setattr(copying, "_copy_piece", killed)
    with pytest.raises(Interrupted):
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
