"""Fine-tuning at OpenAI: uploads files once by hash, creates a job, reads its events.

Limits, from OpenAI's description of POST /fine_tuning/jobs (also in the SDK's
docstring): a suffix of up to 64 characters, metadata of 16 pairs; supervised training
needs at least 10 lines (its guide). Nothing is retried here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ig_assets.adapters.openai.client import (
    Endpoint,
    LazyClient,
    UnknownRouteError,
    error_codes,
    no_access,
    sent,
)
from ig_assets.adapters.training_file import EPOCHS, long_enough, trained_tokens
from ig_assets.adapters.vendor_numbers import finite
from ig_assets.core.costs.training_prices import training_cost_usd
from ig_assets.core.ports import (
    SFT,
    TrainingEstimate,
    TrainingFile,
    TrainingRequest,
    TrainingState,
)
from ig_assets.errors import AccessError, RefusedError

INTENT = "ig_assets_intent"
_MOST_EVENTS = 2_000
_OPEN = ("validating_files", "queued", "running", "pausing", "paused")
_STATES = {
    "validating_files": "queued",
    "queued": "queued",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
_KEY_CODES = ("invalid_api_key", "invalid_organization")
_CLOSED = (
    "this organisation may not start fine-tuning jobs; OpenAI closes self-serve "
    "fine-tuning, for everybody from 2027-01-06"
)
_NO_MODEL = "this base model cannot be fine-tuned (any more); set IG_OPENAI_TRAIN_MODEL"


class OpenAITrainer:
    """A `Trainer` with OpenAI's SDK; `method` is SFT or DPO.

    `prices` are USD per million trained tokens by model, and override OpenAI's list. A
    file is deleted at OpenAI when its last job has ended.
    """

    provider = "openai"
    notice = (
        "OpenAI's self-serve fine-tuning ends for everybody on 2027-01-06; name "
        "another trainer in IG_TRAINER too."
    )

    def __init__(
        self,
        api_key: str,
        base_model: str,
        prices: Mapping[str, float],
        base_url: str | None = None,
        timeout_s: float = 60.0,
        http_client: Any | None = None,
        method: str = SFT,
    ) -> None:
        self.base_model = base_model
        self.method = method
        self._prices = prices
        self._client = LazyClient(
            Endpoint(base_url, api_key), timeout_s, http_client, None
        )

    def find(self, intent_key: str) -> TrainingState | None:
        """Search the account's jobs for the key in their metadata; None without one."""
        jobs = self._client.get().fine_tuning.jobs

        def look() -> list[Any]:
            listed = jobs.list(limit=100, metadata={INTENT: intent_key})
            return [j for j in listed if (j.metadata or {}).get(INTENT) == intent_key]

        found = self._ask(look)
        return self._state(found[0]) if found else None

    def estimate(self, request: TrainingRequest) -> TrainingEstimate:
        """Return the tokens of all epochs, and their price if it is known."""
        tokens = trained_tokens(long_enough(request, "OpenAI", self.method))
        cost = training_cost_usd(self.base_model, tokens, self._prices)
        return TrainingEstimate(tokens, cost)

    def submit(self, request: TrainingRequest) -> TrainingState:
        """Upload the files that are not there yet, and create the job."""
        training = self._uploaded(long_enough(request, "OpenAI", self.method))
        arguments: dict[str, Any] = {
            "model": self.base_model,
            "training_file": training,
            "suffix": f"ig-assets-{request.month}",
            "seed": request.seed % 2**31,
            "metadata": {INTENT: request.intent_key, "month": request.month},
            "method": _method(self.method),
        }
        if validation := request.files.get(f"{self.method}_validation"):
            arguments["validation_file"] = self._uploaded(validation)
        jobs = self._client.get().fine_tuning.jobs
        return self._state(self._ask(lambda: jobs.create(**arguments)))

    def poll(self, provider_job_id: str) -> TrainingState:
        """Return the job's state; its files are deleted once it has ended.

        Raises RefusedError for an unknown job.
        """
        jobs = self._client.get().fine_tuning.jobs
        try:
            job = sent(
                lambda: jobs.retrieve(provider_job_id),
                self.provider,
                may_lack_route=True,
            )
        except UnknownRouteError:
            raise RefusedError(
                f"{self.provider} does not know the job {provider_job_id}."
            ) from None
        state = self._state(job)
        if job.status not in _OPEN:
            self._delete_files(job)
        return state

    def _uploaded(self, file: TrainingFile) -> str:
        """Return the file's id at OpenAI; upload it if it is not there yet.

        Its name at OpenAI contains its hash.
        """
        files = self._client.get().files
        name = f"ig-assets-{file.sha256}.jsonl"
        known = self._ask(
            lambda: [
                f.id for f in files.list(purpose="fine-tune") if f.filename == name
            ]
        )
        if known:
            return str(known[0])
        content = Path(file.path).read_bytes()
        uploaded = self._ask(
            lambda: files.create(file=(name, content), purpose="fine-tune")
        )
        return str(uploaded.id)

    def _state(self, job: Any) -> TrainingState:
        status = _STATES.get(str(job.status), "running")
        if status == "succeeded" and not job.fine_tuned_model:
            status = "running"  # its name is missing yet
        refusal = None
        if status == "failed":
            codes = error_codes(job.error) if job.error else []
            refusal = f"{self.provider} gave the job up"
            refusal += f" ({', '.join(codes)})." if codes else "."
        return TrainingState(
            status,  # type: ignore[arg-type]
            str(job.id),
            model_name=job.fine_tuned_model if status == "succeeded" else None,
            refusal=refusal,
            trained_tokens=job.trained_tokens,
            losses=self._losses(job.id) if status != "queued" else (),
        )

    def _losses(self, job_id: str) -> list[tuple[int, float, float | None]]:
        """Return the losses in the job's events, in order of their steps."""
        jobs = self._client.get().fine_tuning.jobs

        def read() -> list[Any]:
            return list(islice(jobs.list_events(job_id, limit=100), _MOST_EVENTS))

        try:
            events = sent(read, self.provider, may_lack_route=True)
        except UnknownRouteError:
            return []
        points = {}
        for event in events:
            data = event.data if isinstance(event.data, Mapping) else {}
            step, loss = data.get("step"), _number(data.get("train_loss"))
            if event.type == "metrics" and isinstance(step, int) and loss is not None:
                points[step] = (step, loss, _number(data.get("valid_loss")))
        return [points[step] for step in sorted(points)]

    def _delete_files(self, job: Any) -> None:
        """Delete the job's files, except those that an open job needs too."""
        sdk = self._client.get()

        def needed() -> list[Any]:
            listed = islice(sdk.fine_tuning.jobs.list(limit=100), 1_000)
            return [
                file_id
                for other in listed
                if other.status in _OPEN
                for file_id in (other.training_file, other.validation_file)
            ]

        kept = self._ask(needed)
        for file_id in {job.training_file, job.validation_file} - {None, *kept}:
            try:
                delete = partial(sdk.files.delete, file_id)
                sent(delete, self.provider, may_lack_route=True)
            except UnknownRouteError:  # what a file that is gone looks like
                continue

    def _ask(self, send: Callable[[], Any]) -> Any:
        """Return the SDK's answer; a final refusal to train raises RefusedError."""
        import openai

        def ask() -> Any:
            try:
                return send()
            except openai.APIStatusError as error:
                reason = _final_no(error)
                if reason is None:
                    raise
            raise RefusedError(f"{self.provider} answered {reason}.")

        try:
            return sent(ask, self.provider, may_lack_route=True)
        except UnknownRouteError:
            raise AccessError(
                f"{self.provider} has no fine-tuning at this address; check "
                "OPENAI_BASE_URL, or remove openai from IG_TRAINER."
            ) from None


def _method(method: str) -> dict[str, Any]:
    """Return OpenAI's parameter for a method (SFT or DPO) with its settings."""
    name = "supervised" if method == SFT else method
    return {"type": name, name: {"hyperparameters": {"n_epochs": EPOCHS}}}


def _final_no(error: Any) -> str | None:
    """Return why OpenAI never trains for this account or on this model, or None."""
    codes, status = error_codes(error), error.status_code
    said = f"{status}" + (f" ({codes[0]})" if codes else "")
    if "training_not_available" in codes or status == 403:
        return f"{said}: {_CLOSED}"
    if "model_not_found" in codes or "model_not_available" in codes:
        return f"{said}: {_NO_MODEL}"
    if status == 400 and getattr(error, "param", None) == "model":
        return f"{said}: {_NO_MODEL}"
    for code in codes:
        if code not in _KEY_CODES and (reason := no_access([code])):
            return f"{status} ({reason})"
    return None


def _number(value: Any) -> float | None:
    return finite(value)
