"""A promotion by hand is a promotion in the UI, too."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from ig_assets.cli.models.models import promote, rollback
from ig_assets.core.models.registry import ensure_base_model
from ig_assets.settings import load_settings
from ig_assets.wiring import Services

CREATED = datetime(2026, 1, 1)


def test_a_promotion_and_a_rollback_by_command_are_shown_by_the_asset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IG_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DAGSTER_HOME", "")
    services = Services(load_settings())
    base = ensure_base_model(services.warehouse, services.clock, "openai", "m")
    other = ensure_base_model(services.warehouse, services.clock, "openai", "m2")
    promote(other, reason="reads better")
    assert shown() == [other]
    promote(other, reason="reads better")  # nothing has changed
    assert shown() == [other]
    rollback(reason="writes about itself")
    assert shown() == [base, other]


def test_a_ui_that_cannot_be_reached_undoes_no_promotion(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("IG_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "gone"))
    services = Services(load_settings())
    ensure_base_model(services.warehouse, services.clock, "openai", "m")
    other = ensure_base_model(services.warehouse, services.clock, "openai", "m2")
    promote(other, reason="reads better")
    said = " ".join("".join(capsys.readouterr()).split())
    assert (
        "the change is made, but the UI's asset active_model does not show it" in said
    )
    with services.warehouse.transaction() as con:
        rows = con.execute(
            "SELECT model_id FROM latest_model_status WHERE status = 'active'"
        ).fetchall()
    assert rows == [(other,)]


def shown() -> list[str]:
    """The models that the asset has shown, newest first."""
    with dg.DagsterInstance.from_config(os.environ["DAGSTER_HOME"]) as instance:
        records = instance.fetch_materializations(dg.AssetKey("active_model"), limit=9)
    found = []
    for record in records.records:
        assert record.asset_materialization is not None
        found.append(str(record.asset_materialization.metadata["model_id"].value))
    return found
