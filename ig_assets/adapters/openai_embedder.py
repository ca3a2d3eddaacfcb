"""Embeddings from OpenAI and servers that speak its protocol.

Nothing is retried here; the ledger retries what is called transient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ig_assets.adapters.openai_client import Endpoint, LazyClient, count_tokens, sent
from ig_assets.core.ports import EmbeddingAnswer, Usage, Vectors
from ig_assets.errors import InputError, MalformedAnswerError

# Limits of POST /v1/embeddings, from OpenAI's API reference.
MAX_INPUTS = 2048
MAX_REQUEST_TOKENS = 300_000
MAX_INPUT_TOKENS = 8192


class OpenAIEmbedder:
    """Embeds through POST /embeddings; fulfils the `Embedder` port."""

    max_batch = MAX_INPUTS

    def __init__(
        self,
        api_key: str,
        model: str = "text-embedding-3-small",
        dimensions: int = 1536,
        base_url: str | None = None,
        provider: str = "openai",
        timeout_s: float = 120.0,
        http_client: Any | None = None,
        before_call: Callable[[], Endpoint | None] | None = None,
    ) -> None:
        self.provider = provider
        self.model = model
        self.dimensions = dimensions
        self._client = LazyClient(
            Endpoint(base_url, api_key), timeout_s, http_client, before_call
        )

    def count_tokens(self, text: str) -> int:
        """Tokens in cl100k_base; for models not of OpenAI's an estimate."""
        return count_tokens("cl100k_base", text)

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        """Embed in one request; vectors (texts, dimensions), L2-normalised.

        Raises InputError before sending for an empty text, one over 8,192 tokens,
        more than 2,048 texts or 300,000 tokens; TransientVendorError,
        RefusedError; MalformedAnswerError where count, order, dimensions or
        numbers are not what was asked for.
        """
        counted = self._check_input(texts)
        if not texts:
            return EmbeddingAnswer(np.empty((0, self.dimensions), np.float32), Usage())
        arguments: dict[str, Any] = {"model": self.model, "input": list(texts)}
        if self.model.startswith("text-embedding-3"):
            arguments["dimensions"] = self.dimensions
        client = self._client.get()
        response = sent(lambda: client.embeddings.create(**arguments), self.provider)
        told = getattr(response, "usage", None)
        tokens = counted if told is None else told.prompt_tokens
        return EmbeddingAnswer(
            self._check_vectors(response, len(texts), tokens), Usage(tokens)
        )

    def _check_input(self, texts: Sequence[str]) -> int:
        if len(texts) > self.max_batch:
            raise InputError(
                f"{len(texts)} texts are more than the {self.max_batch} of one "
                "embedding request; lower IG_EMBED_BATCH."
            )
        total = 0
        for place, text in enumerate(texts):
            if not text.strip():
                raise InputError(f"Text {place + 1} of {len(texts)} is empty.")
            tokens = self.count_tokens(text)
            if tokens > MAX_INPUT_TOKENS:
                raise InputError(
                    f"Text {place + 1} of {len(texts)} has {tokens} tokens, more "
                    f"than the {MAX_INPUT_TOKENS} that {self.model} reads; "
                    "shorten it."
                )
            total += tokens
        if total > MAX_REQUEST_TOKENS:
            raise InputError(
                f"{total} tokens are more than the {MAX_REQUEST_TOKENS} of one "
                "embedding request; lower IG_EMBED_BATCH."
            )
        return total

    def _check_vectors(self, response: Any, count: int, tokens: int) -> Vectors:
        def malformed(problem: str) -> MalformedAnswerError:
            return MalformedAnswerError(
                f"{self.provider} ({self.model}) answered, but {problem}; nothing "
                "of the answer is used.",
                input_tokens=tokens,
                output_tokens=0,
            )

        items = getattr(response, "data", None) or []
        if sorted(item.index for item in items) != list(range(count)):
            raise malformed(f"with {len(items)} vectors for {count} texts")
        rows = [item.embedding for item in sorted(items, key=lambda i: i.index)]
        wrong = {len(row) for row in rows} - {self.dimensions}
        if wrong:
            raise malformed(
                f"with {min(wrong)} dimensions where {self.dimensions} were asked "
                "for (IG_OPENAI_EMBEDDING_DIMENSIONS)"
            )
        vectors = np.asarray(rows, dtype=np.float64)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not norms.all():
            raise malformed("a vector is zero or not a number")
        normalised: Vectors = (vectors / norms).astype(np.float32)
        return normalised
