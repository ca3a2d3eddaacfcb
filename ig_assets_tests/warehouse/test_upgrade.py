"""A data folder of an earlier release opens, migrates and keeps every row.

The old folder is made from the migrations that the release had, with one row in each
table: no release ever edits the SQL of another one.
"""

from __future__ import annotations

from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ig_assets.warehouse.migrations import MIGRATIONS
from ig_assets.warehouse.views import VIEWS
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.cases import with_further

THEN, NOW = datetime(2026, 1, 1), datetime(2026, 11, 28)

# The SQL of each released migration, by the first half of its SHA-256. Commit ca7b748
# has all of these under other titles. Add a line per release; never change one.
RELEASED = {
    1: "0fce6b919a744a83",
    2: "8d02c08f0baef164",
    3: "83e3bf5495c6d74c",
    4: "216953038db0b1f7",
    5: "21a8fc060b7fce0b",
    6: "3ca43e361b303948",
    7: "fcae3dfcd1d4e13c",
    8: "d54238b95c9f7f78",
    9: "5e7e0f66df17a1d1",
    10: "de2e23a60d700b7a",
    11: "2c6fccf29d0c0d76",
    12: "24de69bb604309d6",
    14: "2c96fb71f1c7ad72",
    15: "d700a82f87969267",
    16: "6062c551156752c4",
    17: "e9102165231a14e4",
    18: "478e565136fd3c44",
    19: "cdaa62d3d1fa9b85",
    20: "83f71d1a073c0d47",
    21: "63364a255f2186e7",
    22: "cb3483962c477180",
    23: "29548efdf9af7dcd",
    24: "5c65a53f1918ade5",
    25: "c45e5b7ecd258e97",
    26: "9bdc7e47f07a5d03",
    27: "f1e4c02bd2663668",
    28: "0eca266eae0fd1a4",
    29: "8a7bb77df60d668b",
    30: "5f91a3f40a4f0dc2",
    31: "4267ae678bdf4092",
    32: "07452a6c73300ebf",
    33: "2ca9c16b6db8fbdf",
    34: "12f2e6bc5a00e81d",
    35: "11d1a300f1fe093f",
    36: "ecf8759aecd62575",
    37: "69e3845ba2c6e718",
    38: "6d7bdea72bfe6ef3",
    39: "60f2463d1ec74844",
    40: "4443ae3c098576f1",
}
NUMBERS = [number for number, _, _ in MIGRATIONS]
# A value of each type; a new type needs one here.
A_VALUE: dict[str, Any] = {
    "VARCHAR": "a",
    "BIGINT": 1,
    "INTEGER": 1,
    "DOUBLE": 0.5,
    "BOOLEAN": True,
    "TIMESTAMP": THEN,
    "DATE": date(2026, 1, 1),
    "FLOAT": 0.5,
    "FLOAT[]": [0.5, 0.25],
    "VARCHAR[]": ["a"],
}
# Columns whose text has a form that a migration, or the first opening, reads.
A_TEXT = {"namespace": "minilm-384", "receipt": None, "receipt_hash": None}


def make_folder(path: Path, last: int) -> dict[str, dict[str, Any]]:
    """The file of a release whose last migration is `last`: one row in each table."""
    rows: dict[str, dict[str, Any]] = {}
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE SCHEMA ig")
        con.execute("USE ig")
        con.execute(
            "CREATE TABLE migrations (number INTEGER, title TEXT, applied_at TIMESTAMP)"
        )
        for number, _, sql in MIGRATIONS:
            if number <= last:
                for statement in filter(None, map(str.strip, sql.split(";"))):
                    con.execute(statement)
                con.execute(
                    "INSERT INTO migrations VALUES (?, 'an earlier title', ?)",
                    [number, THEN],
                )
        tables = [name for (name,) in con.execute("SHOW TABLES").fetchall()]
        for table in tables:
            if table == "migrations":
                continue
            columns = con.execute(f"DESCRIBE {table}").fetchall()
            row = {name: A_TEXT.get(name, A_VALUE[kind]) for name, kind, *_ in columns}
            marks = ", ".join("?" * len(row))
            con.execute(f"INSERT INTO {table} VALUES ({marks})", list(row.values()))
            rows[table] = row
    return rows


def test_the_migrations_of_a_release_are_never_edited() -> None:
    seen = {number: sha256(sql.encode()).hexdigest() for number, _, sql in MIGRATIONS}
    assert {n: seen.get(n, "gone")[:16] for n in RELEASED} == RELEASED


def test_migrations_are_in_the_order_of_their_numbers() -> None:
    assert NUMBERS == sorted(set(NUMBERS))


# The first release, the newest, and some between them in `make test`.
SAMPLE = [NUMBERS[0], *NUMBERS[-3:], *NUMBERS[6:-3:7]]
OTHERS = [number for number in NUMBERS if number not in SAMPLE]


@pytest.mark.parametrize("last", with_further([*SAMPLE, *OTHERS], tried=len(SAMPLE)))
def test_a_folder_of_an_earlier_release_keeps_every_row(
    tmp_path: Path, last: int
) -> None:
    rows = make_folder(tmp_path / "old.duckdb", last)
    assert len(rows) > 10
    home = Warehouse(f"duckdb:///{tmp_path / 'old.duckdb'}", lambda: NOW)
    with home.transaction() as con:
        for table, row in rows.items():
            names = ", ".join(row)
            found = con.execute(f"SELECT {names} FROM {table}").fetchall()
            assert found == [tuple(row.values())], table
        applied = con.execute(
            "SELECT number, applied_at FROM migrations ORDER BY number"
        ).fetchall()
    home.close()
    assert applied == [(n, THEN if n <= last else NOW) for n in NUMBERS]


def test_the_views_answer_on_a_folder_of_the_first_release(tmp_path: Path) -> None:
    make_folder(tmp_path / "old.duckdb", NUMBERS[0])
    home = Warehouse(f"duckdb:///{tmp_path / 'old.duckdb'}", lambda: NOW)
    with home.transaction() as con:
        counts = {
            view.name: con.execute(f"SELECT count(*) FROM {view.name}").fetchall()[0][0]
            for view in VIEWS
        }
    home.close()
    assert len(counts) == len(VIEWS) and counts["latest_decisions"] == 1


def test_readings_of_older_imports_are_completed(tmp_path: Path) -> None:
    """A count that had not changed was not written again; a rate needs both."""
    statements = next(sql for n, _, sql in MIGRATIONS if n == 19).split(";")
    [completion] = [s for s in statements if "INSERT INTO engagement" in s]
    first, second = datetime(2026, 1, 1), datetime(2026, 2, 1)
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE engagement (post_id TEXT, metric TEXT, as_of TIMESTAMP, "
            "observed_at TIMESTAMP, value DOUBLE, age_hours DOUBLE)"
        )
        con.executemany(
            "INSERT INTO engagement VALUES (?, ?, ?, ?, ?, ?)",
            [
                ("p", "clicks", first, first, 5.0, None),
                ("p", "views", first, first, 100.0, None),
                ("p", "views", second, second, 200.0, None),
                ("aged", "views", first, first, 1.0, 24.0),
                ("aged", "clicks", second, second, 1.0, 48.0),
            ],
        )
        con.execute(completion)
        con.execute(completion)
        found = con.execute(
            "SELECT metric, value FROM engagement WHERE as_of = ? AND post_id = 'p' "
            "ORDER BY metric",
            [second],
        ).fetchall()
        assert found == [("clicks", 5.0), ("views", 200.0)]
        assert con.execute("SELECT count(*) FROM engagement").fetchall() == [(6,)]
