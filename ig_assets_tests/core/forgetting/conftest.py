"""A data folder in which a script left words in every place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ig_assets_tests.core.forgetting.forgetting_factory import ForgettingFactory


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> ForgettingFactory:
    factory = ForgettingFactory(tmp_path_factory.mktemp("filled"))
    factory.fill()
    return factory


@pytest.fixture
def env(filled: ForgettingFactory, tmp_path: Path) -> ForgettingFactory:
    """A copy of the filled folder."""
    filled.warehouse.close()
    factory = ForgettingFactory(tmp_path)
    shutil.rmtree(factory.data)
    shutil.copytree(filled.data, factory.data)
    factory.model_id, factory.shown = filled.model_id, filled.shown
    return factory
