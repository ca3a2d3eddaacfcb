"""Hooks as a middle layer of the embedder sees them: how they are said, not what about.

The last layer is trained to keep the topic and drops the wording; the fourth of six
predicts best what wins (docs/ranker.md has the figures).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from ig_assets.adapters.local_models.embedder import LocalEmbedder
from ig_assets.adapters.local_models.network import Network
from ig_assets.core.ports import Vectors
from ig_assets.errors import MalformedAnswerError

LAYER = 4
# Each layer ends in its second normalisation; number 0 is that of the input.
_OUTPUT = f"layer_norm_{2 * LAYER}"


class LayerEncoder:
    """Fulfils `HookEncoder` with the embedder's own model file; loads at first use."""

    model = f"{LocalEmbedder.model}/layer-{LAYER}"
    dimensions = LocalEmbedder.dimensions

    def __init__(
        self, model_path: Path, tokenizer_path: Path, threads: int = 1
    ) -> None:
        self._network = Network(
            self.model,
            self.dimensions,
            model_path,
            tokenizer_path,
            threads=threads,
            output=_OUTPUT,
        )

    def encode(self, hooks: Sequence[str]) -> Vectors:
        """Token means of the layer, of shape (hooks, 384), float32, not normalised.

        Raises InputError for an empty hook or one over 256 tokens, ModelFileError
        where the files do not load, MalformedAnswerError where the model's output has
        another shape or is not a number.
        """
        rows = self._network.token_ids(hooks)
        vectors = np.empty((len(hooks), self.dimensions), dtype=np.float32)
        for row, ids in enumerate(rows):
            vectors[row] = self._network.states(ids).mean(axis=0, dtype=np.float64)
            if not np.isfinite(vectors[row]).all():
                raise MalformedAnswerError(
                    f"{self.model} gave a vector that is not a number.", len(ids), 0
                )
        return vectors


class OnDemandEncoder:
    """Fulfils `HookEncoder`; `make` may download model files, so it waits for a use."""

    model = LayerEncoder.model
    dimensions = LayerEncoder.dimensions

    def __init__(self, make: Callable[[], LayerEncoder]) -> None:
        self._make = make

    @cached_property
    def _encoder(self) -> LayerEncoder:
        return self._make()

    def encode(self, hooks: Sequence[str]) -> Vectors:
        """As `LayerEncoder.encode`."""
        return self._encoder.encode(hooks)
