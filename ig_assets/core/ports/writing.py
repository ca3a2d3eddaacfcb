"""Port: a language model that returns structured answers."""

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
    """A parsed answer with what it took; `model` is the name the vendor reported."""

    parsed: BaseModel
    usage: TokenUsage
    model: str


class Writer(Protocol):
    """Writes drafts, polishes and judges.

    `reasoning_tokens` is what an answer may take on top of its max_output_tokens.
    """

    provider: str
    model: str
    reasoning_tokens: int

    def count_tokens(self, text: str) -> int:
        """Tokens of the text as this model counts (or a documented estimate)."""
        ...

    def write(self, request: WriteRequest) -> WriteAnswer:
        """Raises TransientVendorError, RefusedError, MalformedAnswerError.

        A MalformedAnswerError carries the tokens that the answer took.
        """
        ...


WriterByName = Callable[[str], Writer]
"""Gives the writer of a model of the base model's provider, by the model's name."""
