"""What a data team sees in Dagster's UI after the loop, through its own GraphQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.testclient import TestClient

from ig_assets.defs.page.column_lineage import COLUMN_SOURCES
from ig_assets.workspace import WORKSPACE
from ig_assets_tests.defs.graph import ASSETS, EXTERNAL, OF_THE_LOOP
from ig_assets_tests.headless.loop_fixtures import MONTHS, TurnedLoop

pytestmark = pytest.mark.ui

NODES = """
query { assetNodes {
    assetKey { path }
    groupName
    description
    isPartitioned
    partitionKeys
    dependencyKeys { path }
    assetChecksOrError { ... on AssetChecks { checks { name blocking } } }
} }
"""

MATERIALISED = """
query Asset($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
    assetMaterializations(limit: 1000) {
        partition
        tags { key value }
        metadataEntries {
            label
            __typename
            ... on IntMetadataEntry { intValue }
            ... on TableMetadataEntry { table { records } }
            ... on MarkdownMetadataEntry { mdStr }
        }
    }
} } }
"""

RUNS = """
query { runsOrError(filter: { statuses: [FAILURE] }) { ... on Runs {
    results { jobName }
} } }
"""

STATES = """
query { workspaceOrError { ... on Workspace { locationEntries {
    locationOrLoadError {
        __typename
        ... on RepositoryLocation { repositories { name } }
        ... on PythonError { message }
    }
} } } }
"""


class Ui:
    """GraphQL of a webserver on the loop's instance."""

    def __init__(self, client: TestClient) -> None:
        self._client = client

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        response = self._client.post(
            "/graphql", json={"query": query, "variables": variables}
        )
        assert response.status_code == 200
        answer = response.json()
        assert "errors" not in answer, answer
        return answer["data"]

    def nodes(self) -> dict[str, Any]:
        """The asset graph by name."""
        found = self.ask(NODES)["assetNodes"]
        return {"/".join(node["assetKey"]["path"]): node for node in found}

    def materialisations(self, asset: str) -> list[dict[str, Any]]:
        """An asset's materialisations, newest first: partition, tags and metadata."""
        data = self.ask(MATERIALISED, key={"path": [asset]})
        return [
            {
                "partition": event["partition"],
                "tags": {tag["key"]: tag["value"] for tag in event["tags"]},
                "metadata": {e["label"]: e for e in event["metadataEntries"]},
            }
            for event in data["assetOrError"]["assetMaterializations"]
        ]


@pytest.fixture(scope="module")
def ui(turned_loop: TurnedLoop) -> Iterator[Ui]:
    target = ModuleTarget(
        module_name="ig_assets.definitions",
        attribute=None,
        working_directory=str(WORKSPACE),
        location_name="ig_assets",
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in turned_loop.env.items():
            if name.startswith(("IG_", "OPENAI_")):
                patch.setenv(name, value)
        with (
            dg.DagsterInstance.from_config(str(turned_loop.dagster_home)) as instance,
            WorkspaceProcessContext(instance, target) as workspace,
        ):
            app = create_app_from_workspace_process_context(workspace)
            yield Ui(TestClient(app))


def test_the_code_location_loads(ui: Ui) -> None:
    (entry,) = ui.ask(STATES)["workspaceOrError"]["locationEntries"]
    assert entry["locationOrLoadError"]["__typename"] == "RepositoryLocation", entry


def test_the_page_of_the_ui_is_served(ui: Ui) -> None:
    assert ui._client.get("/").status_code == 200


def test_the_graph_shows_every_asset_of_the_plan(ui: Ui) -> None:
    nodes = ui.nodes()
    assert set(nodes) == ASSETS
    drafts = {"/".join(k["path"]) for k in nodes["script_drafts"]["dependencyKeys"]}
    assert drafts == {"topics", "script_index", "active_model"}


def test_the_graph_shows_checks_and_which_block(ui: Ui) -> None:
    blocking = {
        (name, check["name"]): check["blocking"]
        for name, node in ui.nodes().items()
        for check in node["assetChecksOrError"].get("checks", [])
    }
    assert blocking["script_index", "index_equals_corpus"] is True
    assert blocking["script_drafts", "topics_have_two_drafts"] is False
    assert len(blocking) == 44


def test_months_and_days_are_partitions(ui: Ui) -> None:
    nodes = ui.nodes()
    assert nodes["script_drafts"]["partitionKeys"][:2] == list(MONTHS)
    assert nodes["engagement_metrics"]["partitionKeys"][0] == "2026-01-01"
    assert not nodes["raw_scripts"]["isPartitioned"]


@pytest.mark.parametrize("asset", sorted(OF_THE_LOOP))
def test_the_loop_has_materialised_every_asset(ui: Ui, asset: str) -> None:
    assert ui.materialisations(asset)


@pytest.mark.parametrize("asset", sorted(OF_THE_LOOP))
def test_the_newest_materialisation_begins_with_a_sentence(ui: Ui, asset: str) -> None:
    said = ui.materialisations(asset)[0]["metadata"]["summary"]["mdStr"]
    assert said and "{" not in said


def test_no_materialisation_lacks_rows_sources_or_the_versions_of_data_and_code(
    ui: Ui,
) -> None:
    lacking = {}
    for asset in sorted(OF_THE_LOOP - EXTERNAL):
        event = ui.materialisations(asset)[0]
        wanted = {"dagster/row_count"}
        if asset in COLUMN_SOURCES:
            wanted.add("dagster/column_lineage")
        tags = {"dagster/data_version", "dagster/code_version"}
        lacking[asset] = (wanted - event["metadata"].keys()) | (
            tags - event["tags"].keys()
        )
    assert len(lacking) > 12 and not any(lacking.values()), lacking


def test_partitions_end_at_the_clock_of_the_data_folder(
    ui: Ui, turned_loop: TurnedLoop
) -> None:
    now = datetime.fromisoformat(
        json.loads((turned_loop.data_dir / "clock.json").read_text())["now"]
    )
    nodes = ui.nodes()
    yesterday = (now - timedelta(days=1)).date().isoformat()
    assert nodes["engagement_metrics"]["partitionKeys"][-1] == yesterday
    assert nodes["training_examples"]["partitionKeys"] == list(MONTHS)


def test_each_month_of_the_loop_is_a_materialised_partition(ui: Ui) -> None:
    for asset in ("script_drafts", "posts", "training_examples", "lineage_report"):
        partitions = {event["partition"] for event in ui.materialisations(asset)}
        assert partitions == set(MONTHS), asset


def test_a_materialisation_shows_counts_and_a_sample(ui: Ui) -> None:
    metadata = ui.materialisations("script_variants")[0]["metadata"]
    assert metadata["drafts"]["intValue"] >= 4
    records = metadata["sample"]["table"]["records"]
    assert 4 <= len(records) <= 20
    assert all('"variant_id"' in record for record in records)


def test_a_materialisation_shows_a_picture(ui: Ui) -> None:
    for asset, label in (("script_embeddings", "map"), ("lineage_report", "flow")):
        picture = ui.materialisations(asset)[0]["metadata"][label]["mdStr"]
        assert "](data:image/png;base64," in picture


def test_no_run_of_the_loop_failed(ui: Ui) -> None:
    assert ui.ask(RUNS)["runsOrError"]["results"] == []
