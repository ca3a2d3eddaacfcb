"""Encodes hooks by a middle layer of the embedder, which captures wording, not topic.

The last layer is trained to keep the topic and drops the wording. The fourth of six
layers predicts best which hook wins (docs/ranker.md has the figures).
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
    """A `HookEncoder` with the embedder's model file, which is loaded at first use."""

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
        """Return the layer's token means, shape (hooks, 384), float32, not normalised.

        Raises InputError for an empty hook or one over 256 tokens, ModelFileError if
        the files do not load, MalformedAnswerError if the model's output has another
        shape or is not finite.
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
    """A `HookEncoder` that calls `make`, which may download files, at first use."""

    model = LayerEncoder.model
    dimensions = LayerEncoder.dimensions

    def __init__(self, make: Callable[[], LayerEncoder]) -> None:
        self._make = make

    @cached_property
    def _encoder(self) -> LayerEncoder:
        return self._make()

    def encode(self, hooks: Sequence[str]) -> Vectors:
        """Return the same as `LayerEncoder.encode`."""
        return self._encoder.encode(hooks)
