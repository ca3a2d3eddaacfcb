"""Runs of a command are runs like all others in Dagster's UI, asked through GraphQL."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import (
    QueuedRunCoordinatorDaemon,
)
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.testclient import TestClient

from ig_assets.headless.runner import RunFailedError, open_headless
from ig_assets.settings import load_settings
from ig_assets.workspace import WORKSPACE
from ig_assets_tests.headless.loop_fixtures import PATIENCE_S, new_loop
from ig_assets_tests.headless.loops.test_interrupted import started
from ig_assets_tests.stand_ins.openai_server import RESPONSES, OpenAIStandIn

pytestmark = pytest.mark.ui

# What Overview, the timeline and the page of a job ask for.
OF_THE_LOCATION = """
query { repositoryOrError(repositorySelector: {
    repositoryName: "__repository__", repositoryLocationName: "ig_assets"
}) { ... on Repository { pipelines { name runs(limit: 100) { runId } } } } }
"""
RUN = """
query Run($id: ID!) { runOrError(runId: $id) { ... on Run {
    runId status parentRunId hasReExecutePermission hasTerminatePermission
    canTerminate
    repositoryOrigin { repositoryName repositoryLocationName }
    tags { key value }
} } }
"""
AGAIN = """
mutation Again($id: String!, $strategy: ReexecutionStrategy!) {
    launchRunReexecution(reexecutionParams: {
        parentRunId: $id, strategy: $strategy
    }) {
        __typename
        ... on LaunchRunSuccess { run { runId } }
        ... on PythonError { message }
        ... on RunConfigValidationInvalid { errors { message } }
    }
}
"""
TERMINATE = """
mutation Stop($id: String!) { terminateRun(runId: $id) {
    __typename
    ... on TerminateRunFailure { message }
} }
"""
SCRIPT = "---\nhook: {hook}\n---\nSlice it thin.\n"


@dataclass
class Ui:
    """The webserver on the instance of a data folder, and the daemon's queue."""

    instance: dg.DagsterInstance
    workspace: WorkspaceProcessContext
    client: TestClient

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        sent = {"query": query, "variables": variables}
        answer = self.client.post("/graphql", json=sent).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def run(self, run_id: str) -> Any:
        """A run as its page shows it."""
        return self.ask(RUN, id=run_id)["runOrError"]

    def again(self, run_id: str, strategy: str) -> Any:
        """Re-execute a run, wait for its end, and return it."""
        launched = self.ask(AGAIN, id=run_id, strategy=strategy)["launchRunReexecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        new = launched["run"]["runId"]
        with QueuedRunCoordinatorDaemon(interval_seconds=1) as daemon:
            assert not any(daemon.run_iteration(self.workspace))
        wait_until(lambda: self.run(new)["status"] in ("SUCCESS", "FAILURE"))
        return self.run(new)


def wait_until(came: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not came():
        assert time.monotonic() < give_up
        time.sleep(0.05)


@pytest.fixture(scope="module")
def stand_in() -> Iterator[OpenAIStandIn]:
    with OpenAIStandIn() as found:
        yield found


@pytest.fixture(scope="module")
def environment(
    tmp_path_factory: pytest.TempPathFactory, stand_in: OpenAIStandIn
) -> Iterator[dict[str, str]]:
    """The settings of a data folder with a library of one script."""
    folder = tmp_path_factory.mktemp("recorded")
    library = folder / "scripts"
    library.mkdir()
    (library / "knife.md").write_text(SCRIPT.format(hook="Cut it in five seconds"))
    loop = new_loop(folder, stand_in)
    names = ("IG_", "OPENAI_", "DAGSTER_")
    ours = {k: v for k, v in loop.env.items() if k.startswith(names)}
    ours |= {"IG_LIBRARY": str(library), "DAGSTER_HOME": str(loop.dagster_home)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ours.items():
            patch.setenv(name, value)
        yield {**os.environ, **ours}


@pytest.fixture(scope="module")
def ui(environment: dict[str, str]) -> Iterator[Ui]:
    target = ModuleTarget(
        module_name="ig_assets.definitions",
        attribute=None,
        working_directory=str(WORKSPACE),
        location_name="ig_assets",
    )
    with (
        dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance,
        WorkspaceProcessContext(instance, target) as workspace,
    ):
        app = create_app_from_workspace_process_context(workspace)
        yield Ui(instance, workspace, TestClient(app))


def test_a_run_of_a_command_belongs_to_its_job_and_can_be_executed_again(
    ui: Ui,
) -> None:
    with open_headless(load_settings()) as headless:
        run_id = headless.materialise(["raw_scripts"]).run_id
    found = ui.run(run_id)
    assert found["status"] == "SUCCESS"
    assert found["repositoryOrigin"] == {
        "repositoryName": "__repository__",
        "repositoryLocationName": "ig_assets",
    }
    jobs = ui.ask(OF_THE_LOCATION)["repositoryOrError"]["pipelines"]
    assert [run_id] in [[r["runId"] for r in job["runs"]] for job in jobs]
    again = ui.again(run_id, "ALL_STEPS")
    assert (again["status"], again["parentRunId"]) == ("SUCCESS", run_id)


def test_a_failed_run_of_a_command_can_go_on_from_its_failure(
    ui: Ui, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("IG_LIBRARY", os.environ["IG_LIBRARY"] + "-moved-away")
        with open_headless(load_settings()) as headless, pytest.raises(RunFailedError):
            headless.materialise(["raw_scripts"])
    [failed] = ui.instance.get_runs(
        filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])
    )
    again = ui.again(failed.run_id, "FROM_FAILURE")
    assert (again["status"], again["parentRunId"]) == ("SUCCESS", failed.run_id)


def test_who_started_a_run_is_said(ui: Ui) -> None:
    with open_headless(load_settings()) as headless:
        by_sensor = headless.tick_sensor("content_calendar_sensor")
    assert by_sensor
    tags = {tag["key"]: tag["value"] for tag in ui.run(by_sensor[0].run_id)["tags"]}
    assert tags["dagster/sensor_name"] == "content_calendar_sensor"


def test_a_run_of_a_command_is_stopped_by_the_ui(
    ui: Ui, environment: dict[str, str], stand_in: OpenAIStandIn, tmp_path: Path
) -> None:
    loop = new_loop(tmp_path, stand_in)
    loop.env.update(environment)
    stand_in.delay_s = 0.3  # so that it is stopped while it waits for an answer
    before = stand_in.requests[RESPONSES]
    process = started(loop, "generate", "honing rods", "--month", "2026-01")
    try:
        wait_until(
            lambda: (
                stand_in.requests[RESPONSES] > before or process.poll() is not None
            )
        )
        [run] = ui.instance.get_runs(
            filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
        )
        assert ui.run(run.run_id)["canTerminate"]
        answer = ui.ask(TERMINATE, id=run.run_id)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130, out + err
    assert "What was done is kept" in err
    assert ui.run(run.run_id)["status"] == "CANCELED"
