"""What tests share: one NeedleDB, an empty corpus, an Instagram account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ig_assets_tests.adapters.instagram.graph_factory import GraphFactory, graph_env
from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory
from ig_assets_tests.stand_ins.needledb_server import NeedleDB, needledb


@pytest.fixture(scope="session")
def needle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NeedleDB]:
    """The server; each test makes its own index on it."""
    with needledb(tmp_path_factory.mktemp("needledb")) as server:
        yield server


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusFactory:
    return CorpusFactory(tmp_path)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[GraphFactory]:
    """Instagram's stand-in with an empty account."""
    with graph_env(tmp_path) as made:
        yield made
