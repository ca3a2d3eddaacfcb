"""Each sensor, ticked headless on a small data folder."""

from __future__ import annotations

from datetime import datetime

import pytest
from filelock import FileLock

from ig_assets.core.fine_tuning.canary import promote
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


def test_a_burst_of_library_files_is_one_run(dagged: DagsterEnv) -> None:
    for number in range(30):
        dagged.add_script(f"script-{number}")
    tick = dagged.sensor("script_library_sensor")
    assert len(tick.run_requests) == 1
    assert tick.run_requests[0].run_key.startswith("library ")


def test_an_unchanged_library_is_skipped_with_its_reason(dagged: DagsterEnv) -> None:
    dagged.add_script("knives")
    first = dagged.sensor("script_library_sensor")
    dagged.succeed(first)
    again = dagged.sensor("script_library_sensor", first.cursor)
    assert (again.run_requests, again.skip_message) == (
        [],
        "The library has not changed.",
    )


@pytest.mark.parametrize("change", ["added", "changed", "vanished"])
def test_a_library_file_that_comes_changes_or_goes_starts_a_run(
    dagged: DagsterEnv, change: str
) -> None:
    path = dagged.add_script("knives")
    cursor = dagged.sensor("script_library_sensor").cursor
    if change == "added":
        dagged.add_script("pans")
    elif change == "changed":
        path.write_text(path.read_text() + "\n")
    else:
        path.unlink()
    assert len(dagged.sensor("script_library_sensor", cursor).run_requests) == 1


def test_a_missing_library_is_a_sentence_not_a_failure(dagged: DagsterEnv) -> None:
    dagged.library.rmdir()
    tick = dagged.sensor("script_library_sensor")
    assert tick.run_requests == []
    assert "IG_LIBRARY" in tick.skip_message


# ── content_calendar_sensor ───────────────────────────────────────────────────


def test_a_month_with_topics_starts_its_generation_once(dagged: DagsterEnv) -> None:
    dagged.add_calendar("2026-01", "knives", "pans")
    first = dagged.sensor("content_calendar_sensor")
    dagged.succeed(first)
    again = dagged.sensor("content_calendar_sensor", first.cursor)
    assert [request.partition_key for request in first.run_requests] == ["2026-01"]
    assert again.run_requests == []
    assert again.skip_message == "The calendar of 2026-01 has not changed."


def test_a_changed_calendar_starts_its_month_again(dagged: DagsterEnv) -> None:
    dagged.add_calendar("2026-01", "knives")
    cursor = dagged.sensor("content_calendar_sensor").cursor
    dagged.add_calendar("2026-01", "knives", "pans")
    tick = dagged.sensor("content_calendar_sensor", cursor)
    assert [request.partition_key for request in tick.run_requests] == ["2026-01"]


def test_a_month_without_topics_is_skipped_naming_the_months_there_are(
    dagged: DagsterEnv,
) -> None:
    dagged.add_calendar("2026-02", "knives")
    dagged.add_calendar("2026-03", "pans")
    tick = dagged.sensor("content_calendar_sensor")
    assert tick.run_requests == []
    assert tick.skip_message == (
        "The calendar has no usable topic for 2026-01; it has 2026-02, 2026-03."
    )


def test_a_missing_calendar_is_skipped_naming_the_setting(dagged: DagsterEnv) -> None:
    tick = dagged.sensor("content_calendar_sensor")
    assert tick.run_requests == []
    assert "IG_CALENDAR" in tick.skip_message


# ── feedback_sensor ───────────────────────────────────────────────────────────


def test_a_winner_that_is_no_script_yet_starts_one_run_until_it_is(
    dagged: DagsterEnv,
) -> None:
    assert dagged.sensor("feedback_sensor").skip_message == (
        "Every winner is a script already."
    )
    _won(dagged)
    asked = dagged.sensor("feedback_sensor").run_requests
    assert [request.tags["ig/winners"] for request in asked] == ["1"]

    assert dagged.materialise("raw_scripts").success

    assert dagged.sensor("feedback_sensor").run_requests == []
    assert dagged.rows("SELECT script_id FROM scripts WHERE origin = 'winner'") == [
        {"script_id": "winner/v1"}
    ]


def test_an_inconclusive_test_starts_nothing(dagged: DagsterEnv) -> None:
    _won(dagged, decision="inconclusive")
    assert dagged.sensor("feedback_sensor").run_requests == []


def _won(dagged: DagsterEnv, decision: str = "provisional") -> None:
    dagged.write("variants", VARIANT)
    dagged.write("experiments", EXPERIMENT)
    dagged.write(
        "decisions",
        {
            "experiment_id": "e1",
            "decided_at": JANUARY,
            "decision": decision,
            "winner_variant_id": "v1" if decision == "provisional" else None,
            "winner_arm": "a",
            "winner_script_id": None,
            "winner_revision_hash": None,
        },
    )


