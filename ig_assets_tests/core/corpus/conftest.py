"""Fixtures of the corpus tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory


@pytest.fixture
def corpus(tmp_path: Path) -> CorpusFactory:
    return CorpusFactory(tmp_path)
