"""A data folder whose posts wait for a person, for the studio's pages."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ig_assets.adapters.simulated.clocks import SystemClock
from ig_assets.core.experiments.posts.plan import plan_posts
from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import add_topic

PATIENCE_S = 300.0  # for a machine that hangs; nothing is timed
MONTH = "2026-01"
WORDS = """
UPDATE variants
SET hook = 'Your knife is dull: ' || hook_style,
    body = 'Hone it on a plate before each meal. Ten strokes are enough.',
    call_to_action = 'Save this for Sunday.'
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A data folder with one topic, whose two posts wait for a person."""
    monkeypatch.setenv("IG_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("ig_assets.studio.shown.BUSY_S", PATIENCE_S)
    monkeypatch.setenv("IG_APPROVAL", "manual")
    home = Warehouse(f"duckdb:///{tmp_path / 'warehouse.duckdb'}", SystemClock().now)
    add_topic(home, due_on=date(2026, 1, 5))
    with home.transaction() as con:
        con.execute(WORDS)
    plan_posts(
        home,
        SystemClock(),
        MONTH,
        sigma=0.2,
        seed=7,
        platform="simulated",
        simulated=True,
        approval="manual",
    )
    home.close()
    return home
