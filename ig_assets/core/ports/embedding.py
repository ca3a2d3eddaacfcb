"""Ports: texts to vectors, one request at a time or by a batch API."""

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
    """Vectors of shape (texts, dimensions), L2-normalised, in the order asked."""

    vectors: Vectors
    usage: TokenUsage


class Embedder(Protocol):
    """Turns texts into unit vectors.

    A request takes at most `max_batch` texts and `max_request_tokens` tokens, a text
    `max_input_tokens`; callers keep to it, nothing is ever cut.
    """

    provider: str
    model: str
    dimensions: int
    max_batch: int
    max_request_tokens: int
    max_input_tokens: int

    def count_tokens(self, text: str) -> int:
        """Tokens of the text as this model counts (or a documented estimate)."""
        ...

    def embed(self, texts: Sequence[str]) -> EmbeddingAnswer:
        """Embed non-empty texts in one request; may be called by several threads.

        Raises InputError beyond the limits, before anything is sent;
        TransientVendorError, RefusedError, AccessError, MalformedAnswerError.
        """
        ...


class HookEncoder(Protocol):
    """Describes hooks by numbers for the ranker; free, on this machine.

    `model` names the network and the layer that is read, so that stored vectors of
    another are never taken for its own.
    """

    model: str
    dimensions: int

    def encode(self, hooks: Sequence[str]) -> Vectors:
        """Vectors of shape (hooks, dimensions), not normalised; any number of hooks.

        Raises InputError for an empty hook or one that is too long.
        """
        ...


@dataclass(frozen=True)
class BatchLine:
    """One embedding request of a batch; its `custom_id` comes back with its result."""

    custom_id: str
    texts: Sequence[str]


@dataclass(frozen=True)
class BatchState:
    """Where a batch stands: running, completed, failed, expired, cancelled or denied.

    Denied is the account (its key, quota or permission), not the batch. However it
    ended, it still has the results of what was done. `reason` names the vendor's
    codes where it says why.
    """

    status: str
    reason: str | None = None


@dataclass(frozen=True)
class BatchResult:
    """What came of one line: its answer, or the problem in place of it.

    `status` is done, expired (the vendor did not get to it), failed (another time it
    may work), malformed (an answer that cannot be used), refused (for good) or denied
    (the account was refused, whatever the line says).
    """

    custom_id: str
    status: str
    answer: EmbeddingAnswer | None = None
    problem: str | None = None
    usage: TokenUsage | None = None


class BatchEmbedder(Protocol):
    """Embeds many texts within a day, for less.

    A batch takes at most `max_lines` lines with `max_inputs` texts and `max_bytes`
    bytes in all, of which a line takes `line_bytes`.
    """

    max_lines: int
    max_inputs: int
    max_bytes: int

    def line_bytes(self, line: BatchLine) -> int:
        """What the line takes of `max_bytes`."""
        ...

    def submit(self, lines: Sequence[BatchLine], intent_key: str) -> str:
        """Submit once, marked with the key; the vendor's id of the batch.

        Raises TransientVendorError (outcome unknown), RefusedError, AccessError.
        """
        ...

    def find(self, intent_key: str) -> str | None:
        """The id of what an earlier, perhaps crashed, submit with this key made."""
        ...

    def state(self, batch_id: str) -> BatchState:
        """Where the batch stands now. Raises TransientVendorError, RefusedError."""
        ...

    def results(self, batch_id: str) -> Iterator[BatchResult]:
        """The results of an ended batch, in any order; all downloaded before the first.

        Raises TransientVendorError; RefusedError where they are gone.
        """
        ...

    def delete_files(self, batch_id: str) -> int:
        """Delete what the vendor keeps of a batch, texts and vectors; how many files.

        Files that are gone already are not counted. Raises VendorError.
        """
        ...
