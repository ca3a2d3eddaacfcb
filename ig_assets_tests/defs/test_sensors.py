"""Each sensor, ticked headless on a small data folder."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import dagster as dg
import pytest
from filelock import FileLock

from ig_assets.core.fine_tuning.evaluation.canary import promote
from ig_assets.core.models.registry import ensure_base_model
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.defs.ticking import DagsterEnv

JANUARY = datetime(2026, 1, 1)
VARIANT = {
    "variant_id": "v1",
    "month": "2026-01",
    "topic_id": "t1",
    "arm": "a",
    "hook_style": "question",
    "hook": "h",
    "body": "b",
    "call_to_action": "c",
    "text": "h\n\nb\n\nc",
    "revision_hash": "r1",
    "rejection": None,
}
DRAFT = {"variant_id": "v1", "month": "2026-01", "topic_id": "t1"}
EXPERIMENT = {"experiment_id": "e1", "month": "2026-01", "topic_id": "t1"}
POST = {
    "post_id": "p1",
    "experiment_id": "e1",
    "variant_id": "v1",
    "arm": "a",
    "slot": datetime(2026, 1, 10, 9),
    "platform": "simulated_audience",
    "status": "approved",
}
JOB = {
    "job_id": "j1",
    "month": "2026-01",
    "provider": "few_shot",
    "provider_job_id": "p1",
    "dataset_hash": "d1",
    "base_model": "m",
    "intent_key": "i1",
    "status": "succeeded",
    "refusal": None,
    "model_name": "few-shot-m",
    "artifact": None,
    "submitted_at": datetime(2026, 2, 1),
    "finished_at": datetime(2026, 2, 1),
}


# ── script_library_sensor ─────────────────────────────────────────────────────


def test_a_burst_of_library_files_is_one_run(dagster_env: DagsterEnv) -> None:
    for number in range(30):
        dagster_env.add_script(f"script-{number}")
    tick = dagster_env.sensor("script_library_sensor")
    assert len(tick.run_requests) == 1
    assert tick.run_requests[0].run_key.startswith("library ")


def test_a_success_that_the_tables_do_not_have_is_said_and_asked_for_later(
    dagster_env: DagsterEnv,
) -> None:
    dagster_env.add_script("knives")
    first = dagster_env.sensor("script_library_sensor")
    dagster_env.succeed(first)
    second = dagster_env.sensor("script_library_sensor", first.cursor)
    assert second.run_requests == []
    assert second.skip_message.startswith("A run for the library succeeded, and the")


@pytest.mark.parametrize("change", ["added", "changed", "vanished"])
def test_a_library_file_that_comes_changes_or_goes_starts_a_run(
    dagster_env: DagsterEnv, change: str
) -> None:
    path = dagster_env.add_script("knives")
    cursor = dagster_env.sensor("script_library_sensor").cursor
    if change == "added":
        dagster_env.add_script("pans")
    elif change == "changed":
        path.write_text(path.read_text() + "\n")
    else:
        path.unlink()
    assert len(dagster_env.sensor("script_library_sensor", cursor).run_requests) == 1


def test_a_missing_library_is_a_sentence_not_a_failure(dagster_env: DagsterEnv) -> None:
    dagster_env.library.rmdir()
    tick = dagster_env.sensor("script_library_sensor")
    assert tick.run_requests == []
    assert "IG_LIBRARY" in tick.skip_message


# ── content_calendar_sensor ───────────────────────────────────────────────────


def test_a_month_with_topics_starts_its_generation_once(
    dagster_env: DagsterEnv,
) -> None:
    dagster_env.add_calendar("2026-01", "knives", "pans")
    first = dagster_env.sensor("content_calendar_sensor")
    dagster_env.succeed(first)
    second = dagster_env.sensor("content_calendar_sensor", first.cursor)
    assert [request.partition_key for request in first.run_requests] == ["2026-01"]
    assert second.run_requests == []
    assert "the tables have another state of it" in second.skip_message


def test_a_changed_calendar_starts_its_month_again(dagster_env: DagsterEnv) -> None:
    dagster_env.add_calendar("2026-01", "knives")
    cursor = dagster_env.sensor("content_calendar_sensor").cursor
    dagster_env.add_calendar("2026-01", "knives", "pans")
    tick = dagster_env.sensor("content_calendar_sensor", cursor)
    assert [request.partition_key for request in tick.run_requests] == ["2026-01"]


def test_a_month_without_topics_is_skipped_naming_the_months_there_are(
    dagster_env: DagsterEnv,
) -> None:
    dagster_env.add_calendar("2026-02", "knives")
    dagster_env.add_calendar("2026-03", "pans")
    tick = dagster_env.sensor("content_calendar_sensor")
    assert tick.run_requests == []
    assert tick.skip_message == (
        "The calendar has no usable topic for 2026-01; it has 2026-02, 2026-03."
    )


def test_a_missing_calendar_is_skipped_naming_the_setting(
    dagster_env: DagsterEnv,
) -> None:
    tick = dagster_env.sensor("content_calendar_sensor")
    assert tick.run_requests == []
    assert "IG_CALENDAR" in tick.skip_message


# ── feedback_sensor ───────────────────────────────────────────────────────────


def test_a_winner_that_is_no_script_yet_starts_one_run_until_it_is(
    dagster_env: DagsterEnv,
) -> None:
    assert dagster_env.sensor("feedback_sensor").skip_message == (
        "Every winner is a script already."
    )
    add_winner(dagster_env)
    asked = dagster_env.sensor("feedback_sensor").run_requests
    assert [request.tags["ig/winners"] for request in asked] == ["1"]

    assert dagster_env.materialise("raw_scripts").success

    assert dagster_env.sensor("feedback_sensor").run_requests == []
    assert dagster_env.rows(
        "SELECT script_id FROM scripts WHERE origin = 'winner'"
    ) == [{"script_id": "winner/v1"}]


def test_an_inconclusive_test_starts_nothing(dagster_env: DagsterEnv) -> None:
    add_winner(dagster_env, decision="inconclusive")
    assert dagster_env.sensor("feedback_sensor").run_requests == []


def add_winner(
    dagster_env: DagsterEnv, decision: str = "provisional", number: int = 1
) -> None:
    """A variant `v<number>` that won the experiment `e<number>`."""
    variant, experiment = f"v{number}", f"e{number}"
    dagster_env.write("variants", VARIANT | {"variant_id": variant})
    dagster_env.write("experiments", EXPERIMENT | {"experiment_id": experiment})
    dagster_env.write(
        "decisions",
        {
            "experiment_id": experiment,
            "decided_at": JANUARY,
            "decision": decision,
            "winner_variant_id": variant if decision == "provisional" else None,
            "winner_arm": "a",
            "winner_script_id": None,
            "winner_revision_hash": None,
        },
    )


# ── publishing_sensor ─────────────────────────────────────────────────────────


def test_finished_variants_without_a_plan_ask_for_their_month(
    dagster_env: DagsterEnv,
) -> None:
    assert dagster_env.sensor("publishing_sensor").skip_message == (
        "No variant waits for a plan and no post is due."
    )
    dagster_env.write("variants", VARIANT, VARIANT | {"variant_id": "v2", "arm": "b"})
    asked = dagster_env.sensor("publishing_sensor").run_requests
    assert [request.partition_key for request in asked] == ["2026-01"]


def test_a_month_that_is_not_planned_yet_waits_and_is_named(
    dagster_env: DagsterEnv,
) -> None:
    later = VARIANT | {"month": "2026-09"}
    dagster_env.write("variants", later, later | {"variant_id": "v2", "arm": "b"})
    tick = dagster_env.sensor("publishing_sensor")
    assert tick.run_requests == []
    assert "2026-09: planned when it is the present month" in tick.skip_message
    assert "the simulated clock is at 2026-01-01 00:00 UTC" in tick.skip_message


def test_a_half_polished_topic_waits_for_the_rest(dagster_env: DagsterEnv) -> None:
    dagster_env.write(
        "drafts", *(DRAFT | {"variant_id": v} for v in ("v1", "v2", "v3"))
    )
    dagster_env.write("variants", VARIANT, VARIANT | {"variant_id": "v2", "arm": "b"})
    assert dagster_env.sensor("publishing_sensor").run_requests == []


def test_an_approved_post_asks_for_its_month_when_its_slot_has_come(
    dagster_env: DagsterEnv,
) -> None:
    dagster_env.write("experiments", EXPERIMENT)
    dagster_env.write("posts", POST)
    dagster_env.clock.move_to(datetime(2026, 1, 10, 8, 59))
    assert dagster_env.sensor("publishing_sensor").run_requests == []
    dagster_env.clock.move_to(datetime(2026, 1, 10, 9))
    asked = dagster_env.sensor("publishing_sensor").run_requests
    assert [request.partition_key for request in asked] == ["2026-01"]


# ── fine_tune_status_sensor ───────────────────────────────────────────────────


def test_a_finished_job_asks_for_its_months_registration(
    dagster_env: DagsterEnv,
) -> None:
    dagster_env.clock.move_to(datetime(2026, 2, 1))
    dagster_env.write("fine_tune_jobs", JOB)
    asked = dagster_env.sensor("fine_tune_status_sensor").run_requests
    assert [request.partition_key for request in asked] == ["2026-01"]
    assert asked[0].run_key.startswith("job j1 ")


@pytest.mark.parametrize("status", ["refused", "failed"])
def test_a_refused_or_failed_job_starts_nothing(
    dagster_env: DagsterEnv, status: str
) -> None:
    dagster_env.write("fine_tune_jobs", JOB | {"status": status, "refusal": "no"})
    tick = dagster_env.sensor("fine_tune_status_sensor")
    assert (tick.run_requests, tick.skip_message) == (
        [],
        "0 jobs are still running, none has finished.",
    )


def test_the_dataset_of_a_failed_job_goes_to_the_next_trainer(
    dagster_env: DagsterEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-key")
    monkeypatch.setenv("IG_TRAINER", "openai,few_shot")
    dagster_env.clock.move_to(datetime(2026, 2, 1))
    failed = {"provider": "openai", "status": "failed", "dataset_hash": "d"}
    dagster_env.write("fine_tune_jobs", JOB | failed)
    dagster_env.write("datasets", {"dataset_hash": "d", "month": "2026-01"})
    (asked,) = dagster_env.sensor("fine_tune_status_sensor").run_requests
    assert (asked.job_name, asked.partition_key) == ("fine_tune_month", "2026-01")
    assert asked.run_key.startswith("after j1 ")


# ── promotion_sensor ──────────────────────────────────────────────────────────


def test_the_active_model_is_materialised_once(dagster_env: DagsterEnv) -> None:
    base = _base(dagster_env)
    first = _reported(dagster_env)
    second = dagster_env.sensor("promotion_sensor")
    assert [event.asset_key.to_user_string() for event in first.asset_events] == [
        "active_model"
    ]
    assert first.asset_events[0].metadata["model_id"].value == base
    assert second.asset_events == []
    assert second.skip_message == "No model is on trial as a canary."


def test_a_promotion_by_hand_is_noticed(dagster_env: DagsterEnv) -> None:
    _base(dagster_env)
    _reported(dagster_env)
    dagster_env.write(
        "models",
        {
            "model_id": "better",
            "job_id": "j1",
            "provider": "few_shot",
            "name": "better",
            "base_model": "m",
            "artifact": None,
            "created_at": JANUARY,
        },
    )
    dagster_env.write(
        "model_events",
        {
            "model_id": "better",
            "changed_at": JANUARY,
            "status": "candidate",
            "reason": "trained",
        },
    )
    promote(
        dagster_env.services.warehouse, dagster_env.clock, "better", "reads best aloud"
    )

    tick = _reported(dagster_env)

    (event,) = tick.asset_events
    assert event.metadata["model_id"].value == "better"
    assert event.metadata["reason"].value == "reads best aloud"
    assert dagster_env.sensor("promotion_sensor").asset_events == []


def test_a_model_that_another_reported_is_taken_back(dagster_env: DagsterEnv) -> None:
    """mA by the daemon, mB by the loop, whose cursor is its own; back to mA."""
    base = _base(dagster_env)
    cursor = _reported(dagster_env).cursor  # the daemon's
    dagster_env.instance.report_runless_asset_event(
        dg.AssetMaterialization("active_model", tags={"dagster/data_version": "mB"})
    )
    [event] = dagster_env.sensor("promotion_sensor", cursor).asset_events
    assert event.metadata["model_id"].value == base


def test_a_promotion_starts_no_run(dagster_env: DagsterEnv) -> None:
    _base(dagster_env)
    assert dagster_env.sensor("promotion_sensor").run_requests == []


def test_before_there_is_a_model_the_promotion_sensor_skips(
    dagster_env: DagsterEnv,
) -> None:
    tick = dagster_env.sensor("promotion_sensor")
    assert (tick.asset_events, bool(tick.skip_message)) == ([], True)


def _reported(dagster_env: DagsterEnv) -> Any:
    """A tick of the sensor, whose events are reported as the daemon does."""
    tick = dagster_env.sensor("promotion_sensor")
    for event in tick.asset_events:
        dagster_env.instance.report_runless_asset_event(event)
    return tick


def _base(dagster_env: DagsterEnv) -> str:
    return ensure_base_model(
        dagster_env.services.warehouse, dagster_env.clock, "openai", "m"
    )


# ── a busy warehouse ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name",
    [
        "feedback_sensor",
        "publishing_sensor",
        "fine_tune_status_sensor",
        "promotion_sensor",
    ],
)
def test_a_sensor_that_finds_the_warehouse_busy_skips_its_tick(
    dagster_env: DagsterEnv, name: str
) -> None:
    url = dagster_env.services.warehouse.url
    impatient = Warehouse(url, dagster_env.clock.now, lock_timeout_s=0.05)
    with FileLock(f"{impatient.path}.lock"):
        tick = dagster_env.sensor(name, warehouse=impatient)
    assert (tick.run_requests, tick.asset_events) == ([], [])
    assert "held by another process" in tick.skip_message
