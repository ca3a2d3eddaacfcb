"""What tests of the reader share: a file is read in blocks of any size."""

from __future__ import annotations

import pytest

from ig_assets.core.tabular.files import decoding


@pytest.fixture(params=[40, 1 << 20], ids=["small blocks", "one block"])
def block_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(decoding, "CHARACTERS", request.param)
    size: int = request.param
    return size
