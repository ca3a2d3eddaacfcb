"""What the stand-in answers, and whether each text got its own vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ig_assets_tests.core.corpus.embedding.batch_api.batch_factory import (
    DIMENSIONS,
    BatchFactory,
)
from ig_assets_tests.stand_ins.openai_server import vector_for


def one_with(word: str, fate: str) -> Any:
    """That fate for the lines that hold the word, and a good one for the others."""

    def decide(request: Mapping[str, Any]) -> str:
        return (
            fate if any(word in text for text in request["body"]["input"]) else "done"
        )

    return decide


def assert_every_text_has_its_own_vector(env: BatchFactory) -> None:
    texts = {row["revision_hash"]: row["text"] for row in env.active().values()}
    stored = env.vectors()
    assert stored.keys() == texts.keys()
    for content_hash, text in texts.items():
        np.testing.assert_allclose(
            stored[content_hash], vector_for(text, DIMENSIONS), atol=1e-6
        )


def finish(env: BatchFactory) -> None:
    """Run until nothing is under way."""
    while env.batch().under_way:
        env.vendor.end()
