"""Groups texts into requests that stay within a model's limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ig_assets.core.ports import Embedder


@dataclass(frozen=True)
class Input:
    """A text, or a chunk of one, that fits the model; `content_hash` identifies it."""

    content_hash: str
    text: str
    tokens: int


def batches(
    inputs: Iterable[Input], embedder: Embedder, batch_size: int
) -> Iterator[list[Input]]:
    """Yield batches in the order of the inputs, each as large as the limits allow.

    A batch has at most `batch_size` inputs, and no more inputs or tokens than the model
    accepts in a request. The same inputs give the same batches.
    """
    size = max(1, min(batch_size, embedder.max_batch))
    batch: list[Input] = []
    tokens = 0
    for item in inputs:
        too_much = tokens + item.tokens > embedder.max_request_tokens
        if batch and (len(batch) == size or too_much):
            yield batch
            batch, tokens = [], 0
        batch.append(item)
        tokens += item.tokens
    if batch:
        yield batch