# ── publishing_sensor ─────────────────────────────────────────────────────────


def test_finished_variants_without_a_plan_ask_for_their_month(
    dagged: DagsterEnv,
) -> None:
    assert dagged.sensor("publishing_sensor").skip_message == (
        "No variant waits for a plan and no post is due."
    )
    dagged.write("variants", VARIANT, VARIANT | {"variant_id": "v2", "arm": "b"})
    asked = dagged.sensor("publishing_sensor").run_requests
    assert [request.partition_key for request in asked] == ["2026-01"]


def test_a_half_polished_topic_waits_for_the_rest(dagged: DagsterEnv) -> None:
    dagged.write("drafts", *(DRAFT | {"variant_id": v} for v in ("v1", "v2", "v3")))
    dagged.write("variants", VARIANT, VARIANT | {"variant_id": "v2", "arm": "b"})
    assert dagged.sensor("publishing_sensor").run_requests == []


def test_an_approved_post_asks_for_its_month_when_its_slot_has_come(
    dagged: DagsterEnv,
) -> None:
    dagged.write("experiments", EXPERIMENT)
    dagged.write("posts", POST)
    dagged.clock.move_to(datetime(2026, 1, 10, 8, 59))
    assert dagged.sensor("publishing_sensor").run_requests == []
    dagged.clock.move_to(datetime(2026, 1, 10, 9))
    asked = dagged.sensor("publishing_sensor").run_requests
    assert [request.partition_key for request in asked] == ["2026-01"]


# ── fine_tune_status_sensor ───────────────────────────────────────────────────


def test_a_finished_job_asks_for_its_months_registration(dagged: DagsterEnv) -> None:
    dagged.write("fine_tune_jobs", JOB)
    asked = dagged.sensor("fine_tune_status_sensor").run_requests
    assert [request.partition_key for request in asked] == ["2026-01"]
    assert asked[0].run_key.startswith("job j1 ")


@pytest.mark.parametrize("status", ["refused", "failed"])
def test_a_refused_or_failed_job_starts_nothing(
    dagged: DagsterEnv, status: str
) -> None:
    dagged.write("fine_tune_jobs", JOB | {"status": status, "refusal": "no"})
    tick = dagged.sensor("fine_tune_status_sensor")
    assert (tick.run_requests, tick.skip_message) == (
        [],
        "0 jobs are still running, none has finished.",
    )


# ── promotion_sensor ──────────────────────────────────────────────────────────


def test_the_active_model_is_materialised_once(dagged: DagsterEnv) -> None:
    base = _base(dagged)
    first = dagged.sensor("promotion_sensor")
    again = dagged.sensor("promotion_sensor", first.cursor)
    assert [event.asset_key.to_user_string() for event in first.asset_events] == [
        "active_model"
    ]
    assert first.asset_events[0].metadata["model_id"].value == base
    assert again.asset_events == []
    assert again.skip_message == "No model is on trial as a canary."


def test_a_promotion_by_hand_is_noticed(dagged: DagsterEnv) -> None:
    _base(dagged)
    cursor = dagged.sensor("promotion_sensor").cursor
    dagged.write(
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
    dagged.write(
        "model_events",
        {
            "model_id": "better",
            "changed_at": JANUARY,
            "status": "candidate",
            "reason": "trained",
        },
    )
    promote(dagged.house.warehouse, dagged.clock, "better", "reads best aloud")

    tick = dagged.sensor("promotion_sensor", cursor)

    (event,) = tick.asset_events
    assert event.metadata["model_id"].value == "better"
    assert event.metadata["reason"].value == "reads best aloud"
    assert dagged.sensor("promotion_sensor", tick.cursor).asset_events == []


def test_a_promotion_starts_no_run(dagged: DagsterEnv) -> None:
    _base(dagged)
    assert dagged.sensor("promotion_sensor").run_requests == []


def test_before_there_is_a_model_the_promotion_sensor_skips(
    dagged: DagsterEnv,
) -> None:
    tick = dagged.sensor("promotion_sensor")
    assert (tick.asset_events, bool(tick.skip_message)) == ([], True)


def _base(dagged: DagsterEnv) -> str:
    return ensure_base_model(dagged.house.warehouse, dagged.clock, "openai", "m")


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
    dagged: DagsterEnv, name: str
) -> None:
    url = dagged.house.warehouse.url
    impatient = Warehouse(url, dagged.clock.now, lock_timeout_s=0.05)
    with FileLock(f"{impatient.path}.lock"):
        tick = dagged.sensor(name, warehouse=impatient)
    assert (tick.run_requests, tick.asset_events) == ([], [])
    assert "held by another process" in tick.skip_message
