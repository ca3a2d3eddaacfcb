"""A clock that stands at the first day of the month whose posts are planned."""

from __future__ import annotations

import pytest

from ig_assets_tests.core.experiments.experiment_factory import MovedClock


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()
