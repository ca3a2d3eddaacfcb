"""A local trainer that puts winners into the prompt instead of changing weights.

Like a vendor it has its own store (one JSON file per job), so that a job is found again
if its submission was interrupted.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from ig_assets.core.ports import TrainingRequest, TrainingState
from ig_assets.errors import RefusedError
from ig_assets.files import write_atomic


class FewShotTrainer:
    """A `Trainer`; `choose` selects the examples of a request and returns the artifact.

    The artifact lists them under `example_ids`.
    """

    provider = "few_shot"
    notice = ""

    def __init__(
        self,
        folder: Path,
        choose: Callable[[TrainingRequest], Mapping[str, object]],
        base_model: str,
    ) -> None:
        self.base_model = base_model
        self._folder = folder
        self._choose = choose

    def find(self, intent_key: str) -> TrainingState | None:
        """Return the stored job of this key, or None."""
        try:
            stored = json.loads(self._path(intent_key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return TrainingState(**stored)

    def estimate(self, request: TrainingRequest) -> None:
        """Return None, as nothing is trained or paid."""

    def submit(self, request: TrainingRequest) -> TrainingState:
        """Choose the examples and finish at once; a known key returns its job."""
        if (known := self.find(request.intent_key)) is not None:
            return known
        artifact = dict(self._choose(request))
        job_id = f"few_shot-{request.intent_key}"
        if artifact.get("example_ids"):
            state = TrainingState(
                status="succeeded",
                provider_job_id=job_id,
                model_name=f"few_shot:{request.base_model}:{request.dataset_hash[:8]}",
                artifact=artifact,
            )
        else:
            state = TrainingState(
                status="refused",
                provider_job_id=job_id,
                refusal="The train split has no winner to put into the prompt.",
            )
        self._store(request.intent_key, state)
        return state

    def poll(self, provider_job_id: str) -> TrainingState:
        """Return the job's state. Raises RefusedError for an unknown job."""
        state = self.find(provider_job_id.removeprefix("few_shot-"))
        if state is None:
            raise RefusedError(
                f"The few-shot store has no job {provider_job_id}; submit the month "
                "again."
            )
        return state

    def _path(self, intent_key: str) -> Path:
        return self._folder / f"{intent_key}.json"

    def _store(self, intent_key: str, state: TrainingState) -> None:
        facts = dataclasses.asdict(state)
        payload = {name: fact for name, fact in facts.items() if fact}
        write_atomic(self._path(intent_key), json.dumps(payload, sort_keys=True))
