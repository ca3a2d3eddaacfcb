"""Fine-tuning at Together: asks for an estimate first, then creates a LoRA job.

The SDK's file check accepts any JSON object, and its `create` starts a job even if its
own estimate forbids it (together 3.1.1). So the lines are checked here before the
upload, and the estimate is requested before the job.
"""

from __future__ import annotations

from typing import Any

from ig_assets.adapters.generated_sdk import (
    GeneratedSdk,
    UnknownToVendorError,
)
from ig_assets.adapters.training_file import EPOCHS, checked_training_file
from ig_assets.core.ports import (
    SFT,
    TrainingEstimate,
    TrainingFile,
    TrainingRequest,
    TrainingState,
)
from ig_assets.errors import RefusedError, TransientVendorError

INFERENCE_URL = "https://api.together.xyz/v1"
PREFIX = "together/"
_SUFFIX_CHARACTERS = 24
_STATES = {
    "pending": "queued",
    "queued": "queued",
    "completed": "succeeded",
    "error": "failed",
    "user_error": "failed",
    "cancelled": "cancelled",
}


class TogetherTrainer:
    """A `Trainer` at Together; the training file becomes a LoRA of the base model."""

    provider = "together"
    notice = ""
    asks_for_estimate = True

    def __init__(
        self,
        api_key: str,
        base_model: str,
        base_url: str | None = None,
        http_client: Any | None = None,
        timeout_s: float = 60.0,
        method: str = SFT,
    ) -> None:
        self.base_model = base_model
        self.method = method
        self._sdk = GeneratedSdk(
            self.provider,
            "Together",
            api_key=api_key,
            base_url=base_url,
            http_client=http_client,
            timeout=timeout_s,
        )

    def find(self, intent_key: str) -> TrainingState | None:
        """Return the account's job with the suffix that belongs to the key, or None."""
        listed = self._sdk.ask(lambda client: client.fine_tuning.list())
        for job in listed.data:
            if getattr(job, "suffix", None) == _suffix(intent_key):
                return self._state(job)
        return None

    def estimate(self, request: TrainingRequest) -> TrainingEstimate:
        """Upload the checked file, and ask for the price of the job.

        Raises TransientVendorError while Together checks the file, RefusedError without
        an estimate.
        """
        file = checked_training_file(request, self.provider, self.method)
        file_id = self._uploaded(file)
        found = self._sdk.ask(
            lambda client: client.fine_tuning.estimate_price(
                training_file=file_id,
                model=self.base_model,
                n_epochs=EPOCHS,
                training_method=_estimated(self.method),
            ),
        )
        if not found.estimation_available:
            reason = str(found.unavailable_reason)
            if reason.endswith("_not_validated"):
                raise TransientVendorError(
                    "together is still checking the file; submit the month again in "
                    "some minutes.",
                    outcome_unknown=False,
                )
            raise RefusedError(f"together gives no estimate for the file ({reason}).")
        return TrainingEstimate(
            int(found.estimated_train_token_count or file.tokens * EPOCHS),
            found.estimated_total_price,
            allowed=found.allowed_to_proceed is not False,
        )

    def submit(self, request: TrainingRequest) -> TrainingState:
        """Create the job; its suffix identifies it for `find`."""
        file_id = self._uploaded(
            checked_training_file(request, self.provider, self.method)
        )
        job = self._sdk.ask(
            lambda client: client.fine_tuning.create(
                training_file=file_id,
                model=self.base_model,
                n_epochs=EPOCHS,
                lora=True,
                suffix=_suffix(request.intent_key),
                random_seed=request.seed % 2**31,
                training_method=self.method,
                train_on_inputs=False if self.method == SFT else None,
            ),
        )
        return self._state(job)

    def poll(self, provider_job_id: str) -> TrainingState:
        """Return the job's state; its file is deleted once it has ended.

        Raises RefusedError for an unknown job.
        """
        try:
            job = self._sdk.ask(
                lambda client: client.fine_tuning.retrieve(provider_job_id)
            )
        except UnknownToVendorError:
            raise RefusedError(
                f"together does not know the job {provider_job_id}."
            ) from None
        state = self._state(job)
        if state.status not in ("queued", "running") and job.training_file:
            self._delete(str(job.training_file))
        return state

    def _uploaded(self, file: TrainingFile) -> str:
        """Upload the file and return its id, which is the same for equal checksums."""
        done = self._sdk.ask(
            lambda client: client.files.upload(
                file.path, purpose="fine-tune", check=False
            ),
        )
        return str(done.id)

    def _delete(self, file_id: str) -> None:
        """Delete a file, unless an open job needs it too."""
        listed = self._sdk.ask(lambda client: client.fine_tuning.list())
        waiting = [
            job
            for job in listed.data
            if job.training_file == file_id
            and self._state(job).status in ("queued", "running")
        ]
        if waiting:
            return
        try:
            self._sdk.ask(lambda client: client.files.delete(file_id))
        except UnknownToVendorError:
            return

    def _state(self, job: Any) -> TrainingState:
        vendors = str(getattr(job.status, "value", job.status))
        status = _STATES.get(vendors, "running")
        # The SDK calls it output_name in one type and x_model_output_name in another.
        name = getattr(job, "output_name", None)
        name = name or getattr(job, "x_model_output_name", None)
        if status == "succeeded" and not name:
            status = "running"
        return TrainingState(
            status,  # type: ignore[arg-type]
            str(job.id),
            model_name=f"{PREFIX}{name}" if status == "succeeded" else None,
            refusal=(
                f"together gave the job up ({vendors})." if status == "failed" else None
            ),
            trained_tokens=getattr(job, "token_count", None) or None,
        )


def _estimated(method: str) -> Any:
    """Return the method as `estimate_price` expects it, an object instead of a name."""
    return {"method": method} | ({"train_on_inputs": False} if method == SFT else {})


def _suffix(intent_key: str) -> str:
    """Return the job suffix for a key; Together accepts at most 40 characters."""
    return f"ig-{intent_key[:_SUFFIX_CHARACTERS]}"
