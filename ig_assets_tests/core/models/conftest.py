"""One empty warehouse per test."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets_tests.core.fine_tuning.fine_tuning_factory import FineTuningFactory


@pytest.fixture
def env(tmp_path: Path) -> FineTuningFactory:
    return FineTuningFactory(tmp_path)
