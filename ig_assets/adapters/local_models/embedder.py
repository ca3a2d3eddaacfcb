"""Embeddings on the machine: MiniLM with int8 weights (ONNX), a few texts at a time.

Texts of about one length go through the model together, which is faster. A vector
depends on nothing but its text, whatever is embedded with it (`network.py`). Cores
without other work take a part of the texts each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ig_assets.adapters.local_models.network import MAX_TOKENS, Array, Network
from ig_assets.adapters.local_models.registry import EMBEDDING_SPACE
from ig_assets.core.ports import EmbeddingAnswer, TokenUsage
from ig_assets.errors import InputError, MalformedAnswerError

TOGETHER = 8
"""Texts in one pass: with more, padding costs more than the passes that are saved."""


class LocalEmbedder:
    """Fulfils the `Embedder` port with a model file; loads at first use.

    The vector of a text is the normalised mean of its tokens' last hidden states.
    A text over 256 tokens is refused, not cut: callers split it.
    """

    provider = "local"
    model, dimensions = EMBEDDING_SPACE
    max_batch = 100
    max_request_tokens = max_batch * MAX_TOKENS
    max_input_tokens = MAX_TOKENS

    def __init__(
        self,
        model_path: Path,
        tokenizer_path: Path,
        threads: int = 1,
        free_cores: Callable[[], int] | None = None,
    ) -> None:
        self._free_cores = free_cores or count_free_cores
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
        by_length = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        groups = [
            by_length[start : start + TOGETHER]
            for start in range(0, len(rows), TOGETHER)
        ]

        def embed(places: Sequence[int]) -> None:
            states = self._network.states_of([rows[place] for place in places])
            for place, of_text in zip(places, states, strict=True):
                vectors[place] = self._mean(of_text)

        if len(groups) < 2:
            list(map(embed, groups))
        else:
            with ThreadPoolExecutor(max(1, self._free_cores())) as pool:
                list(pool.map(embed, reversed(groups)))  # the longest first
        return EmbeddingAnswer(vectors, TokenUsage(input_tokens=sum(map(len, rows))))

    def _mean(self, states: Array) -> Array:
        mean = states.mean(axis=0, dtype=np.float64)
        norm = float(np.linalg.norm(mean))
        if not np.isfinite(norm) or norm == 0.0:
            raise MalformedAnswerError(
                f"{self.model} gave a vector that is zero or not a number.",
                len(states),
                0,
            )
        vector: Array = (mean / norm).astype(np.float32)
        return vector


def count_free_cores() -> int:
    """Cores of this process without work in the last minute, and one at least."""
    if not hasattr(os, "sched_getaffinity"):
        return 1
    cores = len(os.sched_getaffinity(0))
    return max(1, cores - round(os.getloadavg()[0]))
