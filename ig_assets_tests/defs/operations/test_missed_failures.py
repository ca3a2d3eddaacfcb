"""A failed run keeps its row and its alert where the sensor could write neither."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from filelock import FileLock

from ig_assets.adapters.simulated.clocks import SystemClock
from ig_assets.defs.operations import alerts
from ig_assets.run_tags import HEADLESS_RUN
from ig_assets.settings import load_settings
from ig_assets_tests.defs.operations.test_alerts import inbox, tick
from ig_assets_tests.defs.operations.test_operations import SENTENCE, failed_run, notice
from ig_assets_tests.defs.ticking import DagsterEnv
from ig_assets_tests.stand_ins.webhook_server import Inbox

__all__ = ["inbox"]

ROWS = "SELECT run_id, step, sentence FROM run_failures"
LATER = "Rows of failed runs written later: 1."


@pytest.fixture(autouse=True)
def _wait_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "TICK_WAIT_S", 0.05)


@contextmanager
def busy(dagster_env: DagsterEnv) -> Iterator[None]:
    """The warehouse as while another process writes."""
    dagster_env.services.warehouse.close()
    with FileLock(f"{load_settings().data_dir / 'warehouse.duckdb'}.lock"):
        yield


def tags(dagster_env: DagsterEnv, result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """What the run's tags say of its row and alert."""
    run = dagster_env.instance.get_run_by_id(result.run_id)
    assert run is not None
    return {k: v for k, v in run.tags.items() if k.startswith("ig/failure")}


def test_a_row_that_a_busy_warehouse_refused_is_written_later(
    dagster_env: DagsterEnv,
) -> None:
    result = failed_run(dagster_env)
    with busy(dagster_env):
        notice(dagster_env, result)
    assert dagster_env.rows(ROWS) == []
    assert tick(dagster_env).startswith(LATER)
    assert dagster_env.rows(ROWS) == [
        {"run_id": result.run_id, "step": "topics", "sentence": SENTENCE}
    ]
    assert not tick(dagster_env).startswith(LATER)


def test_an_alert_that_arrived_without_a_row_is_not_sent_twice(
    dagster_env: DagsterEnv, inbox: Inbox
) -> None:
    result = failed_run(dagster_env)
    with busy(dagster_env):
        notice(dagster_env, result)
    assert len(inbox.texts) == 1
    assert tick(dagster_env) == LATER
    assert len(inbox.texts) == 1


def test_an_alert_that_no_channel_took_while_the_warehouse_was_busy_is_sent_later(
    dagster_env: DagsterEnv, inbox: Inbox
) -> None:
    result = failed_run(dagster_env)
    inbox.status = 500
    with busy(dagster_env):
        notice(dagster_env, result)
    assert tags(dagster_env, result) == {
        "ig/failure_row": "missing",
        "ig/failure_alert": "missing",
    }
    inbox.status = 200
    tick(dagster_env)
    assert len(inbox.texts) == 1 and SENTENCE in inbox.texts[0]
    tick(dagster_env)
    assert len(inbox.texts) == 1


def test_wrong_settings_lose_no_failure(
    dagster_env: DagsterEnv, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = failed_run(dagster_env)
    with monkeypatch.context() as wrong:
        wrong.setenv("IG_BUDGETS", "much")
        notice(dagster_env, result)
    assert inbox.texts == []
    tick(dagster_env)
    assert [row["run_id"] for row in dagster_env.rows(ROWS)] == [result.run_id]
    assert len(inbox.texts) == 1


def test_a_run_that_is_executed_again_does_not_inherit_a_missing_row(
    dagster_env: DagsterEnv,
) -> None:
    """Dagster 1.13.27 copies a run's tags to the run that executes it again."""
    again = dagster_env.definitions.resolve_job_def("generate_month")
    result = again.execute_in_process(
        instance=dagster_env.instance,
        partition_key="2026-01",
        tags={alerts.FAILURE_ROW: "missing", alerts.FAILURE_ALERT: "missing"},
        raise_on_error=False,
    )
    notice(dagster_env, result)
    assert set(tags(dagster_env, result).values()) == {"done"}
    assert not tick(dagster_env).startswith(LATER)


def test_a_run_that_failed_before_the_sensors_first_tick_gets_row_and_alert(
    dagster_env: DagsterEnv, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster 1.13.27 begins with what fails after the first tick of such a sensor."""
    result = failed_run(dagster_env)
    assert not tick(dagster_env).startswith(LATER)  # the sensor may be about to look
    later = SystemClock().now() + timedelta(minutes=10)
    monkeypatch.setattr(SystemClock, "now", lambda clock: later)
    assert tick(dagster_env).startswith(LATER)
    assert [row["run_id"] for row in dagster_env.rows(ROWS)] == [result.run_id]
    assert len(inbox.texts) == 1 and SENTENCE in inbox.texts[0]
    notice(dagster_env, result)
    assert len(inbox.texts) == 1


def test_a_commands_failure_before_the_first_tick_gets_its_row_too(
    dagster_env: DagsterEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    dagster_env.definitions.resolve_job_def("generate_month").execute_in_process(
        instance=dagster_env.instance,
        partition_key="2026-01",
        tags=HEADLESS_RUN,
        raise_on_error=False,
    )
    later = SystemClock().now() + timedelta(minutes=10)
    monkeypatch.setattr(SystemClock, "now", lambda clock: later)
    assert tick(dagster_env).startswith(LATER)
    assert len(dagster_env.rows(ROWS)) == 1


def test_on_the_systems_clock_a_row_has_the_time_of_the_failure(
    dagster_env: DagsterEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IG_CLOCK", "system")
    result = failed_run(dagster_env)
    notice(dagster_env, result)
    record = dagster_env.instance.get_run_record_by_id(result.run_id)
    assert record is not None and record.end_time is not None
    ended = datetime.fromtimestamp(record.end_time, UTC).replace(tzinfo=None)
    assert dagster_env.rows("SELECT failed_at FROM run_failures") == [
        {"failed_at": ended}
    ]


def test_an_alert_is_the_same_however_long_the_retries_took(
    dagster_env: DagsterEnv, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds in (16, 17):
        result = failed_run(dagster_env)
        failure = alerts._Failure(
            "topics",
            f"openai cannot be reached. 5 attempts were made over {seconds} seconds.",
            "a-vendor-does-not-answer",
        )
        monkeypatch.setattr(alerts, "_failure", lambda *_, found=failure: found)
        notice(dagster_env, result)
    assert len(inbox.texts) == 1
    assert "docs/runbook.md#a-vendor-does-not-answer" in inbox.texts[0]


def test_on_the_systems_clock_a_late_row_has_the_time_of_the_failure(
    dagster_env: DagsterEnv,
) -> None:
    result = failed_run(dagster_env)
    with busy(dagster_env):
        notice(dagster_env, result)
    settings = load_settings(clock="system")
    assert settings.uses_simulated_clock is False
    clock = SystemClock()
    assert alerts.write_missing_failures(
        dagster_env.instance, settings, dagster_env.services.warehouse, clock, clock
    )
    record = dagster_env.instance.get_run_record_by_id(result.run_id)
    assert record is not None and record.end_time is not None
    ended = datetime.fromtimestamp(record.end_time, UTC).replace(tzinfo=None)
    assert dagster_env.rows("SELECT failed_at FROM run_failures") == [
        {"failed_at": ended}
    ]
