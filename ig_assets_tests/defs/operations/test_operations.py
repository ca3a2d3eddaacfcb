"""Failed runs leave a row, and old keys are named but never printed."""

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


def failed_run(dagster_env: DagsterEnv) -> dg.ExecuteInProcessResult:
    """A month of generation without a calendar."""
    result = dagster_env.run("generate_month", "2026-01")
    assert not result.success
    return result


def notice(dagster_env: DagsterEnv, result: dg.ExecuteInProcessResult) -> None:
    """Let the run failure sensor look at a failed run, as the daemon would."""
    repository = dagster_env.definitions.get_repository_def()
    sensor = repository.get_sensor_def("run_failure_sensor")
    run = dagster_env.instance.get_run_by_id(result.run_id)
    assert run is not None
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_instance=dagster_env.instance,
        dagster_run=run,
        dagster_event=result.get_run_failure_event(),
    ).for_run_failure()
    sensor(context)


def test_a_failed_run_leaves_one_row_with_one_sentence(dagster_env: DagsterEnv) -> None:
    result = failed_run(dagster_env)
    notice(dagster_env, result)
    notice(dagster_env, result)
    assert dagster_env.rows(
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


def test_a_person_sees_the_sentence_as_the_runs_failure(
    dagster_env: DagsterEnv,
) -> None:
    result = failed_run(dagster_env)
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None and data.description == SENTENCE


def test_a_run_that_a_blocking_check_ended_leaves_the_checks_reason(
    dagster_env: DagsterEnv,
) -> None:
    """Dagster 1.13.27 gives such a failure no description of its own."""
    dagster_env.add_script("knives")
    assert dagster_env.materialise("raw_scripts").success
    dagster_env.execute("UPDATE scripts SET text = ' '")
    result = dagster_env.materialise("raw_scripts")
    assert not result.success
    notice(dagster_env, result)
    [row] = dagster_env.rows("SELECT step, sentence FROM run_failures")
    assert row["sentence"].startswith("raw_scripts: ")
    assert "1 active script" in row["sentence"]


def test_wrong_input_is_not_retried(dagster_env: DagsterEnv) -> None:
    events = failed_run(dagster_env).all_events
    assert not [e for e in events if e.is_step_up_for_retry or e.is_step_restarted]


def review_keys(dagster_env: DagsterEnv) -> dg.ExecuteInProcessResult:
    return dagster_env.run("key_rotation")


def let_keys_age(dagster_env: DagsterEnv, days: int) -> None:
    """Keys age in real time, which a test cannot wait for."""
    dagster_env.execute(
        "UPDATE key_sightings SET first_seen_at = "
        f"first_seen_at - INTERVAL {days} DAY"
    )


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [e for e in result.all_events if e.is_step_failure]
    data = event.step_failure_data.user_failure_data
    assert data is not None
    return str(data.description)


def test_a_key_of_ninety_days_fails_the_review_in_one_sentence(
    dagster_env: DagsterEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert review_keys(dagster_env).success
    let_keys_age(dagster_env, 89)
    assert review_keys(dagster_env).success
    let_keys_age(dagster_env, 1)
    assert failure(review_keys(dagster_env)) == (
        "Replace OPENAI_API_KEY (90 days, overdue) without downtime as docs/runbook.md "
        "says: make a new key at the vendor, set it as …_NEXT, revoke the old one, "
        "rename."
    )


@pytest.mark.parametrize(
    ("days", "passed", "severity"),
    [
        (74, True, dg.AssetCheckSeverity.WARN),
        (75, False, dg.AssetCheckSeverity.WARN),
        (90, False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_the_check_of_each_day_warns_of_a_key_before_the_review_fails(
    dagster_env: DagsterEnv,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    passed: bool,
    severity: dg.AssetCheckSeverity,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert review_keys(dagster_env).success
    let_keys_age(dagster_env, days)
    evaluation = dagster_env.check("api_usage", "keys_are_replaced_in_time")
    assert (evaluation.passed, evaluation.severity) == (passed, severity)
    assert ("OPENAI_API_KEY" in (evaluation.description or "")) and KEY not in str(
        evaluation
    )


def test_a_new_key_is_young_again(
    dagster_env: DagsterEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert review_keys(dagster_env).success
    let_keys_age(dagster_env, 91)
    monkeypatch.setenv("OPENAI_API_KEY", KEY[::-1])
    assert review_keys(dagster_env).success


def test_the_review_never_shows_a_key(
    dagster_env: DagsterEnv,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    results = [review_keys(dagster_env)]
    let_keys_age(dagster_env, 91)
    results.append(review_keys(dagster_env))
    logs = [
        str(entry)
        for result in results
        for entry in dagster_env.instance.all_logs(result.run_id)
    ]
    log = "\n".join(logs) + "".join(capfd.readouterr())
    assert "OPENAI_API_KEY" in log
    assert KEY not in log and KEY[:12] not in log
    assert dagster_env.rows("SELECT name FROM key_sightings") == [
        {"name": "OPENAI_API_KEY"}
    ]
