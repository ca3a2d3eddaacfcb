"""Embeddings from OpenAI and from servers with a compatible API.

Nothing is retried here; the ledger retries transient errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ig_assets.adapters.openai.client import Endpoint, LazyClient, count_tokens
from ig_assets.adapters.openai.rate_limit import RateLimiter
from ig_assets.adapters.vendor_numbers import count
from ig_assets.core.ports import EmbeddingAnswer, TokenUsage, Vectors
from ig_assets.errors import InputError, MalformedAnswerError

# Limits of POST /v1/embeddings, from OpenAI's API reference. Tokens of other models
# than OpenAI's are estimated, so those of a compatible server may be lower.
MAX_INPUTS = 2048
MAX_REQUEST_TOKENS = 300_000
MAX_INPUT_TOKENS = 8192


class OpenAIEmbedder:
    """An `Embedder` through POST /embeddings."""

    max_batch = MAX_INPUTS
    max_request_tokens = MAX_REQUEST_TOKENS

    def __init__(
        self,
        api_key: str,
        model: str = "text-embedding-3-small",
        dimensions: int = 1536,
        base_url: str | None = None,
        provider: str = "openai",
        timeout_s: float = 120.0,
        http_client: Any | None = None,
        next_key: str | None = None,
        before_call: Callable[[], Endpoint | None] | None = None,
        max_input_tokens: int = MAX_INPUT_TOKENS,
        pace: RateLimiter | None = None,
    ) -> None:
        self.max_input_tokens = max_input_tokens
        self.provider = provider
        self.model = model
        self.dimensions = dimensions
        self._client = LazyClient(
            Endpoint(base_url, api_key, next_key),
            timeout_s,
            http_client,
            before_call,
            pace=pace,
        )

    def count_tokens(self, text: str) -> int:
        """Count tokens in cl100k_base; an estimate for other vendors' models."""
        return count_tokens("cl100k_base", text)

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        """Embed in one request; return L2-normalised vectors of (texts, dimensions).

        Raises InputError before sending for an empty text, one over 8,192 tokens, more
        than 2,048 texts or 300,000 tokens; TransientVendorError, RefusedError;
        MalformedAnswerError if count, order, dimensions or numbers are not as
        requested.
        """
        counted = self._check_input(texts)
        if not texts:
            return EmbeddingAnswer(
                np.empty((0, self.dimensions), np.float32), TokenUsage()
            )
        arguments = embedding_request(self.model, self.dimensions, texts)
        response = self._client.ask(
            lambda client: client.embeddings.with_raw_response.create(**arguments),
            self.model,
            counted,
            self.provider,
        )
        tokens = _reported_tokens(response) or counted
        return EmbeddingAnswer(
            self._check_vectors(response, len(texts), tokens), TokenUsage(tokens)
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
            if tokens > self.max_input_tokens:
                raise InputError(
                    f"Text {place + 1} of {len(texts)} has {tokens} tokens, more "
                    f"than the {self.max_input_tokens} that {self.model} reads; "
                    "shorten it."
                )
            total += tokens
        if total > self.max_request_tokens:
            raise InputError(
                f"{total} tokens are more than the {self.max_request_tokens} of one "
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

        items = _items(response)
        if items is None:
            raise malformed("not with a list of numbered vectors")
        if sorted(items) != list(range(count)):
            raise malformed(f"with {len(items)} vectors for {count} texts")
        wrong = {len(row) for row in items.values()} - {self.dimensions}
        if wrong:
            raise malformed(
                f"with {min(wrong)} dimensions where {self.dimensions} were asked "
                "for (IG_OPENAI_EMBEDDING_DIMENSIONS)"
            )
        vectors = np.stack([items[place] for place in range(count)])
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not norms.all():
            raise malformed("a vector is zero or not a number")
        normalised: Vectors = (vectors / norms).astype(np.float32)
        return normalised


def embedding_request(
    model: str, dimensions: int, texts: Sequence[str]
) -> dict[str, Any]:
    """Return the body of a request; only newer models let one choose the dimensions."""
    body: dict[str, Any] = {"model": model, "input": list(texts)}
    if model.startswith("text-embedding-3"):
        body["dimensions"] = dimensions
    return body


def _reported_tokens(response: Any) -> int | None:
    tokens = getattr(getattr(response, "usage", None), "prompt_tokens", None)
    return count(tokens)


def _items(response: Any) -> dict[int, npt.NDArray[np.float64]] | None:
    """Return {index given by the vendor: vector}; None if the answer has another form.

    The SDK does not check types. A repeated index counts once.
    """
    try:
        return {
            int(item.index): np.asarray(item.embedding, np.float64).reshape(-1)
            for item in response.data
        }
    except (AttributeError, TypeError, ValueError, OverflowError):
        return None
