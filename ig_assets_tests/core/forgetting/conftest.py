"""A data folder in which a script left words in every place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ig_assets_tests.core.forgetting.forgetting_factory import ForgettingFactory


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> ForgettingFactory:
    return ForgettingFactory.filled(tmp_path_factory.mktemp("filled"))


@pytest.fixture
def env(filled: ForgettingFactory, tmp_path: Path) -> ForgettingFactory:
    """A copy of the filled folder, whose active model learnt from the kettle."""
    factory = ForgettingFactory(tmp_path)
    factory.warehouse.close()
    shutil.rmtree(factory.data)
    shutil.copytree(filled.data, factory.data)
    factory.model_id, factory.shown = filled.model_id, filled.shown
    return factory
