"""Port to a provider that trains a model from a training set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

TrainingStatus = Literal[
    "queued", "running", "succeeded", "failed", "cancelled", "refused"
]


SFT, DPO = "sft", "dpo"
"""Training methods: supervised on winners' texts, and by preference on pairs."""


@dataclass(frozen=True)
class TrainingFile:
    """One file of a training set: its path, SHA-256, lines and tokens.

    `left_out` is the number of examples that are not in the file, since a writer could
    not return them as an answer.
    """

    path: str
    sha256: str = ""
    lines: int = 0
    tokens: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class TrainingRequest:
    """The input of a trainer: files by `<method>_<split>`, and ids of the train split.

    `dataset_hash` is the hash of all files; `intent_key` identifies this request.
    `dataset_folder` has the prepared files with their manifest, for a trainer on this
    machine.
    """

    intent_key: str
    month: str
    base_model: str
    dataset_hash: str
    files: Mapping[str, TrainingFile]
    example_ids: Sequence[str]
    seed: int
    dataset_folder: str | None = None


@dataclass(frozen=True)
class TrainingEstimate:
    """The expected tokens of a job over all epochs, and its cost.

    `cost_usd` is None if the price is unknown. `allowed` is false if the vendor says
    that this account may not start the job.
    """

    tokens: int
    cost_usd: float | None
    allowed: bool = True


@dataclass(frozen=True)
class TrainingState:
    """The state of a job; `queued` and `running` are not final.

    `refused` means that the provider did not accept the job, `failed` that the provider
    could not finish it, `cancelled` that a person stopped it. `artifact` is the
    trainer's output, as JSON. `losses` are (step, training loss, validation loss or
    None). `trained_tokens` and `cost_usd` are None if the provider does not report
    them.
    """

    status: TrainingStatus
    provider_job_id: str
    model_name: str | None = None
    artifact: Mapping[str, object] | None = None
    refusal: str | None = None
    trained_tokens: int | None = None
    cost_usd: float | None = None
    losses: Sequence[tuple[int, float, float | None]] = field(default=())


@runtime_checkable
class TrainsBy(Protocol):
    """A trainer with one fixed `method`; other trainers choose among the files."""

    method: str


@runtime_checkable
class AsksForEstimate(Protocol):
    """A trainer whose `estimate` sends the file to the vendor to learn the price."""

    asks_for_estimate: bool


class Trainer(Protocol):
    """Makes a model from a training set; `base_model` is the model it starts from.

    `notice` is information about the provider for a person, or "".
    """

    provider: str
    base_model: str
    notice: str

    def find(self, intent_key: str) -> TrainingState | None:
        """Return the job that an earlier `submit` with this key made, or None.

        The process of the earlier call may have crashed.
        """
        ...

    def estimate(self, request: TrainingRequest) -> TrainingEstimate | None:
        """Return the job's expected cost before anything starts; None if it is free.

        Raises RefusedError if the provider would not accept the files.
        """
        ...

    def submit(self, request: TrainingRequest) -> TrainingState:
        """Submit a job once. A final refusal is a state, not an exception."""
        ...

    def poll(self, provider_job_id: str) -> TrainingState:
        """Return the state of the job now.

        Raises TransientVendorError, AccessError, and RefusedError for a job that the
        provider does not know.
        """
        ...
