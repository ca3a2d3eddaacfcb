"""Port: a provider trains a model from a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

TrainingStatus = Literal[
    "queued", "running", "succeeded", "failed", "cancelled", "refused"
]


SFT, DPO = "sft", "dpo"
"""Methods: supervised on the winners' texts, and by preference on pairs of texts."""


@dataclass(frozen=True)
class TrainingFile:
    """One file of a dataset: its path, its SHA-256, its lines and its tokens.

    `left_out` counts examples that a writer could not answer with.
    """

    path: str
    sha256: str = ""
    lines: int = 0
    tokens: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class TrainingRequest:
    """What a trainer gets: files by `<method>_<split>`, and the train split's ids.

    `dataset_hash` is that of all files, `intent_key` that of this very request.
    `dataset_folder` has the files as they were prepared, with their manifest, for a
    trainer on this machine.
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
    """What a job should take: tokens over all epochs, and USD (None: no known price).

    `allowed` is false where the vendor says that this account may not start it.
    """

    tokens: int
    cost_usd: float | None
    allowed: bool = True


@dataclass(frozen=True)
class TrainingState:
    """Where a job stands; `queued` and `running` are not final.

    `refused` means that the provider did not take it, `failed` that it gave it up,
    `cancelled` that a person stopped it. `artifact` is the trainer's own, as JSON;
    `losses` are (step, training loss, validation loss or None). `trained_tokens` and
    `cost_usd` are what the provider reports; None where it does not.
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
    """A trainer whose `method` is set; others choose their files themselves."""

    method: str


@runtime_checkable
class AsksForEstimate(Protocol):
    """A trainer whose `estimate` sends the file to the vendor, who says the price."""

    asks_for_estimate: bool


class Trainer(Protocol):
    """Makes a model from a training set; `base_model` is what it starts from.

    `notice` is what a person should know of the provider, empty where nothing.
    """

    provider: str
    base_model: str
    notice: str

    def find(self, intent_key: str) -> TrainingState | None:
        """Look up what an earlier, perhaps crashed, submit with this key made."""
        ...

    def estimate(self, request: TrainingRequest) -> TrainingEstimate | None:
        """What the job would cost, before anything starts; None where it is free.

        Raises RefusedError where the provider would not take the files.
        """
        ...

    def submit(self, request: TrainingRequest) -> TrainingState:
        """Submit once. A final refusal is a state, not an exception."""
        ...

    def poll(self, provider_job_id: str) -> TrainingState:
        """Where the job stands now.

        Raises TransientVendorError, AccessError, and RefusedError for a job that the
        provider does not know.
        """
        ...
