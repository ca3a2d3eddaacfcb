"""The data dictionary describes the tables that there are, column by column."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
import yaml

from ig_assets import core
from ig_assets.core.corpus.embedding.batch_store import BATCH_STATUSES, LINE_STATUSES
from ig_assets.core.experiments.ad_studies.service import STUDY_STATUSES
from ig_assets.core.fine_tuning.jobs.rows import JOB_STATUSES
from ig_assets.core.forgetting.requests import BEGUN, DONE
from ig_assets.warehouse import data_dictionary
from ig_assets.warehouse.comments import views_sql, write_comments
from ig_assets.warehouse.data_dictionary import described_tables, described_views
from ig_assets.warehouse.forgetting.replay import REPLAYED
from ig_assets.warehouse.views import VIEWS
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


def test_every_view_is_described_column_by_column_as_it_is_made(
    tmp_path: Path,
) -> None:
    home = migrated_warehouse(tmp_path / "w.duckdb", lambda: EARLIEST)
    with home.transaction() as con:
        made = {
            view.name: con.execute(f"DESCRIBE memory.main.{view.name}").fetchall()
            for view in VIEWS
        }
    assert {name: [column[:2] for column in rows] for name, rows in made.items()} == {
        view.name: [(column.name, column.type) for column in view.columns]
        for view in described_views().values()
    }


@pytest.mark.parametrize(
    ("table", "constants"),
    [
        ("embedding_batches", BATCH_STATUSES),
        ("embedding_batch_lines", LINE_STATUSES),
        ("fine_tune_jobs", JOB_STATUSES),
        ("split_tests", STUDY_STATUSES),
        ("forget_requests", (BEGUN, DONE, REPLAYED)),
    ],
)
def test_the_values_of_a_status_are_those_of_the_code(
    table: str, constants: tuple[str, ...]
) -> None:
    assert set(values_of(table)) == set(constants)


@pytest.mark.parametrize(
    ("room", "tables"),
    [
        ("corpus/embedding", ("embedding_batches", "embedding_batch_lines")),
        ("fine_tuning", ("fine_tune_jobs", "model_events", "posts", "api_calls")),
        ("experiments/ad_studies", ("split_tests", "posts", "experiments")),
        ("experiments/posts", ("posts", "experiments")),
        ("generation/topics", ("topics",)),
        ("models", ("model_events",)),
    ],
)
def test_every_status_that_a_room_writes_or_asks_for_is_listed(
    room: str, tables: tuple[str, ...]
) -> None:
    files = sorted((Path(core.__file__).parent / room).rglob("*.py"))
    used = {
        value
        for file in files
        for value in re.findall(
            r"status(?:\"?\s*(?:=|<>|==|!=|:)\s*)['\"](\w+)['\"]", file.read_text()
        )
    }
    assert used
    listed = {value for table in tables for value in values_of(table)}
    assert used - listed - STATES_OF_VENDORS == set()


# `BatchState.status` of a vendor, which is no row of ours.
STATES_OF_VENDORS = {"completed", "running"}


def values_of(table: str) -> tuple[str, ...]:
    """The listed values of a table's status."""
    columns = {column.name: column for column in described_tables()[table].columns}
    return tuple(columns["status"].values)


def test_tables_and_columns_carry_their_words_as_comments_of_the_database(
    tmp_path: Path,
) -> None:
    home = migrated_warehouse(tmp_path / "w.duckdb", lambda: EARLIEST)
    with home.transaction() as con:
        assert write_comments(con) == 0  # they were written with the tables
        con.execute("COMMENT ON TABLE home.ig.posts IS 'of an earlier version'")
        con.execute("COMMENT ON COLUMN home.ig.posts.status IS NULL")
        assert write_comments(con) == 2
    home.close()
    with duckdb.connect(str(tmp_path / "w.duckdb"), read_only=True) as con:
        [(table,)] = con.execute(
            "SELECT comment FROM duckdb_tables() WHERE table_name = 'posts'"
        ).fetchall()
        [(column,)] = con.execute(
            "SELECT comment FROM duckdb_columns() "
            "WHERE table_name = 'posts' AND column_name = 'status'"
        ).fetchall()
        without = con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE schema_name = 'ig' AND comment IS NULL"
        ).fetchall()
    assert table == described_tables()["posts"].about
    assert column.startswith("How far the post is. Values: proposed (planned")
    assert without == []


def test_an_analysts_views_carry_their_words_too(tmp_path: Path) -> None:
    home = migrated_warehouse(tmp_path / "w.duckdb", lambda: EARLIEST)
    with home.transaction():
        pass
    home.close()
    with duckdb.connect() as con:
        con.execute(views_sql(home.url))
        said = con.execute(
            "SELECT view_name, comment FROM duckdb_views() "
            "WHERE database_name = 'memory' AND NOT internal"
        ).fetchall()
        [(meaning,)] = con.execute(
            "SELECT comment FROM duckdb_columns() "
            "WHERE table_name = 'held_winners' AND column_name = 'cause'"
        ).fetchall()
    assert dict(said) == {view.name: view.grain for view in VIEWS}
    assert meaning == "Why it is held: split or repeated z."


def test_each_description_is_a_sentence_and_each_table_says_what_a_row_is() -> None:
    described = [*described_tables().values(), *described_views().values()]
    assert described
    for table in described:
        assert table.about.startswith("One row ") and table.about.endswith(".")
        for column in table.columns:
            assert column.description.endswith("."), (table.name, column.name)


def test_the_common_words_are_used_and_no_table_repeats_them() -> None:
    known = yaml.safe_load(FILE.read_text())
    said = [
        (name, column)
        for table in [*known["tables"].values(), *known["views"].values()]
        for name, column in table.get("columns", {}).items()
    ]
    common = {name for name, column in said if len(column) == 1}
    assert common == set(known["common"])
    repeated = [n for n, c in said if len(c) == 2 and c[1] == known["common"].get(n)]
    assert repeated == []
