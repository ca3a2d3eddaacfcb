"""Embeds on this machine: MiniLM with int8 weights (ONNX), a few texts at a time.

Texts of similar length are run together, which is faster. A vector depends on its text
alone, whatever is embedded with it (`network.py`). Idle cores share the work.
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
"""The number of texts in one pass; with more, padding costs more than it saves."""


class LocalEmbedder:
    """An `Embedder` with a local model file, which is loaded at first use.

    The vector of a text is the normalised mean of its tokens' last hidden states. A
    text of more than 256 tokens is refused instead of truncated: callers split it.
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
        """Return the number of tokens of a text, with the two special tokens."""
        return self._network.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        """Return L2-normalised vectors of shape (texts, 384), float32.

        Raises InputError for an empty text, one over 256 tokens or more than
        `max_batch` texts, ModelFileError if the files do not load, MalformedAnswerError
        if the model's output has another shape or is not finite.
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
    """Return the number of cores idle in the last minute, at least 1."""
    if not hasattr(os, "sched_getaffinity"):
        return 1
    cores = len(os.sched_getaffinity(0))
    return max(1, cores - round(os.getloadavg()[0]))
