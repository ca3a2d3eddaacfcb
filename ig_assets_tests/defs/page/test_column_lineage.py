"""Column lineage names columns that exist, of assets that are there."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from ig_assets.defs.page.column_lineage import COLUMN_SOURCES, column_lineage
from ig_assets.warehouse.data_dictionary import described_tables, described_views


@pytest.fixture(scope="module")
def tables(definitions: dg.Definitions) -> dict[str, str]:
    """The table of each asset, without its schema."""
    graph = definitions.get_repository_def().asset_graph
    found: dict[str, Any] = {
        node.key.to_user_string(): node.metadata.get("dagster/table_name")
        for node in graph.asset_nodes
    }
    names = {name: str(table).removeprefix("ig.") for name, table in found.items()}
    return names | {"active_model": "models"}


@pytest.mark.parametrize("asset", sorted(COLUMN_SOURCES))
def test_every_column_that_is_named_is_in_the_data_dictionary(
    tables: dict[str, str], asset: str
) -> None:
    described = described_tables() | described_views()
    columns = {name: {c.name for c in of.columns} for name, of in described.items()}
    assert COLUMN_SOURCES[asset]
    for column, sources in COLUMN_SOURCES[asset].items():
        assert column in columns[tables[asset]], column
        for source in sources:
            name, _, of = source.partition(".")
            assert of in columns[tables[name]], source


def test_each_asset_that_reads_another_says_from_which_columns(
    definitions: dg.Definitions,
) -> None:
    nodes = definitions.get_repository_def().asset_graph.asset_nodes
    reading = {
        node.key.to_user_string()
        for node in nodes
        if node.parent_keys and not node.is_external
    }
    assert reading == set(COLUMN_SOURCES) and len(reading) > 12


def test_each_asset_has_a_code_version_and_the_place_of_its_table(
    definitions: dg.Definitions,
) -> None:
    nodes = definitions.get_repository_def().asset_graph.asset_nodes
    lacking = [
        node.key.to_user_string()
        for node in nodes
        if not node.is_external
        and not (
            node.code_version
            and {"dagster/uri", "dagster/table_name"} <= node.metadata.keys()
        )
    ]
    assert lacking == [] and len(list(nodes)) > 15


def test_the_sources_are_dagsters_own_type() -> None:
    found = column_lineage("fine_tuned_model")
    assert found is not None
    [job] = found.deps_by_column["job_id"]
    assert (job.asset_key, job.column_name) == (dg.AssetKey("fine_tune_job"), "job_id")
    assert column_lineage("raw_scripts") is None
