"""The assets that are materialised automatically, and those that never are."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ig_assets_tests.defs.graph import ASSETS
from ig_assets_tests.defs.ticking import DagsterEnv
from ig_assets_tests.factories.processes import started
from ig_assets_tests.headless.loop_fixtures import without_settings

FOLLOWS = {
    "script_embeddings",
    "script_index",
    "experiment_results",
    "winning_scripts",
    "lineage_report",
}
NEVER_AUTOMATIC = ASSETS - FOLLOWS
BLOCKING = ("raw_scripts", "active_scripts_have_text")


class Automation:
    """Automation conditions evaluated round by round; requests are not run."""

    def __init__(self, dagster_env: DagsterEnv) -> None:
        self._definitions = dagster_env.definitions
        self._instance = dagster_env.instance
        self._cursor: Any = None
        dagster_env.clock.move_to(datetime(2026, 3, 1))  # months and days are over
        assert self.requested() == set()  # the baseline that later rounds look back at

    def requested(self) -> set[str]:
        """Which assets this round asks for."""
        result = dg.evaluate_automation_conditions(
            self._definitions, self._instance, cursor=self._cursor
        )
        self._cursor = result.cursor
        return {
            one.key.to_user_string()
            for one in result.results
            if result.get_num_requested(one.key)
        }

    def made(self, asset: str, partition: str | None = None) -> None:
        """Report a materialisation."""
        event = dg.AssetMaterialization(asset, partition=partition)
        self._instance.report_runless_asset_event(event)

    def begun(self, asset: str, partition: str | None = None) -> dg.DagsterRun:
        """Begin a run of one asset, which goes on until `ended`."""
        key = dg.AssetKey(asset)
        job = self._definitions.resolve_implicit_job_def_def_for_assets([key])
        assert job is not None
        return self._instance.create_run_for_job(
            job.get_subset(asset_selection={key}),
            status=dg.DagsterRunStatus.STARTED,
            tags={"dagster/partition": partition} if partition else None,
            asset_selection=frozenset({key}),
        )

    def ended(self, run: dg.DagsterRun, success: bool) -> None:
        """End a run that was begun; a successful one materialised its asset."""
        if not success:
            self._instance.report_run_failed(run)
            return
        assert run.asset_selection is not None
        for key in run.asset_selection:
            self.made(key.to_user_string(), run.tags.get("dagster/partition"))
        end = dg.DagsterEvent(
            event_type_value=dg.DagsterEventType.RUN_SUCCESS.value,
            job_name=run.job_name,
        )
        self._instance.report_dagster_event(end, run.run_id)

    def checked(self, asset: str, check: str, passed: bool) -> None:
        """Report the outcome of a blocking check."""
        self._instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(asset), check_name=check, passed=passed
            )
        )


@pytest.fixture
def automation(dagster_env: DagsterEnv) -> Automation:
    return Automation(dagster_env)


def test_embeddings_and_index_follow_the_scripts_together(
    dagster_env: DagsterEnv, automation: Automation
) -> None:
    dagster_env.add_script("knives")
    assert dagster_env.materialise("raw_scripts").success
    assert automation.requested() == {"script_embeddings", "script_index"}
    automation.made("script_embeddings")
    automation.made("script_index")
    assert automation.requested() == set()


def test_the_index_follows_embeddings_that_a_person_started(
    dagster_env: DagsterEnv, automation: Automation
) -> None:
    test_embeddings_and_index_follow_the_scripts_together(dagster_env, automation)
    automation.made("script_embeddings")
    assert automation.requested() == {"script_index"}


@pytest.mark.parametrize(
    ("embedder", "index", "asked"),
    [
        ("local", "faiss", ["script_embeddings", "script_index"]),
        ("local", "pinecone", ["script_embeddings"]),
        ("openai", "faiss", []),
    ],
)
def test_a_vendors_embeddings_and_writes_are_left_to_sensors_and_people(
    embedder: str, index: str, asked: list[str], tmp_path: Path
) -> None:
    """In a process of its own: conditions are chosen when a module is imported."""
    settings = {
        "IG_EMBEDDER": embedder,
        "IG_INDEX": index,
        "OPENAI_API_KEY": "sk-not-a-key",
        "PINECONE_API_KEY": "pcsk_not-a-key",
        "IG_DATA_DIR": str(tmp_path),
    }
    answer = tmp_path / "asked.json"
    env = without_settings(os.environ) | settings
    asking = started(ask_after_new_scripts, env, answer)
    asking.join()
    assert asking.exitcode == 0
    assert json.loads(answer.read_text()) == asked


def ask_after_new_scripts(env: dict[str, str], answer: Path) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(answer.parent)  # away from a `.env`
    from ig_assets.definitions import defs

    found, instance = defs(), dg.DagsterInstance.ephemeral()
    cursor = dg.evaluate_automation_conditions(found, instance).cursor
    instance.report_runless_asset_event(dg.AssetMaterialization("raw_scripts"))
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("raw_scripts"),
            check_name="active_scripts_have_text",
            passed=True,
        )
    )
    result = dg.evaluate_automation_conditions(found, instance, cursor=cursor)
    asked = [
        one.key.to_user_string()
        for one in result.results
        if result.get_num_requested(one.key)
    ]
    answer.write_text(json.dumps(sorted(asked)))


def test_the_librarys_sensors_start_the_whole_corpus(dagster_env: DagsterEnv) -> None:
    repository = dagster_env.definitions.get_repository_def()
    for name in ("script_library_sensor", "feedback_sensor"):
        assert repository.get_sensor_def(name).job_name == "sync_corpus"


def test_a_failed_blocking_check_holds_the_embeddings_back(
    automation: Automation,
) -> None:
    automation.made("raw_scripts")
    automation.checked(*BLOCKING, passed=False)
    assert automation.requested() == set()


def test_results_follow_one_day_of_engagement_though_other_days_are_missing(
    automation: Automation,
) -> None:
    automation.made("engagement_metrics", "2026-01-05")
    assert automation.requested() == {"experiment_results", "winning_scripts"}
    automation.made("experiment_results")
    automation.made("winning_scripts")
    assert automation.requested() == set()


def test_results_follow_a_day_though_the_next_days_reading_failed(
    automation: Automation,
) -> None:
    automation.made("engagement_metrics", "2026-01-05")
    next_day = automation.begun("engagement_metrics", "2026-01-06")
    assert automation.requested() == set()
    automation.ended(next_day, success=False)
    assert automation.requested() == {"experiment_results", "winning_scripts"}
    automation.made("experiment_results")
    automation.made("winning_scripts")
    assert automation.requested() == set()


def test_results_follow_a_day_that_was_read_while_they_were_computed(
    automation: Automation,
) -> None:
    automation.made("engagement_metrics", "2026-01-05")
    assert automation.requested() == {"experiment_results", "winning_scripts"}
    results = automation.begun("experiment_results")
    automation.made("engagement_metrics", "2026-01-06")
    assert automation.requested() == set()
    automation.ended(results, success=True)
    assert "experiment_results" in automation.requested()
    assert automation.requested() == set()


def test_a_months_report_follows_its_model_however_long_ago_the_month_was(
    automation: Automation,
) -> None:
    automation.made("training_examples", "2026-01")
    automation.made("fine_tuned_model", "2026-01")
    assert automation.requested() == {"lineage_report"}


def test_a_promotion_regenerates_nothing(automation: Automation) -> None:
    automation.made("active_model")
    assert automation.requested() == set()


def test_nothing_that_pays_or_publishes_is_ever_requested(
    automation: Automation,
) -> None:
    """Whatever is materialised, in the order of the loop, twice over."""
    asked = set()
    for _ in range(2):
        for asset, partition in _EVERYTHING:
            automation.made(asset, partition)
            if asset == BLOCKING[0]:
                automation.checked(*BLOCKING, passed=True)
            asked |= automation.requested()
    assert asked & NEVER_AUTOMATIC == set()
    assert asked >= {"script_embeddings", "experiment_results", "winning_scripts"}


_EVERYTHING = [
    ("raw_scripts", None),
    ("script_embeddings", None),
    ("script_index", None),
    ("active_model", None),
    ("topics", "2026-01"),
    ("script_drafts", "2026-01"),
    ("script_variants", "2026-01"),
    ("posts", "2026-01"),
    ("engagement_metrics", "2026-01-05"),
    ("experiment_results", None),
    ("winning_scripts", None),
    ("training_examples", "2026-01"),
    ("fine_tune_jsonl", "2026-01"),
    ("fine_tune_job", "2026-01"),
    ("fine_tuned_model", "2026-01"),
    ("model_evaluation", "2026-01"),
]
