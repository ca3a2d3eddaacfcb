"""Every text and vector of the warehouse is known to what forgets."""

from __future__ import annotations

from pathlib import Path

from ig_assets.warehouse.forgetting.registry import COLUMNS
from ig_assets_tests.factories.warehouses import EARLIEST, migrated_warehouse

TEXTS = ("VARCHAR", "VARCHAR[]", "FLOAT[]", "BLOB", "JSON")


def test_each_column_of_text_is_entered_once_and_no_other_is(tmp_path: Path) -> None:
    home = migrated_warehouse(tmp_path / "w.duckdb", lambda: EARLIEST)
    with home.transaction() as con:
        rows = con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE database_name = 'home' AND schema_name = 'ig' "
            "AND data_type IN (SELECT unnest(?))",
            [list(TEXTS)],
        ).fetchall()
    assert len(rows) > 200
    entered = [(table, name) for table, of in COLUMNS.items() for name in of.names()]
    assert sorted(entered) == sorted(rows)


def test_no_column_is_of_a_type_that_the_registry_overlooks(tmp_path: Path) -> None:
    home = migrated_warehouse(tmp_path / "w.duckdb", lambda: EARLIEST)
    with home.transaction() as con:
        rows = con.execute(
            "SELECT DISTINCT data_type FROM duckdb_columns() "
            "WHERE database_name = 'home' AND schema_name = 'ig'"
        ).fetchall()
    numbers = {"BIGINT", "BOOLEAN", "DATE", "DOUBLE", "FLOAT", "INTEGER", "TIMESTAMP"}
    assert {kind for (kind,) in rows} <= {*TEXTS, *numbers}
