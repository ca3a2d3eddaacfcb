"""Removes what was trained on forgotten examples: adapters, and rows of open jobs."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import Timeout

from ig_assets.adapters.lora.adapter_file import model_name
from ig_assets.adapters.lora.job_folder import ENDED, JobFolder

REASON = "A script of its training set was forgotten."
_PATIENCE_S = 5.0


def forget_examples(
    folder: Path, example_ids: Collection[str], kept: Collection[str]
) -> dict[str, Any]:
    """End the open jobs that use an example, and delete adapters trained on one.

    `folder` is the trainer's. `kept` are names of models whose adapter stays, such as a
    tainted model that a setting keeps active. Returns {"jobs_ended": job ids,
    "adapters_removed": file names} without the empty lists; a repeated call returns {}.
    """
    ended: list[str] = []
    removed: list[str] = []
    for path in sorted((folder / "jobs").glob("*/state.json")):
        job = JobFolder(path.parent)
        spec = job.spec()
        if not set(spec.example_ids) & set(example_ids):
            continue
        if job.state().status not in ENDED:
            _end(job)
            ended.append(spec.job_id)
        made = job.state().result
        if made and model_name(spec.base_model, made["adapter"]) not in kept:
            adapter = folder / "adapters" / made["file"]
            if adapter.exists():
                adapter.unlink()
                removed.append(adapter.name)
    found = {"jobs_ended": ended, "adapters_removed": removed}
    return {name: names for name, names in found.items() if names}


def _end(job: JobFolder) -> None:
    """Stop the job's process, by force if it does not stop soon, and end the job."""
    job.ask_to_cancel()
    try:
        with job.lock(_PATIENCE_S):
            pass
    except Timeout:
        _kill(job)
    with job.lock(60):
        if job.state().status not in ENDED or not job.state().result:
            job.end("cancelled", reason=REASON)


def _kill(job: JobFolder) -> None:
    """Kill the process, unless its id belongs to another program by now."""
    import psutil

    if job.has_process:
        with suppress(psutil.Error):
            psutil.Process(job.state().pid).kill()
