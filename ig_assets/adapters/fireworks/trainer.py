"""Fine-tuning at Fireworks; datasets are named by hash, jobs by our own id.

Fireworks reports a job's cost only after the job exists, so the cost is estimated from
the tokens and `IG_TRAINING_PRICES`. A budget in dollars blocks a job without such a
price.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ig_assets.adapters.generated_sdk import (
    AlreadyThereError,
    GeneratedSdk,
    UnknownToVendorError,
)
from ig_assets.adapters.training_file import (
    EPOCHS,
    checked_training_file,
    trained_tokens,
)
from ig_assets.core.costs.training_prices import training_cost_usd
from ig_assets.core.ports import (
    SFT,
    TrainingEstimate,
    TrainingFile,
    TrainingRequest,
    TrainingState,
)
from ig_assets.errors import RefusedError

INFERENCE_URL = "https://api.fireworks.ai/inference/v1"
PREFIX = "fireworks/"
_STATES = {
    "CREATING": "queued",
    "PENDING": "queued",
    "VALIDATING": "queued",
    "RE_QUEUEING": "queued",
    "COMPLETED": "succeeded",
    "EARLY_STOPPED": "succeeded",
    "FAILED": "failed",
    "EXPIRED": "failed",
    "CANCELLED": "cancelled",
}


class FireworksTrainer:
    """A `Trainer` at Fireworks.

    `prices` are USD per million trained tokens, by model.
    """

    provider = "fireworks"
    notice = "A Fireworks model needs a deployment of its own before it can write."

    def __init__(
        self,
        api_key: str,
        account_id: str,
        base_model: str,
        prices: Mapping[str, float],
        base_url: str | None = None,
        http_client: Any | None = None,
        timeout_s: float = 60.0,
        method: str = SFT,
    ) -> None:
        self.base_model = base_model
        self.method = method
        self._account = f"accounts/{account_id}"
        self._prices = prices
        self._sdk = GeneratedSdk(
            self.provider,
            "Fireworks",
            api_key=api_key,
            account_id=account_id,
            base_url=base_url,
            http_client=http_client,
            timeout=timeout_s,
        )

    def find(self, intent_key: str) -> TrainingState | None:
        """Return the job that belongs to the key, or None."""
        try:
            return self._job(_job_id(intent_key))
        except UnknownToVendorError:
            return None

    def estimate(self, request: TrainingRequest) -> TrainingEstimate:
        """Return the tokens of all epochs, and their price if the team has set it.

        Raises RefusedError for another method than SFT or an invalid file.
        """
        if self.method != SFT:
            raise RefusedError(
                "fireworks trains on supervised examples only here; set "
                "IG_TRAIN_METHOD=sft, or leave out fireworks."
            )
        tokens = trained_tokens(checked_training_file(request, self.provider))
        cost = training_cost_usd(self.base_model, tokens, self._prices)
        return TrainingEstimate(tokens, cost)

    def submit(self, request: TrainingRequest) -> TrainingState:
        """Create the dataset and the job; an existing job of this key is returned."""
        file = checked_training_file(request, self.provider)
        dataset = self._uploaded(file)
        job_id = _job_id(request.intent_key)
        try:
            job = self._sdk.ask(
                lambda client: client.supervised_fine_tuning_jobs.create(
                    supervised_fine_tuning_job_id=job_id,
                    dataset=f"{self._account}/datasets/{dataset}",
                    base_model=self.base_model,
                    epochs=EPOCHS,
                    output_model=f"{self._account}/models/{job_id}",
                    display_name=f"ig_assets {request.month}",
                ),
            )
        except AlreadyThereError:
            return self._job(job_id)
        except UnknownToVendorError:
            raise RefusedError(
                f"fireworks does not know the base model {self.base_model}; set "
                "IG_FIREWORKS_TRAIN_MODEL."
            ) from None
        return self._state(job, job_id)

    def poll(self, provider_job_id: str) -> TrainingState:
        """Return the job's state. Raises RefusedError for an unknown job."""
        try:
            return self._job(provider_job_id)
        except UnknownToVendorError:
            raise RefusedError(
                f"fireworks does not know the job {provider_job_id}."
            ) from None

    def _job(self, job_id: str) -> TrainingState:
        job = self._sdk.ask(
            lambda client: client.supervised_fine_tuning_jobs.get(job_id)
        )
        return self._state(job, job_id)

    def _uploaded(self, file: TrainingFile) -> str:
        """Return the id of the dataset, uploading the file if necessary."""
        dataset_id = f"ig-{file.sha256[:40]}"
        try:
            self._sdk.ask(
                lambda client: client.datasets.create(
                    dataset_id=dataset_id,
                    dataset={"example_count": str(file.lines), "format": "CHAT"},
                ),
            )
        except AlreadyThereError:
            known = self._sdk.ask(
                lambda client: client.datasets.get(dataset_id=dataset_id)
            )
            if known.state == "READY":
                return dataset_id
        content = Path(file.path).read_bytes()
        named = (f"{dataset_id}.jsonl", content)
        self._sdk.ask(lambda client: client.datasets.upload(dataset_id, file=named))
        return dataset_id

    def _state(self, job: Any, job_id: str) -> TrainingState:
        vendors = str(job.state or "").removeprefix("JOB_STATE_")
        status = _STATES.get(vendors, "running")
        code = getattr(job.status, "code", None)
        reason = f"fireworks gave the job up ({code or vendors})."
        name = job.output_model or f"{self._account}/models/{job_id}"
        return TrainingState(
            status,  # type: ignore[arg-type]
            job_id,
            model_name=f"{PREFIX}{name}" if status == "succeeded" else None,
            refusal=reason if status == "failed" else None,
            cost_usd=_usd(job.estimated_cost) if status == "succeeded" else None,
        )


def _job_id(intent_key: str) -> str:
    return f"ig-{intent_key[:40]}".lower()


def _usd(money: Any) -> float | None:
    """Return an amount of money in USD; None for another currency."""
    if money is None or money.currency_code != "USD":
        return None
    return int(money.units or 0) + (money.nanos or 0) / 1e9
