"""Writing by key means the same on every home: DuckDB file, Postgres, DuckLake."""

from __future__ import annotations

import traceback
from datetime import datetime
from typing import Any

import pytest

from ig_assets.errors import WarehouseError
from ig_assets.warehouse.migrations import MIGRATIONS
from ig_assets.warehouse.rows import fetch_dicts, insert_row, merge_rows
from ig_assets.warehouse.versions import content_version
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.warehouse.conftest import PASSWORD, MakeHome

NOW = datetime(2026, 5, 1, 9)


@pytest.fixture
def home(home: Warehouse) -> Warehouse:
    with home.transaction() as con:
        for table in ("scripts", "embeddings", "evidence", "key_sightings"):
            con.execute(f"DELETE FROM {table}")
    return home


def script(name: str, **columns: Any) -> dict[str, Any]:
    row = {"script_id": name, "revision_hash": "r", "text": f"text {name}"}
    return row | {"author": None} | columns


def scripts(home: Warehouse) -> dict[str, tuple[Any, ...]]:
    with home.transaction() as con:
        rows = con.execute(
            "SELECT script_id, text, author FROM scripts ORDER BY script_id"
        ).fetchall()
    return {name: values for name, *values in rows}  # type: ignore[misc]


def write(home: Warehouse, rows: list[dict[str, Any]], replace: bool = True) -> int:
    with home.transaction() as con:
        return merge_rows(con, "scripts", rows, replace=replace)


def test_migrations_are_applied_once_on_every_home(home: Warehouse) -> None:
    again = Warehouse(home.url, lambda: NOW)
    with again.transaction() as con:
        rows = con.execute("SELECT number, applied_at FROM migrations").fetchall()
    assert rows == [(number, NOW) for number, _, _ in MIGRATIONS]


def test_a_row_is_inserted_and_then_replaced_by_its_key(home: Warehouse) -> None:
    assert write(home, [script("a"), script("b")]) == 2
    assert write(home, [script("b", text="new", author="rita"), script("c")]) == 2
    assert scripts(home) == {
        "a": ["text a", None],
        "b": ["new", "rita"],
        "c": ["text c", None],
    }


def test_without_replace_a_row_that_is_there_stays_as_it_is(home: Warehouse) -> None:
    write(home, [script("a", text="first")])
    write(home, [script("a", text="second"), script("b")], replace=False)
    assert scripts(home) == {"a": ["first", None], "b": ["text b", None]}


def test_of_several_rows_with_one_key_the_last_wins(home: Warehouse) -> None:
    rows = [script("a", text="one"), script("b"), script("a", text="two")]
    assert write(home, rows) == 2
    assert scripts(home) == {"a": ["two", None], "b": ["text b", None]}


def test_columns_may_be_null_throughout_and_become_null_again(home: Warehouse) -> None:
    write(home, [script("a", author="rita"), script("b", author=None)])
    assert scripts(home)["a"] == ["text a", "rita"]
    write(home, [script("a", text=None, author=None)])
    assert scripts(home)["a"] == [None, None]


def test_columns_that_are_not_given_are_kept_or_null(home: Warehouse) -> None:
    write(home, [script("a", author="rita")])
    write(home, [{"script_id": "a", "revision_hash": "r", "text": "new"}])
    write(home, [{"script_id": "b", "revision_hash": "r"}])
    assert scripts(home) == {"a": ["new", "rita"], "b": [None, None]}


def test_no_rows_are_no_work(home: Warehouse) -> None:
    assert write(home, []) == 0


def test_vectors_numbers_times_and_truth_come_back_as_they_went(
    home: Warehouse,
) -> None:
    vectors = [
        {
            "content_hash": name,
            "model": "m",
            "dimensions": len(vector),
            "vector": vector,
            "created_at": datetime(2026, 5, 1, 9, 30, 0, 123456),
        }
        for name, vector in (("a", [0.5, -0.25]), ("b", [1.0, 0.0, 2.0]))
    ]
    looks = [
        {
            "experiment_id": "e",
            "arm_a": "a",
            "arm_b": "b",
            "data_through": NOW,
            "variance": 0.1 + 0.2,
            "log_e": None,
            "final_look": True,
        }
    ]
    with home.transaction() as con:
        merge_rows(con, "embeddings", vectors)
        merge_rows(con, "evidence", looks)
    with home.transaction() as con:
        sql = "SELECT * FROM embeddings ORDER BY content_hash"
        assert fetch_dicts(con, sql) == vectors
        [row] = fetch_dicts(con, "SELECT * FROM evidence")
    assert {name: row[name] for name in looks[0]} == looks[0]


def test_words_are_values_and_never_sql(home: Warehouse) -> None:
    odd = 'it\'s "quoted"; DROP TABLE scripts; -- ünï\n\\ 🙂 ?'
    write(home, [script("a", text=odd)])
    assert scripts(home)["a"] == [odd, None]


def test_a_table_whose_columns_are_all_key_can_be_replaced_too(home: Warehouse) -> None:
    row = {"name": "k", "fingerprint": "f"}
    for _ in range(2):
        with home.transaction() as con:
            merge_rows(con, "key_sightings", [row])
    with home.transaction() as con:
        assert len(con.execute("SELECT * FROM key_sightings").fetchall()) == 1


def test_a_failed_transaction_leaves_nothing_behind(home: Warehouse) -> None:
    with pytest.raises(ZeroDivisionError):
        with home.transaction() as con:
            merge_rows(con, "scripts", [script("a")])
            raise ZeroDivisionError
    assert scripts(home) == {}


def test_a_content_version_is_free_of_order_and_the_same_on_every_home(
    home: Warehouse, make_home: MakeHome
) -> None:
    sql = "SELECT script_id || ' ' || text FROM scripts"
    versions = []
    for each, names in ((home, "ab"), (make_home("duckdb"), "ba")):
        with each.transaction() as con:
            con.execute("DELETE FROM scripts")
            empty = content_version(con, sql)
            for name in names:
                merge_rows(con, "scripts", [script(name)])
            versions.append(content_version(con, sql))
            assert versions[-1] != empty
    assert versions[0] == versions[1]


@pytest.mark.parametrize("kind", ["postgres", "ducklake:postgres"])
@pytest.mark.parametrize(
    "login",
    [
        f"host=127.0.0.1 port=1 user=rita password={PASSWORD} dbname=x",
        f"//rita:{PASSWORD}@127.0.0.1:1/x",
        f"password={PASSWORD} no_such_option=1",
    ],
)
def test_no_error_shows_the_password_of_the_warehouse(kind: str, login: str) -> None:
    pytest.importorskip("duckdb_extensions", reason="needs the extra `homes`")
    home = Warehouse(f"{kind}:{login}", lambda: NOW)
    with pytest.raises(WarehouseError, match="IG_WAREHOUSE_URL") as caught:
        with home.transaction():
            raise AssertionError("must not be reached")
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_a_row_with_a_key_of_its_own_is_inserted(home: Warehouse) -> None:
    with home.transaction() as con:
        insert_row(con, "scripts", script("a", author="ana"))
        insert_row(con, "scripts", script("b"))
    assert scripts(home) == {"a": ["text a", "ana"], "b": ["text b", None]}
