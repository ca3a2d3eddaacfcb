"""What an asset's page says before and after a run, and what it must not say."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ig_assets.defs.metadata import zeros_together
from ig_assets.defs.page.about import (
    asset_tags,
    code_metadata,
    on_the_systems_clock,
    warehouse_uri,
)
from ig_assets.defs.page.settings import settings_table
from ig_assets.defs.page.summaries import SENTENCES, summary
from ig_assets.settings import Settings, load_settings
from ig_assets.workspace import WORKSPACE
from ig_assets_tests.defs.graph import ASSETS, EXTERNAL
from ig_assets_tests.defs.ticking import DagsterEnv

KEY = "sk-never-to-be-seen-5d1c"


def with_settings(monkeypatch: pytest.MonkeyPatch, **env: str) -> Settings:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_what_pays_a_vendor_is_tagged_and_what_runs_here_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    local = load_settings()
    assert "costs_money" not in asset_tags(local, "writer", False, False)
    vendors = with_settings(
        monkeypatch,
        IG_WRITER="openai",
        IG_INDEX="pinecone",
        OPENAI_API_KEY=KEY,
        PINECONE_API_KEY=KEY,
    )
    paid = {
        port: asset_tags(vendors, port, False, False).get("costs_money")
        for port in ("writer", "embedder", "index")
    }
    assert paid == {"writer": "openai", "embedder": None, "index": "pinecone"}


def test_what_rests_on_a_simulated_audience_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert asset_tags(load_settings(), None, True, True) == {
        "personal_data": "authors",
        "simulated": "audience",
    }
    real = with_settings(
        monkeypatch,
        IG_SOCIAL="instagram",
        IG_INSTAGRAM_ACCOUNT="12345678",
        IG_INSTAGRAM_TOKEN=KEY,
        IG_META_APP_SECRET=KEY,
    )
    assert "simulated" not in asset_tags(real, None, True, True)


def test_the_tags_are_on_the_assets(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    simulated = {
        node.key.to_user_string()
        for node in graph.asset_nodes
        if node.tags.get("simulated") == "audience"
    }
    assert {"posts", "engagement_metrics", "training_examples"} <= simulated
    assert {"model_evaluation", "active_model", "hook_ranker"} <= simulated
    assert not {"raw_scripts", "script_drafts", "api_usage"} & simulated


@pytest.mark.parametrize(
    ("location", "uri"),
    [
        (
            f"duckdb:///{WORKSPACE}/data/warehouse.duckdb",
            "duckdb:data/warehouse.duckdb",
        ),
        ("duckdb:///w.duckdb", "duckdb:w.duckdb"),
        ("duckdb:////srv/mara/w.duckdb", "duckdb:w.duckdb"),
        ("postgres://mara:secret@db/ig", "postgres"),
        ("ducklake:postgres:host=db password=secret", "ducklake"),
        ("host=db password=secret", "no URL, not shown"),
        ("host=db password=se:cret", "no URL, not shown"),
    ],
)
def test_the_uri_of_a_table_has_no_path_of_this_machine_and_no_password(
    location: str, uri: str
) -> None:
    assert warehouse_uri(location) == uri


def test_the_code_of_an_asset_is_named_within_the_package_and_linked_on_request() -> (
    None
):
    from ig_assets.defs.page import about

    found = code_metadata(about.in_workspace, None)
    assert list(found) == ["code"]
    assert found["code"].startswith("ig_assets/defs/page/about.py:")
    linked = code_metadata(about.in_workspace, "https://git.example.com/b/main/")
    [reference] = linked["dagster/code_references"].code_references
    file, line = found["code"].split(":")
    assert reference.url == f"https://git.example.com/b/main/{file}#L{line}"
    assert (
        code_metadata(
            test_the_uri_of_a_table_has_no_path_of_this_machine_and_no_password, None
        )
        == {}
    )


@pytest.mark.parametrize("name", sorted(ASSETS - EXTERNAL))
def test_no_assets_page_holds_a_path_of_this_machine(
    definitions: dg.Definitions, name: str
) -> None:
    node = definitions.resolve_asset_graph().get(dg.AssetKey(name))
    assert str(WORKSPACE) not in str(dict(node.metadata))
    assert node.metadata["code"].startswith("ig_assets/defs/")


def test_only_the_systems_clock_makes_an_asset_overdue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = dg.FreshnessPolicy.time_window(timedelta(days=2))
    assert on_the_systems_clock(load_settings(), policy) is None
    real = with_settings(monkeypatch, IG_CLOCK="system")
    assert on_the_systems_clock(real, policy) is policy


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("PINECONE_HOST", f"mara:{KEY}@host.example.com", "host.example.com"),
        ("IG_LIBRARY", f"simplecache::https://u:{KEY}@h/x", "simplecache::https://h/x"),
        ("IG_LIBRARY", f"https://{KEY}@h/x;sas={KEY}", "https://h/x"),
        ("IG_OWNERS", "team:content,mara@example.com", "team:content,mara@example.com"),
    ],
)
def test_no_spelling_of_an_address_shows_its_password(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, shown: str
) -> None:
    table = settings_table(with_settings(monkeypatch, **{name: value}))
    [row] = [r.data for r in table.records if r.data["setting"] == name]
    assert row["value"] == shown


def test_every_setting_is_shown_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = settings_table(
        with_settings(
            monkeypatch,
            OPENAI_API_KEY=KEY,
            OPENAI_BASE_URL=f"https://mara:{KEY}@proxy.example.com/v1?key={KEY}",
            IG_WAREHOUSE_URL=f"postgres:host=db password={KEY}",
            IG_LIBRARY=f"s3://mara:{KEY}@scripts/reels",
            IG_OWNERS="team:content, mara@example.com",
        )
    )
    assert KEY not in str(table)
    rows = [record.data for record in table.records]
    assert len(rows) == len(Settings.model_fields)
    changed = {row["setting"]: row["value"] for row in rows if not row["is_default"]}
    assert list(changed) == [row["setting"] for row in rows[: len(changed)]]
    assert (
        changed.items()
        >= {
            "OPENAI_API_KEY": "set, not shown",
            "OPENAI_BASE_URL": "https://proxy.example.com/v1",
            "IG_WAREHOUSE_URL": "postgres",
            "IG_LIBRARY": "s3://scripts/reels",
            "IG_OWNERS": "team:content, mara@example.com",
        }.items()
    )


def test_every_asset_that_runs_has_a_sentence() -> None:
    assert set(SENTENCES) | {"script_embeddings"} == ASSETS - EXTERNAL


def test_a_sentence_with_a_figure_that_is_not_known_is_not_said() -> None:
    figures: dict[str, Any] = {"lines": 12, "tokens": 15099, "size": "enough"}
    said = summary("fine_tune_jsonl", figures)
    assert said is not None and said.value == "**12** lines with 15,099 tokens: enough."
    assert summary("fine_tune_jsonl", figures | {"other": 1}) is not None
    del figures["tokens"]
    assert summary("fine_tune_jsonl", figures) is None


def test_results_without_an_undecided_test_are_no_list_of_zeros() -> None:
    said = summary("experiment_results", {"experiments": 0, "evaluated": 0})
    assert said is not None
    assert said.value == "Every test is decided; there was none to look at."


def test_figures_of_0_are_one_entry_but_those_of_the_sentence() -> None:
    found = zeros_together(
        {"new": 0, "renamed": 0, "cost": 0.0, "is_on": False}, ["new"]
    )
    assert found == {"new": 0, "is_on": False, "other_figures": "0 renamed, 0 cost"}


def test_a_run_says_what_it_did_and_how_many_rows_there_are(
    dagster_env: DagsterEnv,
) -> None:
    dagster_env.add_script("knives")
    [made] = dagster_env.materialise("raw_scripts").asset_materializations_for_node(
        "raw_scripts"
    )
    assert made.metadata["summary"].value.startswith(
        "Scripts: **1** new, **0** changed"
    )
    assert "0 revived" in made.metadata["other_figures"].value
    assert "revived" not in made.metadata
    dagster_env.add_calendar("2026-01", "knives", "pans")
    dagster_env.add_calendar("2026-02", "pots")
    rows = {
        month: dagster_env.materialise("topics", month)
        .asset_materializations_for_node("topics")[0]
        .metadata
        for month in ("2026-01", "2026-02")
    }
    assert {
        month: (
            found["dagster/row_count"].value,
            found["dagster/partition_row_count"].value,
        )
        for month, found in rows.items()
    } == {"2026-01": (2, 2), "2026-02": (3, 1)}
