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
from dagster._core.definitions.partitions.snap import PartitionsSnap

from ig_assets.warehouse.data_dictionary import described_tables, described_views
from ig_assets_tests.defs.graph import ASSETS, EXTERNAL, overview
from ig_assets_tests.defs.ticking import DagsterEnv

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
    "alert_sensor",  # sends only where IG_ALERT_WEBHOOK or IG_ALERT_EMAIL is set
    "invoice_review_schedule",  # likewise
    "backup_schedule",  # does nothing without IG_BACKUPS
    "retention_schedule",  # nothing without IG_KEEP_DAYS
    "automation_sensor",
    "embedding_batch_sensor",  # collects what is paid for; calls none without IG_BATCH
    "feedback_sensor",
    "overdue_runs_sensor",  # asks for nothing of a schedule that is off
    "script_library_sensor",
    "run_failure_sensor",
    "key_rotation_schedule",
    "monthly_ranker_schedule",  # fits nothing without IG_RANKER
    "usage_schedule",
}


@pytest.mark.parametrize("name", sorted(ASSETS - EXTERNAL))
def test_an_asset_names_its_table_and_what_each_column_holds(
    definitions: dg.Definitions, name: str
) -> None:
    spec = definitions.resolve_assets_def(name).specs_by_key[dg.AssetKey(name)]
    schema_name, _, table = spec.metadata["dagster/table_name"].rpartition(".")
    assert table in (described_tables() if schema_name == "ig" else described_views())
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
        "model_in_use",
    )
    if name not in EXTERNAL:
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
    dagster_env: DagsterEnv,
) -> None:
    dagster_env.clock.move_to(datetime(2026, 4, 1))
    assert {
        name: keys_of(dagster_env, name)[-1]
        for name in ("script_drafts", "training_examples")
    } == {"script_drafts": "2026-05", "training_examples": "2026-03"}


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (datetime(2026, 1, 1), (None, None, "2026-02")),
        (datetime(2026, 1, 9, 0, 50), ("2026-01-08", None, "2026-02")),
        (datetime(2026, 2, 1), ("2026-01-31", "2026-01", "2026-03")),
        (datetime(2099, 12, 31, 9), ("2099-12-30", "2099-11", "2100-01")),
    ],
)
def test_partitions_end_at_the_simulated_clock_here_and_in_the_ui(
    dagster_env: DagsterEnv, now: datetime, last: tuple[str | None, ...]
) -> None:
    dagster_env.clock.move_to(now)
    names = ("engagement_metrics", "training_examples", "topics")
    keys = {name: keys_of(dagster_env, name) for name in names}
    assert tuple(keys[name][-1] if keys[name] else None for name in names) == last
    if now.year < 2027:  # the UI sees no partition of the real future
        seen = {name: keys_of(dagster_env, name, in_the_ui=True) for name in names}
        assert seen == keys


def test_a_stored_copy_of_the_partitions_is_the_same_on_another_day(
    dagster_env: DagsterEnv,
) -> None:
    """Else the automation would forget on each day what it had seen before."""
    dagster_env.clock.move_to(datetime(2026, 1, 9))
    node = dagster_env.definitions.resolve_asset_graph().get(dg.AssetKey("posts"))
    own = node.partitions_def
    assert own is not None
    stored = PartitionsSnap.from_def(own).get_partitions_definition()
    dagster_env.clock.move_to(datetime(2026, 3, 9))
    assert stored == own
    other = dg.MonthlyPartitionsDefinition("2025-01", fmt="%Y-%m", end_offset=2)
    assert other != own


def keys_of(env: DagsterEnv, asset: str, in_the_ui: bool = False) -> list[str]:
    """An asset's partitions, in this process or by the copy that the UI is given."""
    node = env.definitions.resolve_asset_graph().get(dg.AssetKey(asset))
    partitions = node.partitions_def
    assert partitions is not None
    if in_the_ui:
        partitions = PartitionsSnap.from_def(partitions).get_partitions_definition()
    return list(partitions.get_partition_keys())


def test_runs_stay_in_one_process_by_default(definitions: dg.Definitions) -> None:
    assert _executors(definitions) == {"in_process"}


def test_a_setting_gives_each_step_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    from ig_assets.definitions import defs

    monkeypatch.setenv("IG_EXECUTOR", "multiprocess")
    assert _executors(defs()) == {"multiprocess"}


def _executors(definitions: dg.Definitions) -> set[str]:
    jobs = definitions.get_repository_def().get_all_jobs()
    return {job.executor_def.name for job in jobs}
