"""Ports to embedding models: one request at a time, or by a batch API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ig_assets.core.ports.usage import TokenUsage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]
else:  # commands without vectors need not load numpy, which takes 0.15 s
    Vectors = Any


@dataclass(frozen=True)
class EmbeddingAnswer:
    """L2-normalised vectors, shape (texts, dimensions), in the order of the texts."""

    vectors: Vectors
    usage: TokenUsage


class Embedder(Protocol):
    """Turns texts into unit vectors.

    A request takes at most `max_batch` texts and `max_request_tokens` tokens, a text at
    most `max_input_tokens`. Callers keep to these limits; no text is ever cut.
    """

    provider: str
    model: str
    dimensions: int
    max_batch: int
    max_request_tokens: int
    max_input_tokens: int

    def count_tokens(self, text: str) -> int:
        """Return the text's number of tokens for this model; it may be an estimate.

        An adapter documents its estimate.
        """
        ...

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        """Embed non-empty texts in one request; may be called by several threads.

        Raises InputError beyond the limits, before anything is sent;
        TransientVendorError, RefusedError, AccessError, MalformedAnswerError.
        """
        ...


class HookEncoder(Protocol):
    """Turns hooks into vectors for the ranker, without cost, on this machine.

    `model` names the network and the layer that is read, so that stored vectors of
    another encoder are never used.
    """

    model: str
    dimensions: int

    def encode(self, hooks: Sequence[str]) -> Vectors:
        """Return vectors of shape (hooks, dimensions), not normalised.

        The number of hooks is not limited. Raises InputError for an empty hook or one
        that is too long.
        """
        ...


@dataclass(frozen=True)
class BatchLine:
    """One embedding request of a batch; its result has the same `custom_id`."""

    custom_id: str
    texts: Sequence[str]


@dataclass(frozen=True)
class BatchState:
    """The state of a batch: running, completed, failed, expired, cancelled or denied.

    Denied means that the account was refused (its key, quota or permission), not the
    batch. A batch that has ended in any way still has the results of its finished
    lines. `reason` has the vendor's codes, None if there are none.
    """

    status: str
    reason: str | None = None


@dataclass(frozen=True)
class BatchResult:
    """The result of one line: its answer, or the problem in place of it.

    `status` is done, expired (the vendor did not process the line), failed (it may
    succeed another time), malformed (the answer cannot be used), refused (for good) or
    denied (the account was refused, whatever the line says).
    """

    custom_id: str
    status: str
    answer: EmbeddingAnswer | None = None
    problem: str | None = None
    usage: TokenUsage | None = None


class BatchEmbedder(Protocol):
    """Embeds many texts within a day, at a lower price.

    A batch takes at most `max_lines` lines with `max_inputs` texts and `max_bytes`
    bytes in all; `line_bytes` returns how many of these bytes a line takes.
    """

    max_lines: int
    max_inputs: int
    max_bytes: int

    def line_bytes(self, line: BatchLine) -> int:
        """Return the number of bytes of a line, which count against `max_bytes`."""
        ...

    def submit(self, lines: Sequence[BatchLine], intent_key: str) -> str:
        """Submit a batch once, marked with the key; return its id at the vendor.

        Raises TransientVendorError (outcome unknown), RefusedError, AccessError.
        """
        ...

    def find(self, intent_key: str) -> str | None:
        """Return the id of the batch that was submitted with this key, or None.

        The process that submitted the batch may have crashed.
        """
        ...

    def state(self, batch_id: str) -> BatchState:
        """Return the batch's state now. Raises TransientVendorError, RefusedError."""
        ...

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """Yield the results of an ended batch, in any order.

        All of them are downloaded before the first is yielded. Raises
        TransientVendorError, and RefusedError if the results are gone.
        """
        ...

    def delete_files(self, batch_id: str) -> int:
        """Delete the vendor's files with the texts and vectors of a batch.

        Returns the number of deleted files, without those deleted before. Raises
        VendorError.
        """
        ...
