"""Failed runs leave a row, and old keys are named but never shown."""

from __future__ import annotations

from datetime import datetime

import dagster as dg
import pytest

from ig_assets_tests.defs.ticking import DagsterEnv

KEY = "sk-never-to-be-seen-0123456789abcdef"
SENTENCE = (
    "The content calendar 'calendar' of IG_CALENDAR does not exist; create it or "
    "point IG_CALENDAR at a YAML or CSV file or a folder of them."
)


def failed_run(dagged: DagsterEnv) -> dg.ExecuteInProcessResult:
    """A month of generation without a calendar."""
    result = dagged.run("generate_month", "2026-01")
    assert not result.success
    return result


def notice(dagged: DagsterEnv, result: dg.ExecuteInProcessResult) -> None:
    """Let the run failure sensor look at a failed run, as the daemon would."""
    repository = dagged.definitions.get_repository_def()
    sensor = repository.get_sensor_def("run_failure_sensor")
    run = dagged.instance.get_run_by_id(result.run_id)
    assert run is not None
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_instance=dagged.instance,
        dagster_run=run,
        dagster_event=result.get_run_failure_event(),
    ).for_run_failure()
    sensor(context)


def test_a_failed_run_leaves_one_row_with_one_sentence(dagged: DagsterEnv) -> None:
    result = failed_run(dagged)
    notice(dagged, result)
    notice(dagged, result)
    assert dagged.rows(
        "SELECT run_id, job, step, sentence, failed_at FROM run_failures"
    ) == [
        {
            "run_id": result.run_id,
            "job": "generate_month",
            "step": "topics",
            "sentence": SENTENCE,
            "failed_at": datetime(2026, 1, 1),
        }
    ]


def test_a_person_sees_the_sentence_as_the_runs_failure(dagged: DagsterEnv) -> None:
    result = failed_run(dagged)
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None and data.description == SENTENCE


def test_wrong_input_is_not_retried(dagged: DagsterEnv) -> None:
    events = failed_run(dagged).all_events
    assert not [e for e in events if e.is_step_up_for_retry or e.is_step_restarted]


def review_keys(dagged: DagsterEnv) -> dg.ExecuteInProcessResult:
    return dagged.run("key_rotation")


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [e for e in result.all_events if e.is_step_failure]
    data = event.step_failure_data.user_failure_data
    assert data is not None
    return str(data.description)


def test_a_key_of_more_than_ninety_days_fails_the_review_in_one_sentence(
    dagged: DagsterEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert review_keys(dagged).success
    dagged.clock.move_to(datetime(2026, 4, 1))
    assert review_keys(dagged).success
    dagged.clock.move_to(datetime(2026, 4, 2))
    assert failure(review_keys(dagged)) == (
        "Rotate OPENAI_API_KEY (91 days): make a new key at the vendor, set it, "
        "revoke the old."
    )


def test_a_new_key_is_young_again(
    dagged: DagsterEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert review_keys(dagged).success
    dagged.clock.move_to(datetime(2026, 4, 2))
    monkeypatch.setenv("OPENAI_API_KEY", KEY[::-1])
    assert review_keys(dagged).success


def test_the_review_never_shows_a_key(
    dagged: DagsterEnv,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    results = [review_keys(dagged)]
    dagged.clock.move_to(datetime(2026, 4, 2))
    results.append(review_keys(dagged))
    logs = [
        str(entry)
        for result in results
        for entry in dagged.instance.all_logs(result.run_id)
    ]
    said = "\n".join(logs) + "".join(capfd.readouterr())
    assert "OPENAI_API_KEY" in said
    assert KEY not in said and KEY[:12] not in said
    assert dagged.rows("SELECT name FROM key_sightings") == [{"name": "OPENAI_API_KEY"}]
