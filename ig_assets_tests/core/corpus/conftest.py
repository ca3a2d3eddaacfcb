"""Fixtures of the corpus tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ig_assets_tests.core.corpus.corpus_factory import CorpusFactory


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[CorpusFactory]:
    """A corpus whose home is detached at the end: the next test may have its path."""
    made = CorpusFactory(tmp_path)
    yield made
    made.warehouse.close()
