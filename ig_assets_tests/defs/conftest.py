"""One data folder and one instance a test, under the real definitions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from ig_assets_tests.defs.ticking import DagsterEnv


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
