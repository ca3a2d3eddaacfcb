"""The UI stops the runs of commands, also those that an earlier version started."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from ig_assets.dagster_internals import GRPC_INFO_TAG
from ig_assets.defs.failures import is_of_a_command
from ig_assets.headless.run_launcher import CommandAwareRunLauncher
from ig_assets.run_tags import HEADLESS_RUN
from ig_assets_tests.factories.cases import with_further

LAUNCHER = {
    "module": CommandAwareRunLauncher.__module__,
    "class": CommandAwareRunLauncher.__name__,
}


@pytest.mark.parametrize(
    "tags",
    with_further([{"ig/turned_by": "headless"}, {"ig/started_by": "command"}]),
    ids=["earlier version", "present"],
)
def test_a_commands_run_is_asked_to_end_by_its_tag(tags: dict[str, str]) -> None:
    with dg.instance_for_test({"run_launcher": LAUNCHER}) as instance:
        run = dg.DagsterRun("sync", tags=tags, status=dg.DagsterRunStatus.STARTED)
        instance.add_run(run)
        assert instance.run_launcher.terminate(run.run_id)
        asked = instance.get_run_by_id(run.run_id)
        assert asked is not None and asked.status is dg.DagsterRunStatus.CANCELING


@pytest.mark.parametrize(
    "launched",
    [
        {"root_run_id": "of-the-loop", "parent_run_id": "of-the-loop"},
        {"tags": HEADLESS_RUN | {GRPC_INFO_TAG: '{"host": "localhost", "port": 1}'}},
    ],
    ids=["re-executed", "opened in the Launchpad"],
)
def test_a_run_that_the_ui_started_again_is_ended_by_its_code_server(
    launched: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def terminate(self: dg.DefaultRunLauncher, run_id: str) -> bool:
        asked.append(run_id)
        return True

    monkeypatch.setattr(dg.DefaultRunLauncher, "terminate", terminate)
    with dg.instance_for_test({"run_launcher": LAUNCHER}) as instance:
        given = {"tags": HEADLESS_RUN, "status": dg.DagsterRunStatus.STARTED}
        run = dg.DagsterRun("generate_month", **(given | launched))
        instance.add_run(run)
        assert instance.run_launcher.terminate(run.run_id)
        assert asked == [run.run_id]
        assert not is_of_a_command(run)
