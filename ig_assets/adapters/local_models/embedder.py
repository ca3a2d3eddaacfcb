"""Embeddings on the machine: MiniLM with int8 weights (ONNX), one text at a time.

A text goes through the model alone and unpadded, so its vector depends on nothing
but the text, whatever is embedded with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ig_assets.adapters.local_models.network import MAX_TOKENS, Array, Network
from ig_assets.core.ports import EmbeddingAnswer, TokenUsage
from ig_assets.errors import InputError, MalformedAnswerError


class LocalEmbedder:
    """Fulfils the `Embedder` port with a model file; loads at first use.

    The vector of a text is the normalised mean of its tokens' last hidden states.
    A text over 256 tokens is refused, not cut: callers split it.
    """

    provider = "local"
    model = "all-MiniLM-L6-v2-int8"
    dimensions = 384
    max_batch = 100
    max_request_tokens = max_batch * MAX_TOKENS
    max_input_tokens = MAX_TOKENS

    def __init__(
        self, model_path: Path, tokenizer_path: Path, threads: int = 1
    ) -> None:
        self._network = Network(
            self.model, self.dimensions, model_path, tokenizer_path, threads=threads
        )

    def count_tokens(self, text: str) -> int:
        """Tokens of the text as this model counts, its two marks included."""
        return self._network.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        """Vectors of shape (texts, 384), float32, L2-normalised.

        Raises InputError for an empty text, one over 256 tokens or more than
        `max_batch`, ModelFileError where the files do not load, MalformedAnswerError
        where the model's output has another shape or is not a number.
        """
        if len(texts) > self.max_batch:
            raise InputError(
                f"{len(texts)} texts are more than the {self.max_batch} that are "
                "embedded at once; lower IG_EMBED_BATCH."
            )
        rows = self._network.token_ids(texts)
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for row, ids in enumerate(rows):
            vectors[row] = self._embed_one(ids)
        return EmbeddingAnswer(vectors, TokenUsage(input_tokens=sum(map(len, rows))))

    def _embed_one(self, ids: Sequence[int]) -> Array:
        mean = self._network.states(ids).mean(axis=0, dtype=np.float64)
        norm = float(np.linalg.norm(mean))
        if not np.isfinite(norm) or norm == 0.0:
            raise MalformedAnswerError(
                f"{self.model} gave a vector that is zero or not a number.",
                len(ids),
                0,
            )
        vector: Array = (mean / norm).astype(np.float32)
        return vector
