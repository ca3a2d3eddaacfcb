"""The UI stops the runs of commands, also those that an earlier version started."""

from __future__ import annotations

import dagster as dg
import pytest

from ig_assets.headless.run_launcher import CommandAwareRunLauncher
from ig_assets_tests.factories.cases import with_further


@pytest.mark.parametrize(
    "tags",
    with_further([{"ig/turned_by": "headless"}, {"ig/started_by": "command"}]),
    ids=["earlier version", "present"],
)
def test_a_commands_run_is_asked_to_end_by_its_tag(tags: dict[str, str]) -> None:
    launcher = {
        "module": CommandAwareRunLauncher.__module__,
        "class": CommandAwareRunLauncher.__name__,
    }
    with dg.instance_for_test({"run_launcher": launcher}) as instance:
        run = dg.DagsterRun("sync", tags=tags, status=dg.DagsterRunStatus.STARTED)
        instance.add_run(run)
        assert instance.run_launcher.terminate(run.run_id)
        asked = instance.get_run_by_id(run.run_id)
        assert asked is not None and asked.status is dg.DagsterRunStatus.CANCELING
