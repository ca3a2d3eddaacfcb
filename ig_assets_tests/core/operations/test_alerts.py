"""People are told once, by every channel, and again of what did not arrive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ig_assets.adapters.alert_channels import Mail, Webhook
from ig_assets.core.costs.budget import parse_budgets
from ig_assets.core.operations.alerts import GIVE_UP_AFTER, Alerts
from ig_assets.core.ports.alerting import REPEAT_AFTER, Alert
from ig_assets.core.reports.costs.budget_alerts import budget_alerts
from ig_assets.errors import AccessError, RefusedError, TransientVendorError
from ig_assets.warehouse.rows import fetch_dicts, merge_rows
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.factories.warehouses import migrated_warehouse
from ig_assets_tests.stand_ins.smtp_server import Mailbox, mail_server
from ig_assets_tests.stand_ins.webhook_server import Inbox, webhook_server

MORNING = datetime(2026, 5, 31, 9)
ALERT = Alert(
    "run:generate_month:topics",
    "run-1",
    "generate_month failed at topics: <The> calendar & all.\nSecond line ü.",
    "a-run-failed",
    "https://dagster.example.org/runs/run-1",
)


class Clock:
    def __init__(self) -> None:
        self.present = MORNING

    def now(self) -> datetime:
        return self.present

    def wait(self, span: timedelta) -> None:
        self.present += span


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def warehouse(tmp_path: Path, clock: Clock) -> Warehouse:
    return migrated_warehouse(tmp_path / "w.duckdb", clock.now)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with webhook_server() as inbox:
        yield inbox


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


def mail(box: Mailbox, **more: Any) -> Mail:
    fields: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": box.port,
        "sender": "ig@example.org",
        "recipients": ("ana@example.org", "bo@example.org"),
        "tls": "none",
    }
    return Mail(**fields | more)


def rows(warehouse: Warehouse) -> list[dict[str, Any]]:
    with warehouse.transaction() as con:
        return fetch_dicts(con, "SELECT * FROM alerts ORDER BY raised_at")


def other(reference: str) -> Alert:
    return Alert(ALERT.key, reference, ALERT.sentence, ALERT.section)


def test_an_alert_arrives_by_webhook_and_by_mail_with_sentence_link_and_section(
    warehouse: Warehouse, clock: Clock, inbox: Inbox, box: Mailbox
) -> None:
    code = "https://git.example.org/ig"
    channels = [Webhook(inbox.url, code), mail(box, code_url=code)]
    assert Alerts(warehouse, clock, channels).tell(ALERT)
    assert inbox.texts == [
        "generate_month failed at topics: &lt;The&gt; calendar &amp; all.\n"
        "Second line ü. <https://dagster.example.org/runs/run-1|Open it in Dagster>. "
        "Help: <https://git.example.org/ig/docs/runbook.md#a-run-failed|runbook>"
    ]
    (message,) = box.messages
    assert box.recipients == [["ana@example.org", "bo@example.org"]]
    assert message["Subject"] == (
        "ig_assets: generate_month failed at topics: <The> calendar & all. "
        "Second line ü."
    )
    body = message.get_content().replace("\r\n", "\n")
    assert ALERT.sentence in body and ALERT.link in body
    assert "https://git.example.org/ig/docs/runbook.md#a-run-failed" in body
    (row,) = rows(warehouse)
    assert (row["status"], row["channels_left"], row["repeats"]) == ("sent", "", 0)


def test_the_same_run_is_told_once_and_another_like_it_only_after_a_day(
    warehouse: Warehouse, clock: Clock, inbox: Inbox
) -> None:
    alerts = Alerts(warehouse, clock, [Webhook(inbox.url)])
    assert alerts.tell(ALERT) and not alerts.tell(ALERT)
    clock.wait(REPEAT_AFTER - timedelta(seconds=1))
    assert not alerts.tell(other("run-2"))
    assert [row["repeats"] for row in rows(warehouse)] == [1]
    clock.wait(timedelta(seconds=1))
    assert not alerts.tell(other("run-2")), "it is known, only not told"
    assert alerts.tell(other("run-3"))
    assert len(inbox.texts) == 2


def test_what_a_channel_did_not_take_is_sent_again_there_alone(
    warehouse: Warehouse, clock: Clock, inbox: Inbox, box: Mailbox
) -> None:
    alerts = Alerts(warehouse, clock, [Webhook(inbox.url), mail(box)])
    inbox.status = 503
    assert not alerts.tell(ALERT)
    (row,) = rows(warehouse)
    assert (row["status"], row["channels_left"]) == ("pending", "webhook")
    assert row["detail"] == "The alert webhook answers 503."
    inbox.status = 200
    assert alerts.tell_again() == 0, "another process may be at it"
    clock.wait(timedelta(minutes=2))
    assert alerts.tell_again() == 1 and alerts.tell_again() == 0
    assert (len(inbox.texts), len(box.messages)) == (1, 1)
    assert [row["status"] for row in rows(warehouse)] == ["sent"]


def test_an_alert_that_nobody_takes_for_a_day_is_given_up(
    warehouse: Warehouse, clock: Clock, inbox: Inbox
) -> None:
    alerts = Alerts(warehouse, clock, [Webhook(inbox.url)])
    inbox.status = 500
    alerts.tell(ALERT)
    clock.wait(GIVE_UP_AFTER)
    assert alerts.tell_again() == 0
    assert [row["status"] for row in rows(warehouse)] == ["failed"]


def test_a_process_that_died_before_it_sent_is_made_good(
    warehouse: Warehouse, clock: Clock, inbox: Inbox
) -> None:
    class Died(BaseException):
        pass

    class Dying:
        name = "webhook"

        def send(self, alert: Alert) -> None:
            raise Died

    with pytest.raises(Died):
        Alerts(warehouse, clock, [Dying()]).tell(ALERT)
    clock.wait(timedelta(minutes=2))
    assert Alerts(warehouse, clock, [Webhook(inbox.url)]).tell_again() == 1
    assert len(inbox.texts) == 1


def test_an_alert_dated_ahead_by_a_wrong_clock_silences_none_after_it(
    warehouse: Warehouse, clock: Clock, inbox: Inbox
) -> None:
    alerts = Alerts(warehouse, clock, [Webhook(inbox.url)])
    clock.wait(timedelta(days=365))
    assert alerts.tell(ALERT)
    clock.wait(timedelta(days=-365))
    assert alerts.tell(other("run-2")) and not alerts.tell(other("run-3"))
    assert [row["repeats"] for row in rows(warehouse)] == [1, 0]
    clock.wait(REPEAT_AFTER)
    assert alerts.tell(other("run-4"))


def test_a_pending_alert_dated_ahead_is_sent_again_and_given_up_after_a_day(
    warehouse: Warehouse, clock: Clock, inbox: Inbox
) -> None:
    alerts = Alerts(warehouse, clock, [Webhook(inbox.url)])
    inbox.status = 503
    clock.wait(timedelta(days=365))
    alerts.tell(ALERT)
    clock.wait(timedelta(days=2))
    alerts.tell(other("run-2"))
    clock.wait(timedelta(days=-367))
    alerts.tell(other("run-3"))
    assert alerts.tell_again() == 0
    dates = [row["raised_at"] for row in rows(warehouse)]
    assert len(set(dates)) == 3 and max(dates) - min(dates) < timedelta(seconds=1)
    clock.wait(timedelta(hours=1))
    inbox.status = 200
    assert alerts.tell_again() == 3 and len(inbox.texts) == 3


def test_what_only_a_wrong_clock_raised_is_given_up_a_day_after_it_is_found(
    warehouse: Warehouse, clock: Clock, inbox: Inbox
) -> None:
    alerts = Alerts(warehouse, clock, [Webhook(inbox.url)])
    inbox.status = 503
    clock.wait(timedelta(days=365))
    alerts.tell(ALERT)
    clock.wait(timedelta(days=-365))
    assert alerts.tell_again() == 0
    clock.wait(GIVE_UP_AFTER)
    assert alerts.tell_again() == 0
    assert [row["status"] for row in rows(warehouse)] == ["failed"]


def test_an_alert_whose_channel_was_replaced_goes_through_the_new_one(
    warehouse: Warehouse, clock: Clock, inbox: Inbox, box: Mailbox
) -> None:
    inbox.status = 503
    Alerts(warehouse, clock, [Webhook(inbox.url)]).tell(ALERT)
    clock.wait(timedelta(minutes=2))
    assert Alerts(warehouse, clock, []).tell_again() == 0
    assert [row["status"] for row in rows(warehouse)] == ["pending"]
    assert Alerts(warehouse, clock, [mail(box)]).tell_again() == 1
    assert len(box.messages) == 1
    assert [row["status"] for row in rows(warehouse)] == ["sent"]


def test_without_a_channel_nothing_is_written(
    warehouse: Warehouse, clock: Clock
) -> None:
    assert not Alerts(warehouse, clock, []).tell(ALERT)
    assert rows(warehouse) == []


# ── channels ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, AccessError), (429, TransientVendorError), (400, RefusedError)],
)
def test_a_webhook_that_refuses_is_a_sentence_without_its_address(
    inbox: Inbox, status: int, kind: type[Exception]
) -> None:
    inbox.status = status
    with pytest.raises(kind, match=str(status)) as caught:
        Webhook(inbox.url).send(ALERT)
    assert "planted" not in str(caught.value) and caught.value.__context__ is None


def test_a_webhook_that_is_not_there_is_a_sentence_without_its_address() -> None:
    with webhook_server() as gone:
        pass
    with pytest.raises(TransientVendorError, match="ConnectError") as caught:
        Webhook(gone.url).send(ALERT)
    assert "planted" not in str(caught.value) and caught.value.__context__ is None
    assert "planted" not in repr(Webhook(gone.url))


def test_a_mail_server_asks_for_a_login() -> None:
    with mail_server(login=("ana", "s3cr3t-9")) as box:
        mail(box, user="ana", password="s3cr3t-9").send(ALERT)
        assert len(box.messages) == 1
        with pytest.raises(AccessError, match="refuses the login") as caught:
            mail(box, user="ana", password="wrong-9").send(ALERT)
        assert "wrong-9" not in str(caught.value)


def test_a_server_without_encryption_is_given_no_password(box: Mailbox) -> None:
    with pytest.raises(AccessError, match="IG_SMTP_TLS=starttls"):
        mail(box, tls="starttls", user="ana", password="s3cr3t-9").send(ALERT)
    assert box.messages == []


def test_a_refused_address_is_logged_and_the_others_are_told_once(
    warehouse: Warehouse, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with mail_server(refused=frozenset({"bo@example.org"})) as box:
        alerts = Alerts(warehouse, clock, [mail(box)])
        assert alerts.tell(ALERT)
        clock.wait(timedelta(minutes=10))
        assert alerts.tell_again() == 0
        assert box.recipients == [["ana@example.org"]]
        assert "refuses 1 of 2 addresses" in caplog.text
        with pytest.raises(RefusedError, match="refuses every address"):
            mail(box, recipients=("bo@example.org",)).send(ALERT)
    with pytest.raises(TransientVendorError, match="cannot be reached"):
        mail(box).send(ALERT)


# ── budgets ───────────────────────────────────────────────────────────────────


def spend(warehouse: Warehouse, call_id: str, usd: float, at: datetime) -> None:
    call = {
        "call_id": call_id,
        "operation": "generate",
        "status": "done",
        "cost_usd": usd,
        "input_tokens": 0,
        "output_tokens": 0,
        "called_at": at,
    }
    with warehouse.transaction() as con:
        merge_rows(con, "api_calls", [call])


def told_of_budgets(warehouse: Warehouse, clock: Clock, inbox: Inbox) -> list[str]:
    alerts = Alerts(warehouse, clock, [Webhook(inbox.url)])
    budgets = parse_budgets("day:usd=5, run:usd=1, ever:usd=100")
    before = len(inbox.texts)
    with warehouse.transaction() as con:
        found = budget_alerts(con, budgets, clock.now())
    for alert in found:
        alerts.tell(alert)
    return [text.partition(" Help")[0] for text in inbox.texts[before:]]


def test_a_budget_is_told_at_four_fifths_and_at_its_end_once_a_period(
    warehouse: Warehouse, clock: Clock, inbox: Inbox
) -> None:
    spend(warehouse, "a", 3.99, MORNING)
    assert told_of_budgets(warehouse, clock, inbox) == []
    spend(warehouse, "b", 0.01, MORNING)
    assert told_of_budgets(warehouse, clock, inbox) == [
        "80% of the budget day:usd=5 is spent or reserved (USD 4.0000)."
    ]
    assert told_of_budgets(warehouse, clock, inbox) == []
    spend(warehouse, "c", 1.0, MORNING)
    (text,) = told_of_budgets(warehouse, clock, inbox)
    assert text.startswith("100% of the budget day:usd=5 is spent (USD 5.0000); calls")
    clock.wait(timedelta(hours=20))  # the next day, less than a day later
    assert told_of_budgets(warehouse, clock, inbox) == []
    spend(warehouse, "d", 4.5, clock.now())
    assert len(told_of_budgets(warehouse, clock, inbox)) == 1
