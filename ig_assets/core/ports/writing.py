"""Port to a language model that returns structured answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel

from ig_assets.core.ports.usage import TokenUsage


@dataclass(frozen=True)
class WriteRequest:
    """One request for structured text."""

    instructions: str
    prompt: str
    schema: type[BaseModel]
    max_output_tokens: int
    temperature: float
    seed: int


@dataclass(frozen=True)
class WriteAnswer:
    """A parsed answer with its token usage; `model` is the name the vendor reported."""

    parsed: BaseModel
    usage: TokenUsage
    model: str


class Writer(Protocol):
    """A language model that writes drafts, polishes them and judges them.

    `reasoning_tokens` is the number of tokens that an answer may take in addition to
    its max_output_tokens.
    """

    provider: str
    model: str
    reasoning_tokens: int

    def count_tokens(self, text: str) -> int:
        """Return the text's number of tokens for this model; it may be an estimate.

        An adapter documents its estimate.
        """
        ...

    def write(self, request: WriteRequest) -> WriteAnswer:
        """Return an answer that fits the request's schema.

        Raises TransientVendorError, RefusedError, MalformedAnswerError. A
        MalformedAnswerError has the tokens that the answer took.
        """
        ...


WriterByName = Callable[[str], Writer]
"""Returns the writer for a model's name; its provider is that of the base model."""
