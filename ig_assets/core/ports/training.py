"""Port: a provider trains a model from a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class TrainingRequest:
    """What a trainer gets: files whose hash is the dataset's, and the example ids."""

    intent_key: str
    month: str
    base_model: str
    dataset_hash: str
    files: Mapping[str, str]
    example_ids: Sequence[str]
    seed: int


@dataclass(frozen=True)
class TrainingState:
    """Where a job stands: running, succeeded, failed, or refused (for good)."""

    status: str
    provider_job_id: str
    model_name: str | None = None
    artifact: Mapping[str, object] | None = None
    refusal: str | None = None


class Trainer(Protocol):
    """Makes a model from a training set."""

    provider: str

    def find(self, intent_key: str) -> TrainingState | None:
        """Look up what an earlier, perhaps crashed, submit with this key made."""
        ...

    def submit(self, request: TrainingRequest) -> TrainingState:
        """Submit once. A final refusal is a state, not an exception."""
        ...

    def poll(self, provider_job_id: str) -> TrainingState:
        """Where the job stands now. Raises TransientVendorError."""
        ...
