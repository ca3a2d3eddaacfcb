"""The data dictionary describes the tables that there are, column by column."""

from __future__ import annotations

from pathlib import Path

import yaml

from ig_assets.warehouse import data_dictionary
from ig_assets.warehouse.data_dictionary import described_tables
from ig_assets_tests.factories.warehouses import EARLIEST, migrated_warehouse

FILE = Path(data_dictionary.__file__).with_name("data_dictionary.yaml")


def test_every_column_is_described_with_its_type_and_no_other_is(
    tmp_path: Path,
) -> None:
    home = migrated_warehouse(tmp_path / "w.duckdb", lambda: EARLIEST)
    with home.transaction() as con:
        rows = con.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = 'home' AND schema_name = 'ig' "
            "ORDER BY table_name, column_index"
        ).fetchall()
    assert len(rows) > 300
    assert rows == [
        (table.name, column.name, column.type)
        for table in described_tables().values()
        for column in table.columns
    ]


def test_each_description_is_a_sentence_and_each_table_says_what_a_row_is() -> None:
    assert described_tables()
    for table in described_tables().values():
        assert table.about.startswith("One row ") and table.about.endswith(".")
        for column in table.columns:
            assert column.description.endswith("."), (table.name, column.name)


def test_the_common_words_are_used_and_no_table_repeats_them() -> None:
    known = yaml.safe_load(FILE.read_text())
    said = [
        (name, column)
        for table in known["tables"].values()
        for name, column in table["columns"].items()
    ]
    common = {name for name, column in said if len(column) == 1}
    assert common == set(known["common"])
    repeated = [n for n, c in said if len(c) == 2 and c[1] == known["common"].get(n)]
    assert repeated == []
