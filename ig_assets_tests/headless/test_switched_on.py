"""`ig-assets status` names the sensors and schedules that are on."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import InstigatorStatus, SensorInstigatorData

from ig_assets.dagster_internals import (
    InProcessCodeLocationOrigin,
    InstigatorState,
    InstigatorType,
    LoadableTargetOrigin,
    RemoteRepositoryOrigin,
)
from ig_assets.headless.dagster_home import ensure_dagster_home
from ig_assets.headless.switched_on import switched_on
from ig_assets.settings import load_settings


def test_what_is_on_is_named_and_nothing_is_made_where_there_is_no_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    settings = load_settings(data_dir=tmp_path)
    assert switched_on(settings) == [] and not list(tmp_path.iterdir())
    home = ensure_dagster_home(settings)
    assert switched_on(settings) == []
    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(), location_name="ig")
    repository = RemoteRepositoryOrigin(location, "__repository__")
    on, off = InstigatorStatus.RUNNING, InstigatorStatus.STOPPED
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for name, status in (("publishing_sensor", on), ("promotion_sensor", off)):
            instance.add_instigator_state(
                InstigatorState(
                    repository.get_instigator_origin(name),
                    InstigatorType.SENSOR,
                    status,
                    SensorInstigatorData(),
                )
            )
    assert switched_on(settings) == ["publishing_sensor"]
