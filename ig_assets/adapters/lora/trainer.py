"""The trainer `lora`: trains an adapter of the local base model in its own process.

Like a vendor it has a store, one folder per job, so that a job is found again if its
submission was interrupted. The process outlives the command that submitted the job. A
process that vanished is started again from its last checkpoint at the next poll.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

from filelock import Timeout

from ig_assets.adapters.child_process import reap_children, start_child
from ig_assets.adapters.lora.adapter_file import model_name, sha256_of
from ig_assets.adapters.lora.fit.recipe import Machine, Recipe
from ig_assets.adapters.lora.gguf_header import base_facts
from ig_assets.adapters.lora.job_folder import ENDED, JobFolder, JobSpec, JobState
from ig_assets.adapters.lora.limits import (
    choose_machine,
    require_disk,
    require_packages,
)
from ig_assets.adapters.lora.rows import RenderedRows, rows_as_lines, rows_of_dataset
from ig_assets.adapters.training_file import long_enough
from ig_assets.core.ports import TrainingRequest, TrainingState
from ig_assets.errors import RefusedError

MOST_STARTS = 3
"""How often a job's process is started without a new checkpoint before it fails."""

_JOB = "lora-"


def start_process(folder: JobFolder, adapters: Path) -> int:
    """Start the process of a job without secrets in its environment; return its id.

    The process outlives this one.
    """
    command = [sys.executable, "-m", "ig_assets.adapters.lora.job_process"]
    command += ["--folder", str(folder.path), "--adapters", str(adapters)]
    variables = {
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin starve a shared machine
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # or CUDA's sums differ from run to run
    }
    return start_child(command, folder.log, variables).pid


def machine_for(base: Path, recipe: Recipe, folder: Path) -> Machine:
    """Check packages, disk and memory; return the machine settings of a job.

    Raises SettingsError without the packages, TransientVendorError without enough disk
    or memory.
    """
    import psutil

    require_packages()
    facts = base_facts(base)
    folder.mkdir(parents=True, exist_ok=True)
    require_disk(facts, recipe, folder)
    return choose_machine(facts, recipe, psutil.virtual_memory().available)


class LoraTrainer:
    """A `Trainer` that turns supervised rows and pairs into an adapter.

    `folder` is its store. `base_file` returns the verified file of the base model and
    may download it. Tests replace `start` and `machine`.
    """

    provider = "lora"
    notice = ""

    def __init__(
        self,
        folder: Path,
        base_model: str,
        base_file: Callable[[], Path],
        recipe: Recipe | None = None,
        start: Callable[[JobFolder, Path], int] = start_process,
        machine: Callable[[Path, Recipe, Path], Machine] = machine_for,
    ) -> None:
        self.base_model = base_model
        self._folder, self._base_file = folder, base_file
        self._recipe = recipe or Recipe()
        self._start, self._machine = start, machine

    def find(self, intent_key: str) -> TrainingState | None:
        """Return the completely submitted job of this key, or None."""
        folder = self._job(intent_key)
        return self._state(folder) if folder.exists else None

    def estimate(self, request: TrainingRequest) -> None:
        """Return None, as local training costs nothing."""

    def submit(self, request: TrainingRequest) -> TrainingState:
        """Write the job and start its process; a known key returns its job.

        Raises RefusedError for too few rows or files that do not match their manifest,
        SettingsError without the extra, TransientVendorError without enough memory or
        disk.
        """
        if (known := self.find(request.intent_key)) is not None:
            return known
        file = long_enough(request, self.provider)
        rendered = rows_of_dataset(Path(request.dataset_folder or file.path))
        base = self._base_file()
        machine = self._machine(base, self._recipe, self._folder)
        folder = self._job(request.intent_key)
        folder.path.mkdir(parents=True, exist_ok=True)
        payload = rows_as_lines(rendered.rows)
        folder.keep_rows(payload)
        folder.write_spec(self._spec(request, base, machine, rendered, payload))
        with folder.lock():
            folder.write_state(JobState("queued"))
            folder.change(pid=self._start(folder, self._adapters))
        return self._state(folder)

    def poll(self, provider_job_id: str) -> TrainingState:
        """Return the job's state; a process that vanished is started again.

        Raises RefusedError if the job's folder is gone.
        """
        folder = self._job(provider_job_id.removeprefix(_JOB))
        if not folder.exists:
            raise RefusedError(
                f"{folder.path}, the folder of the job, is gone; submit the month "
                "again."
            )
        if folder.state().status not in ENDED:
            self._revive(folder)
        return self._state(folder)

    def cancel(self, provider_job_id: str) -> TrainingState:
        """Ask the job to stop; its process does so within one row of the training.

        Raises RefusedError if the job's folder is gone.
        """
        folder = self._job(provider_job_id.removeprefix(_JOB))
        if folder.exists and folder.state().status not in ENDED:
            folder.ask_to_cancel()
        return self.poll(provider_job_id)

    @property
    def _adapters(self) -> Path:
        return self._folder / "adapters"

    def _job(self, intent_key: str) -> JobFolder:
        return JobFolder(self._folder / "jobs" / intent_key)

    def _revive(self, folder: JobFolder) -> None:
        """Start the job's process again if it has vanished.

        A living process holds the job's lock. A new one takes it only after some
        seconds, so its process id is checked too.
        """
        try:
            with folder.lock():
                state = folder.state()
                if state.status in ENDED:
                    return
                reap_children()
                if folder.has_process:
                    return
                if folder.is_cancelled:
                    folder.end("cancelled", reason="A person cancelled it.")
                    return
                if state.starts >= MOST_STARTS:
                    folder.end("failed", reason=_killed(folder, state))
                    return
                folder.change(pid=self._start(folder, self._adapters))
        except Timeout:
            return

    def _spec(
        self,
        request: TrainingRequest,
        base: Path,
        machine: Machine,
        rendered: RenderedRows,
        payload: bytes,
    ) -> JobSpec:
        counts: dict[str, int] = {}
        for row in rendered.rows:
            name = f"{row.kind}_{row.split}"
            counts[name] = counts.get(name, 0) + 1
        return JobSpec(
            job_id=f"{_JOB}{request.intent_key}",
            month=request.month,
            base_model=self.base_model,
            base_path=str(base),
            base_sha256=sha256_of(base),
            dataset_hash=request.dataset_hash,
            seed=request.seed,
            recipe=self._recipe,
            machine=machine,
            rows=counts,
            left_out=dict(rendered.left_out),
            example_ids=rendered.example_ids,
            rows_sha256=hashlib.sha256(payload).hexdigest(),
        )

    def _state(self, folder: JobFolder) -> TrainingState:
        spec, state = folder.spec(), folder.state()
        sha256 = state.result.get("adapter")
        artifact: dict[str, object] = {
            "kind": "lora",
            "base_sha256": spec.base_sha256,
            "rank": spec.recipe.rank,
            "rows": dict(spec.rows),
            "left_out": dict(spec.left_out),
            "step": state.step,
            "steps": state.steps,
            **state.result,
        }
        return TrainingState(
            state.status,
            spec.job_id,
            model_name=model_name(self.base_model, str(sha256)) if sha256 else None,
            artifact=artifact,
            refusal=state.reason,
            trained_tokens=state.result.get("trained_tokens"),
            losses=folder.loss_curve(),
        )


def _killed(folder: JobFolder, state: JobState) -> str:
    return (
        f"The process of the training ended {state.starts} times without getting "
        f"further than step {state.step}, as when memory is short; see {folder.log}."
    )
