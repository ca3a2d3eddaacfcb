"""A warehouse, and a clock that stands two months after the first experiments."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.warehouse.warehouse import Warehouse
from ig_assets_tests.core.experiments.experiment_factory import (
    DAY,
    START,
    MovedClock,
    new_warehouse,
)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(START + 60 * DAY)


@pytest.fixture
def warehouse(tmp_path: Path, clock: MovedClock) -> Warehouse:
    return new_warehouse(tmp_path, clock)
