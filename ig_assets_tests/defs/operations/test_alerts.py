"""The daemon tells people: of a failed run, a failed check, a budget, an invoice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import dagster as dg
import pytest

from ig_assets_tests.defs.operations.test_operations import SENTENCE, failed_run, notice
from ig_assets_tests.defs.ticking import DagsterEnv
from ig_assets_tests.stand_ins.webhook_server import Inbox, webhook_server

UI = "https://dagster.example.org"


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    with webhook_server() as inbox:
        monkeypatch.setenv("IG_ALERT_WEBHOOK", inbox.url)
        monkeypatch.setenv("IG_UI_URL", UI)
        yield inbox


def tick(dagster_env: DagsterEnv) -> str:
    """The reason of one tick of the sensor."""
    return str(dagster_env.sensor("alert_sensor").skip_message)


def test_a_failed_run_is_one_message_with_its_sentence_and_its_page(
    dagster_env: DagsterEnv, inbox: Inbox
) -> None:
    result = failed_run(dagster_env)
    notice(dagster_env, result)
    notice(dagster_env, failed_run(dagster_env))
    assert inbox.texts == [
        f"generate_month failed at topics: {SENTENCE} "
        f"<{UI}/runs/{result.run_id}|Open it in Dagster>. "
        "Help: `docs/runbook.md#a-file-or-an-argument-cannot-be-used`"
    ]
    assert dagster_env.rows("SELECT status, repeats FROM alerts") == [
        {"status": "sent", "repeats": 1}
    ]


def test_people_are_told_also_where_the_warehouse_cannot_be_written(
    dagster_env: DagsterEnv, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = failed_run(dagster_env)
    monkeypatch.setenv("IG_DATA_DIR", "/proc/none")
    notice(dagster_env, result)
    assert len(inbox.texts) == 1 and SENTENCE in inbox.texts[0]


def test_a_failed_check_is_told_once_and_not_while_it_passes(
    dagster_env: DagsterEnv, inbox: Inbox
) -> None:
    assert tick(dagster_env) == "Nothing is new."
    name = dg.AssetCheckKey(dg.AssetKey("api_usage"), "spending_is_within_budget")

    def evaluate(passed: bool) -> None:
        dagster_env.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=name.asset_key,
                check_name=name.name,
                passed=passed,
                metadata={},
                description="91% of day:usd=5 is spent.",
            )
        )

    evaluate(True)
    assert tick(dagster_env) == "Nothing is new."
    evaluate(False)
    assert tick(dagster_env) == "Alerts sent: 1."
    assert tick(dagster_env) == "Nothing is new."
    evaluate(False)
    assert tick(dagster_env) == "Nothing is new.", "within a day"
    (text,) = inbox.texts
    assert text.startswith(
        "The check spending_is_within_budget of api_usage failed. 91% of day:usd=5 is "
        f"spent. <{UI}/assets/api_usage?view=checks|Open it in Dagster>."
    )


def test_a_budget_is_told_by_the_sensor_and_what_did_not_arrive_again(
    dagster_env: DagsterEnv, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IG_BUDGETS", "ever:usd=5")
    call = {"call_id": "a", "operation": "polish", "status": "done", "cost_usd": 4.5}
    dagster_env.write("api_calls", call | {"called_at": datetime(2026, 1, 1)})
    inbox.status = 503
    assert tick(dagster_env) == "Nothing is new."
    inbox.status = 200
    dagster_env.execute("UPDATE alerts SET tried_at = tried_at - INTERVAL 1 HOUR")
    assert tick(dagster_env) == "Alerts sent: 1."
    assert [text[:32] for text in inbox.texts] == ["90% of the budget ever:usd=5 is "]


def test_without_a_channel_the_sensor_says_which_settings_there_are(
    dagster_env: DagsterEnv,
) -> None:
    assert "IG_ALERT_WEBHOOK, IG_ALERT_EMAIL" in tick(dagster_env)
    assert dagster_env.rows("SELECT * FROM alerts") == []


def test_the_invoices_of_last_month_are_named_once_with_what_to_type(
    dagster_env: DagsterEnv, inbox: Inbox
) -> None:
    assert dagster_env.run("invoice_review").success and inbox.texts == []
    dagster_env.execute("""
        INSERT INTO api_calls (call_id, provider, status, cost_usd, called_at)
        SELECT p, p, 'done', 1.5,
            date_trunc('month', now()::TIMESTAMP) - INTERVAL 1 DAY
        FROM (VALUES ('openai'), ('local')) AS t(p)
        """)
    assert dagster_env.run("invoice_review").success
    assert dagster_env.run("invoice_review").success
    (text,) = inbox.texts
    assert "openai USD 1.50" in text and "`ig-assets costs --reconcile FILE`" in text
    assert "docs/runbook.md#the-monthly-invoice-review" in text
