"""The definitions, compared with a committed file, and the claims about them.

`UPDATE_SNAPSHOTS=1 pytest ig_assets_tests/defs/test_definitions.py` writes the file
anew; the review of its difference is the review of the graph.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ig_assets_tests.defs.graph import ASSETS, overview

SNAPSHOT = Path(__file__).parent / "snapshots" / "definitions.json"

# What pays a vendor, asks one for work or speaks to the audience.
PAYS_OR_LEAVES = {
    "content_calendar_sensor",
    "publishing_sensor",
    "engagement_schedule",
    "monthly_fine_tune_schedule",
    "fine_tune_status_sensor",
    "promotion_sensor",
}
FREE_AND_INWARD = {
    "automation_sensor",
    "embedding_batch_sensor",  # collects what is paid for; calls none without IG_BATCH
    "feedback_sensor",
    "overdue_runs_sensor",  # asks for nothing of a schedule that is off
    "script_library_sensor",
    "run_failure_sensor",
    "key_rotation_schedule",
    "usage_schedule",
}


@pytest.mark.parametrize("name", sorted(ASSETS - {"active_model"}))
def test_an_asset_names_its_table_and_what_each_column_holds(
    definitions: dg.Definitions, name: str
) -> None:
    spec = definitions.resolve_assets_def(name).specs_by_key[dg.AssetKey(name)]
    assert spec.metadata["dagster/table_name"].startswith("ig.")
    schema = spec.metadata["dagster/column_schema"]
    assert len(schema.columns) > 2
    assert all(column.description and column.type for column in schema.columns)


@pytest.fixture(scope="module")
def seen(definitions: dg.Definitions) -> dict[str, Any]:
    return overview(definitions)


def test_the_definitions_are_those_of_the_committed_snapshot(
    seen: dict[str, Any], update_snapshots: bool
) -> None:
    if update_snapshots:
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(json.dumps(seen, indent=2, ensure_ascii=False) + "\n")
    assert seen == json.loads(SNAPSHOT.read_text())


def test_the_repository_loads_with_every_asset_of_the_plan(
    seen: dict[str, Any],
) -> None:
    assert set(seen["assets"]) == ASSETS


def test_the_graph_has_no_cycle_and_closes_over_an_external_asset(
    seen: dict[str, Any],
) -> None:
    parents = {name: set(spec["deps"]) for name, spec in seen["assets"].items()}
    while leaves := {name for name, deps in parents.items() if not deps}:
        for name in leaves:
            del parents[name]
        for deps in parents.values():
            deps -= leaves
    assert parents == {}
    assert seen["assets"]["active_model"]["external"]
    assert seen["assets"]["active_model"]["deps"] == {}
    assert "active_model" in seen["assets"]["script_drafts"]["deps"]


def test_the_monthly_schedule_fires_at_midnight_utc_on_the_first(
    seen: dict[str, Any],
) -> None:
    schedule = seen["schedules"]["monthly_fine_tune_schedule"]
    assert (schedule["cron"], schedule["timezone"]) == ("0 0 1 * *", "UTC")
    assert schedule["job"] == "fine_tune_month"


@pytest.mark.parametrize(
    "name",
    ["script_drafts", "script_variants", "posts", "fine_tune_job", "model_evaluation"],
)
def test_what_costs_money_or_publishes_has_no_automation_condition(
    seen: dict[str, Any], name: str
) -> None:
    assert seen["assets"][name]["automation_condition"] is None


def test_what_costs_money_or_calls_out_waits_to_be_switched_on(
    seen: dict[str, Any],
) -> None:
    started = {**seen["sensors"], **seen["schedules"]}
    by_default = {name: spec["default_status"] for name, spec in started.items()}
    assert by_default == {
        **dict.fromkeys(PAYS_OR_LEAVES, "STOPPED"),
        **dict.fromkeys(FREE_AND_INWARD, "RUNNING"),
    }


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_an_asset_has_a_description_owners_and_a_group(
    seen: dict[str, Any], name: str
) -> None:
    spec = seen["assets"][name]
    assert spec["owners"] and spec["kinds"] and spec["code_version"]
    assert spec["group"] in (
        "corpus",
        "generation",
        "experiments",
        "fine_tuning",
        "operations",
    )
    if name != "active_model":
        assert spec["description"].startswith(("One row per", "One report per"))
        assert spec["retries"] == {"max_retries": 2, "delay_s": 5}
        assert spec["pools"]


def test_every_blocking_check_of_the_plan_blocks(seen: dict[str, Any]) -> None:
    blocking = {name for name, check in seen["checks"].items() if check["blocking"]}
    assert blocking == {
        "raw_scripts:active_scripts_have_text",
        "script_index:index_equals_corpus",
        "experiment_results:winners_have_evidence",
        "training_examples:groups_never_straddle_splits",
        "fine_tune_jsonl:lines_are_valid",
        "model_evaluation:candidate_passes_the_gate",
    }


def test_generation_reaches_ahead_and_fine_tuning_never_takes_an_open_month(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()

    def last(name: str) -> str:
        partitions = graph.get(dg.AssetKey(name)).partitions_def
        assert partitions is not None
        return partitions.get_partition_keys(current_time=datetime(2026, 4, 1))[-1]

    assert {name: last(name) for name in ("script_drafts", "training_examples")} == {
        "script_drafts": "2026-05",
        "training_examples": "2026-03",
    }


def test_runs_stay_in_one_process_by_default(definitions: dg.Definitions) -> None:
    assert _executors(definitions) == {"in_process"}


def test_a_setting_gives_each_step_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    from ig_assets.definitions import defs

    monkeypatch.setenv("IG_EXECUTOR", "multiprocess")
    assert _executors(defs()) == {"multiprocess"}


def _executors(definitions: dg.Definitions) -> set[str]:
    jobs = definitions.get_repository_def().get_all_jobs()
    return {job.executor_def.name for job in jobs}
