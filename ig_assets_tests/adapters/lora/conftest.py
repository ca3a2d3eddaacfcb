"""A trainer of adapters whose processes are played by a stand-in."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets.adapters.lora.trainer import LoraTrainer
from ig_assets_tests.adapters.lora.lora_jobs import StandInProcess


@pytest.fixture
def process() -> StandInProcess:
    return StandInProcess()


@pytest.fixture
def trainer(process: StandInProcess, tmp_path: Path) -> LoraTrainer:
    return process.trainer(tmp_path / "lora")
