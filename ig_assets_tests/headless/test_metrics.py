"""The figures that come from the machine beside those of the tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from ig_assets.adapters.simulated.clocks import SystemClock
from ig_assets.core.reports.metrics.text_formats import prometheus_text
from ig_assets.headless.doctor.machine import backup_finding
from ig_assets.headless.metrics import backup_figures, make_collector
from ig_assets.settings import Settings, load_settings
from ig_assets.warehouse.moving.backups import OWNER, back_up, owner_of
from ig_assets_tests.factories.warehouses import migrated_warehouse

NOW = datetime(2026, 5, 1, 9)
COUNT, LAST = "ig_assets_backups", "ig_assets_last_backup_timestamp_seconds"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A data folder with a warehouse, and an empty folder for its backups."""
    data = tmp_path / "data"
    migrated_warehouse(data / "warehouse.duckdb", lambda: NOW).close()
    (tmp_path / "backups").mkdir()
    return load_settings(data_dir=data, backups=tmp_path / "backups")


def make_backup(settings: Settings, at: datetime, owner: str | None = None) -> None:
    assert settings.backups is not None
    url, receipts = settings.warehouse_location, settings.data_dir / "none"
    back_up(url, receipts, settings.backups, at, owner or owner_of(settings.data_dir))


def backups(settings: Settings) -> dict[str, float]:
    found = backup_figures(settings, NOW)
    return {family.name: family.samples[0].value for family in found}


def test_the_newest_backup_of_this_data_folder_is_a_figure(settings: Settings) -> None:
    assert backups(settings) == {COUNT: 0}
    make_backup(settings, NOW, owner="0" * 32)
    assert backups(settings) == {COUNT: 0}, "another folder's is none of ours"
    for hours in (49, 3):
        make_backup(settings, NOW - timedelta(hours=hours))
    newest = (NOW - timedelta(hours=3)).replace(tzinfo=UTC).timestamp()
    assert backups(settings) == {COUNT: 2, LAST: newest}


def test_a_backup_that_is_too_old_is_named_by_doctor_and_by_the_figure(
    settings: Settings,
) -> None:
    made_at = NOW - timedelta(hours=51)
    make_backup(settings, made_at)
    assert backups(settings)[LAST] == made_at.replace(tzinfo=UTC).timestamp()
    line = backup_finding(settings, NOW)
    assert line.state == "warning" and line.seen == "The newest of 1 is 51 h old."
    assert "backup_schedule" in line.to_do


def test_a_backup_that_a_wrong_clock_dated_ahead_does_not_hide_the_old_one(
    settings: Settings,
) -> None:
    for days in (-3, 300):
        make_backup(settings, NOW + timedelta(days=days))
    old = (NOW - timedelta(days=3)).replace(tzinfo=UTC).timestamp()
    assert backups(settings) == {COUNT: 1, LAST: old}


def test_a_disk_that_is_away_has_no_backup_and_no_setting_has_no_figure(
    settings: Settings, tmp_path: Path
) -> None:
    make_backup(settings, NOW - timedelta(hours=1))
    away = settings.model_copy(update={"backups": tmp_path / "away"})
    assert backups(away) == {COUNT: 0}
    (settings.data_dir / OWNER).write_text("damaged")
    assert backups(settings) == {COUNT: 0}
    assert backups(settings.model_copy(update={"backups": None})) == {}


def test_a_folder_that_no_backup_can_be_called_is_not_counted(
    settings: Settings,
) -> None:
    make_backup(settings, NOW - timedelta(hours=1))
    assert settings.backups is not None
    odd = settings.backups / "warehouse-20269999T999999Z"
    odd.mkdir()
    (odd / "backup.json").write_text(f'{{"owner": "{owner_of(settings.data_dir)}"}}')
    assert backups(settings)[COUNT] == 1


def test_the_page_has_the_backups_beside_the_rows(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda clock: NOW)
    make_backup(settings, NOW - timedelta(hours=1))
    with dg.DagsterInstance.ephemeral() as instance:
        text = prometheus_text(make_collector(settings, lambda: instance).collect())
    assert f"{COUNT} 1\n" in text and LAST in text
    assert "ig_assets_warehouse_readable 1\n" in text


def test_a_reader_makes_no_warehouse_where_it_is_gone_and_none_in_a_new_folder(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def no_instance() -> dg.DagsterInstance:
        raise AssertionError("nothing is opened")

    def page() -> str:
        return prometheus_text(running.collect())

    with dg.DagsterInstance.ephemeral() as instance:
        running = make_collector(settings, lambda: instance)
        running._least_interval_s = 0
        assert "ig_assets_warehouse_readable 1\n" in page()
        file = settings.data_dir / "warehouse.duckdb"
        file.rename(tmp_path / "moved")
        for folder_is_there in (True, False):
            if not folder_is_there:
                settings.data_dir.rename(tmp_path / "unmounted")
            assert "ig_assets_warehouse_readable 0\n" in page()
            assert f"{file} was here and is gone; mount its disk" in caplog.text
            assert "Catalog Error" not in caplog.text
            assert settings.data_dir.exists() == folder_is_there and not file.exists()
            caplog.clear()
        (tmp_path / "unmounted").rename(settings.data_dir)
        (tmp_path / "moved").rename(file)
        assert "ig_assets_warehouse_readable 1\n" in page()
    new = load_settings(data_dir=tmp_path / "new")
    running = make_collector(new, no_instance)
    assert "ig_assets_warehouse_readable 0\n" in page()
    assert not new.data_dir.exists() and "There is no warehouse file" in caplog.text
