"""One data folder and one instance a test, under the real definitions.

`workspace` is for Dagster's own daemons, on an instance that runs at once and here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceLoadTarget

from ig_assets_tests.defs import daemon_location
from ig_assets_tests.defs.ticking import DagsterEnv

# A database of events per run, which is Dagster's own choice, is slow to make.
ONE_FILE_OF_EVENTS = {
    "module": "dagster._core.storage.event_log",
    "class": "ConsolidatedSqliteEventLogStorage",
}


class InThisProcess(WorkspaceLoadTarget):
    """Loads the code location here instead of in a server."""

    def create_origins(self) -> list[InProcessCodeLocationOrigin]:
        return [
            InProcessCodeLocationOrigin(
                LoadableTargetOrigin(
                    executable_path=sys.executable,
                    module_name=daemon_location.__name__,
                    attribute="defs",
                )
            )
        ]


@pytest.fixture(scope="session")
def definitions() -> dg.Definitions:
    from ig_assets.definitions import defs

    return defs()


@pytest.fixture(scope="session")
def update_snapshots() -> bool:
    return bool(os.environ.get("UPDATE_SNAPSHOTS"))


@pytest.fixture
def dagster_env(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, definitions: dg.Definitions
) -> Iterator[DagsterEnv]:
    """An empty data folder with two library files, behind the definitions."""
    library = tmp_path / "scripts"
    library.mkdir()
    monkeypatch.setenv("IG_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("IG_LIBRARY", str(library))
    monkeypatch.setenv("IG_CALENDAR", str(tmp_path / "calendar"))
    with dg.DagsterInstance.ephemeral() as instance:
        yield DagsterEnv(definitions, instance, library, tmp_path / "calendar")


@pytest.fixture(scope="module")
def workspace(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[WorkspaceProcessContext]:
    """The stand-in stages on an instance that runs at once and in this process."""
    home = str(tmp_path_factory.mktemp("home"))
    events = ONE_FILE_OF_EVENTS | {"config": {"base_dir": home}}
    with dg.instance_for_test(
        {"event_log_storage": events},
        temp_dir=home,
        synchronous_run_coordinator=True,
        synchronous_run_launcher=True,
    ) as instance:
        with WorkspaceProcessContext(instance, InThisProcess()) as context:
            yield context
