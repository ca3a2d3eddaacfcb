"""A clock that stands at the end of the ninth day."""

from __future__ import annotations

import pytest

from ig_assets_tests.core.experiments.experiment_factory import DAY, START, MovedClock


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock(START + 9 * DAY)
