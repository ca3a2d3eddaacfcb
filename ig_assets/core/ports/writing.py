"""Ports to a language model: its structured answers, and the likelihood of answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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


@dataclass(frozen=True)
class AnswerLikelihood:
    """How likely a model finds a given answer.

    `log_probability` is the sum over the answer's tokens, in nats, `tokens` their
    number, `prompt_tokens` the number of those before them.
    """

    log_probability: float
    tokens: int
    prompt_tokens: int

    @property
    def nats_per_token(self) -> float:
        """Return the mean log-probability of a token, so that lengths can differ."""
        return self.log_probability / self.tokens


@runtime_checkable
class GivesLikelihoods(Writer, Protocol):
    """A writer that gives the log-probability of an answer that it did not write."""

    def answer_likelihood(
        self, instructions: str, prompt: str, answer: str
    ) -> AnswerLikelihood:
        """Return the likelihood of `answer` after a prompt.

        Raises TransientVendorError, and MalformedAnswerError if the model cannot be
        made to give the likelihood of exactly this answer.
        """
        ...


WriterByName = Callable[[str], Writer]
"""Returns the writer for a model's name; its provider is that of the base model."""
