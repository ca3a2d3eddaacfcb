"""The monthly workflow's program, against Dagster's own GraphQL and a bare server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.testclient import TestClient

from ig_assets.defs.fine_tuning.automation import (
    fine_tune_month_job,
    monthly_fine_tune_schedule,
)
from tools import retrain
from tools.retrain import Dagster, RetrainError, Unanswered, month_before, run_of, watch

ROOT = Path(__file__).resolve().parent.parent.parent
MONTH = "2026-02"
QUEUED = """
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
"""


class Served(Dagster):
    """Asks a web application of this process."""

    def __init__(self, client: TestClient) -> None:
        super().__init__("http://localhost", "")
        self._client = client

    def post(self, body: dict[str, Any]) -> Any:
        return self._client.post("/graphql", json=body).json()


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """Runs are queued, and no daemon takes them."""
    home = tmp_path_factory.mktemp("home")
    (home / "dagster.yaml").write_text(QUEUED)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture(scope="module")
def deployment(instance: dg.DagsterInstance) -> Iterator[Served]:
    target = ModuleTarget(
        module_name="ig_assets_tests.deployment.monthly_location",
        attribute=None,
        working_directory=str(ROOT),
        location_name="ig_assets",
    )
    with WorkspaceProcessContext(instance, target) as workspace:
        yield Served(TestClient(create_app_from_workspace_process_context(workspace)))


def end(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_failed(run)


@pytest.mark.ui
def test_a_month_is_started_once_watched_and_started_again_after_a_failure(
    deployment: Served, instance: dg.DagsterInstance
) -> None:
    first = run_of(deployment, MONTH)
    run = instance.get_run_by_id(first)
    assert run is not None and run.job_name == "fine_tune_month"
    assert run.tags["dagster/partition"] == MONTH
    assert run_of(deployment, MONTH) == first
    assert run_of(deployment, "2026-01") != first

    asked: list[float] = []

    def fail(seconds: float) -> None:
        asked.append(seconds)
        end(instance, first)

    assert watch(deployment, first, sleep=fail) == "FAILURE"
    assert asked == [retrain.POLL_S]
    assert run_of(deployment, MONTH) != first


@pytest.mark.ui
def test_a_run_that_is_gone_is_an_error(
    deployment: Served,
) -> None:
    with pytest.raises(RetrainError, match="is gone"):
        watch(deployment, "00000000-0000-0000-0000-000000000000")


def test_the_program_starts_the_job_of_the_schedule() -> None:
    assert retrain.JOB == fine_tune_month_job.name
    assert monthly_fine_tune_schedule.cron_schedule == "0 0 1 * *"
    workflow = (ROOT / ".github" / "workflows" / "retrain.yml").read_text()
    assert '- cron: "0 0 1 * *"' in workflow


@pytest.mark.parametrize(
    ("now", "month"),
    [("2026-03-01T00:04", "2026-02"), ("2027-01-31T23:59", "2026-12")],
)
def test_the_month_is_the_one_that_has_ended(now: str, month: str) -> None:
    assert month_before(datetime.fromisoformat(now)) == month


class Answers(Dagster):
    """Answers from a list; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        super().__init__("http://localhost", "")
        self._answers = iter(answers)

    def post(self, body: dict[str, Any]) -> Any:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return {"data": {"runOrError": {"__typename": "Run", "status": answer}}}


def test_a_webserver_that_restarts_is_asked_again() -> None:
    answers = ("STARTED", *[Unanswered("no")] * 9, "STARTED", Unanswered("no"))
    assert watch(Answers(*answers, "SUCCESS"), "r", sleep=lambda s: None) == "SUCCESS"
    with pytest.raises(Unanswered):
        watch(Answers(*[Unanswered("no")] * 10), "r", sleep=lambda s: None)


def test_a_run_that_does_not_end_is_given_up() -> None:
    times = iter([0.0, 1.0, retrain.TIMEOUT_S + 1])
    with pytest.raises(RetrainError, match=r"within 5.5 hours \(STARTED\)"):
        watch(Answers("STARTED"), "r", sleep=lambda s: None, clock=lambda: next(times))


@pytest.mark.parametrize("url", ["", "http://dagster.example.com", "ftp://localhost"])
def test_a_token_is_sent_by_https_only(url: str) -> None:
    with pytest.raises(RetrainError, match="https://"):
        Dagster(url, "token")


class Bare(BaseHTTPRequestHandler):
    """`/login/…` redirects, `/down/…` is a proxy without its server."""

    seen: list[str] = []

    def do_POST(self) -> None:
        Bare.seen.append(f"{self.path} {self.headers['Authorization']}")
        status = 302 if "login" in self.path else 502 if "down" in self.path else 200
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"<html>")

    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def bare() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Bare)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    Bare.seen.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_token_does_not_follow_a_redirect_to_a_login(bare: str) -> None:
    with pytest.raises(RetrainError, match="answered 302; check DAGSTER_TOKEN"):
        Dagster(f"{bare}/login", "secret").post({})
    assert Bare.seen == ["/login/graphql Bearer secret"]


def test_a_page_that_is_not_dagster_and_a_proxy_without_it_are_told_apart(
    bare: str,
) -> None:
    with pytest.raises(RetrainError, match="is not Dagster's"):
        Dagster(bare, "secret").post({})
    with pytest.raises(Unanswered, match="answered 502"):
        Dagster(f"{bare}/down", "secret").post({})
