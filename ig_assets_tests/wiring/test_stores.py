"""What the parts of one process share."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from ig_assets.settings import Settings, load_settings
from ig_assets.wiring import make_clock, make_warehouse


def settings_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("IG_DATA_DIR", str(folder))
    return load_settings()


def test_who_asks_for_a_warehouse_that_is_held_is_given_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = settings_of(tmp_path / "one", monkeypatch)
    other = settings_of(tmp_path / "other", monkeypatch)
    held = make_warehouse(one, make_clock(one))
    with held.transaction() as con:
        con.execute("SELECT 1")
    assert make_warehouse(one, make_clock(one), 2.0) is held
    assert make_warehouse(other, make_clock(other)) is not held


def test_a_warehouse_that_nobody_holds_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file may have been restored since, which is then looked through again."""
    settings = settings_of(tmp_path, monkeypatch)
    held = make_warehouse(settings, make_clock(settings), 3.0)
    assert held._timeout_s == 3.0
    del held
    gc.collect()
    assert make_warehouse(settings, make_clock(settings), 5.0)._timeout_s == 5.0
