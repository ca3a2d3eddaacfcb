"""A corpus beside a stand-in of the Batch API, for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ig_assets_tests.core.corpus.embedding.batch_api.batch_factory import BatchFactory
from ig_assets_tests.stand_ins.openai_batches import BatchStandIn


@pytest.fixture
def env(tmp_path: Path) -> Iterator[BatchFactory]:
    with BatchStandIn() as vendor:
        yield BatchFactory(tmp_path, vendor)
