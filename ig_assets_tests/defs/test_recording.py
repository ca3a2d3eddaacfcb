"""A recording behind the definitions: backfilled in one run, and under experiments."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import dagster as dg
import pytest

from ig_assets_tests.defs.ticking import DagsterEnv

RECORDED = """post_id,published_at,observed_on,views,likes
a,2026-01-01T09:00:00,2026-01-01,100,10
a,2026-01-01T09:00:00,2026-01-02,300,20
a,2026-01-01T09:00:00,2026-01-03,290,21
b,2026-01-02T10:00:00,2026-01-03,50,
"""
RANGE = {
    "dagster/asset_partition_range_start": "2026-01-01",
    "dagster/asset_partition_range_end": "2026-01-03",
}


def test_a_backfill_of_a_recording_is_one_run_with_the_figures_of_each_day(
    dagster_env: DagsterEnv, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "recorded.csv"
    file.write_text(RECORDED, encoding="utf-8")
    monkeypatch.setenv("IG_SOCIAL", "replay")
    monkeypatch.setenv("IG_REPLAY_FILE", str(file))
    key = dg.AssetKey("engagement_metrics")
    node = dagster_env.definitions.get_repository_def().asset_graph.get(key)
    assert node.backfill_policy == dg.BackfillPolicy.single_run()
    job = dagster_env.definitions.resolve_implicit_job_def_def_for_assets([key])
    assert job is not None
    result = job.execute_in_process(
        instance=dagster_env.instance, asset_selection=[key], tags=RANGE
    )
    made = result.asset_materializations_for_node("engagement_metrics")
    seen = {
        str(m.partition): (m.metadata["posts"].value, m.metadata["missing"].value)
        for m in made
    }
    assert seen == {"2026-01-01": (1, 0), "2026-01-02": (2, 2), "2026-01-03": (2, 1)}
    assert {m.metadata["platform"].value for m in made} == {"replay"}
    [stored] = dagster_env.rows(
        "SELECT count(*) AS rows, count(value) AS v FROM engagement"
    )
    assert stored == {"rows": 10, "v": 7}


def test_an_experiment_on_a_recording_says_simulated_and_compares_what_it_has(
    dagster_env: DagsterEnv, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "recorded.csv"
    file.write_text(RECORDED, encoding="utf-8")
    monkeypatch.setenv("IG_SOCIAL", "replay")
    monkeypatch.setenv("IG_REPLAY_FILE", str(file))
    monkeypatch.setenv("IG_AA_SHARE", "1")
    topic = {"month": "2026-01", "topic_id": "t1", "due_on": date(2026, 1, 5)}
    variant = {"month": "2026-01", "topic_id": "t1", "text": "words"}
    dagster_env.write("topics", topic)
    dagster_env.write(
        "variants",
        variant | {"variant_id": "a", "arm": "a"},
        variant | {"variant_id": "b", "arm": "b"},
    )
    assert dagster_env.materialise("posts", "2026-01").success
    [experiment] = dagster_env.rows("SELECT simulated, denominator FROM experiments")
    assert experiment == {"simulated": True, "denominator": "views"}
    posts = dagster_env.rows("SELECT platform, status, duplicate_of FROM posts")
    assert {(p["platform"], p["status"]) for p in posts} == {("replay", "published")}
    assert sum(p["duplicate_of"] is not None for p in posts) == 1
    assert dagster_env.materialise("engagement_metrics", "2026-01-07").success
    [stored] = dagster_env.rows("SELECT count(value) AS v FROM engagement")
    assert stored["v"] > 0


def test_a_backfill_takes_the_days_that_have_begun_and_names_the_rest(
    dagster_env: DagsterEnv,
) -> None:
    dagster_env.clock.move_to(datetime(2026, 1, 2, 9))
    key = dg.AssetKey("engagement_metrics")
    job = dagster_env.definitions.resolve_implicit_job_def_def_for_assets([key])
    assert job is not None
    result = job.execute_in_process(
        instance=dagster_env.instance,
        asset_selection=[key],
        tags=RANGE,
        raise_on_error=False,
    )
    made = dagster_env.instance.get_materialized_partitions(key)
    assert made == {"2026-01-01", "2026-01-02"}
    [failed] = result.get_step_failure_events()
    said = failed.step_failure_data.user_failure_data.description
    assert "Engagement of 2026-01-03 cannot be read" in said
    assert "the simulated clock is at 2026-01-02 09:00 UTC" in said
    assert "advance_clock with `to: 2026-01-04`" in said
