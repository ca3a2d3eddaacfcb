"""Trains an adapter of the small local model, kills it, resumes it, and serves it.

    make verify-training                  # about ten minutes on two free cores
    python tools/verify_training.py --work DIR    # goes on where it was stopped

Nothing is a stand-in but the training set, a dozen rows made here. Each check is one
line of output; the exit status is 1 if one of them failed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ig_assets.adapters.local_models.serving.log_probability import answer_likelihood
from ig_assets.adapters.local_models.serving.server import ensure_server, stop_server
from ig_assets.adapters.local_models.writer import LocalWriter
from ig_assets.adapters.lora.adapter_file import find_adapter
from ig_assets.adapters.lora.fit.recipe import Recipe
from ig_assets.adapters.lora.job_folder import ENDED, JobFolder
from ig_assets.adapters.lora.rows import rows_of_dataset
from ig_assets.adapters.lora.trainer import LoraTrainer
from ig_assets.core.fine_tuning.jobs.register import register_model
from ig_assets.core.fine_tuning.jobs.rows import FINAL
from ig_assets.core.fine_tuning.jobs.states import poll_jobs
from ig_assets.core.fine_tuning.jobs.submit import submit_job
from ig_assets.core.fine_tuning.training_set.dataset_files import (
    DatasetFile,
    DatasetSummary,
)
from ig_assets.core.fine_tuning.training_set.training_lines import (
    jsonl_line,
)
from ig_assets.core.fine_tuning.training_set.examples import training_prompt
from ig_assets.core.generation.writing.schema import ScriptAnswer
from ig_assets.core.ports import TrainingFile, TrainingRequest, WriteRequest
from ig_assets.settings import load_settings
from ig_assets.wiring.models import writer_file
from ig_assets.wiring.stores import make_clock, make_warehouse

MONTH, BASE = "2026-01", "qwen2.5-coder-0.5b-instruct-q4_k_m"
RECIPE = Recipe(epochs=1, rows_per_step=2, steps_per_checkpoint=2, learning_rate=1e-3)
KILLED_AT = 3
TOPICS = ("bread", "salt", "tea", "running", "sleep", "plants", "bikes", "paint")
TOPICS += ("coffee", "stairs", "milk", "rain")
WON = "Stop, {0} is easier.\n\nTake one. Wait a day. Look again.\n\nSave this for {0}."
LOST = "Some words about {0}.\n\nIt is good. It is old. It is here.\n\nThat is all."


class Failed(Exception):
    """A check that does not hold, with what was found."""


@dataclass(frozen=True)
class Place:
    """Where the verification works, and the base model's file."""

    folder: Path
    base: Path

    @property
    def dataset(self) -> Path:
        """The folder of the training set."""
        return self.folder / "data" / "datasets" / MONTH

    @property
    def lora(self) -> Path:
        """The store of the trainer that is killed, where the settings look for it."""
        return self.folder / "data" / "lora"

    def trainer(self, folder: Path) -> LoraTrainer:
        """A trainer with its store."""
        return LoraTrainer(folder, BASE, lambda: self.base, RECIPE)


def example(kind: str, split: str, topic: str, weight: float) -> dict[str, Any]:
    """One example, as the table of training examples has it."""
    return {
        "example_id": f"{kind}-{split}-{topic}",
        "kind": kind,
        "split": split,
        "weight": weight,
        "prompt": training_prompt(topic, "question", "en"),
        "completion": WON.format(topic),
        "rejected": LOST.format(topic) if kind == "dpo" else None,
    }


def make_dataset(place: Place) -> DatasetSummary:
    """Ten supervised examples and two pairs, one of each held out; weights differ."""
    chosen = {
        ("sft", "train"): TOPICS[:10],
        ("sft", "validation"): TOPICS[10:11],
        ("dpo", "train"): TOPICS[:2],
        ("dpo", "validation"): TOPICS[11:],
    }
    place.dataset.mkdir(parents=True, exist_ok=True)
    listed: list[dict[str, Any]] = []
    files: list[DatasetFile] = []
    for (kind, split), topics in chosen.items():
        rows = [example(kind, split, t, 0.05 * (n + 1)) for n, t in enumerate(topics)]
        payload = "".join(jsonl_line(row) + "\n" for row in rows).encode()
        path = place.dataset / f"{kind}_{split}.jsonl"
        path.write_bytes(payload)
        digest = hashlib.sha256(payload).hexdigest()
        files.append(DatasetFile(kind, split, path, digest, len(rows), 0))
        listed += rows
    named = [{"name": f.path.name, "sha256": f.sha256, "lines": f.lines} for f in files]
    manifest = json.dumps({"files": named, "examples": listed})
    (place.dataset / "manifest.json").write_text(manifest)
    digest = hashlib.sha256(manifest.encode()).hexdigest()
    ids = tuple(e["example_id"] for e in listed if e["split"] == "train")
    return DatasetSummary(MONTH, tuple(files), digest, ids, len(listed), 0)


def unbroken(place: Place) -> str:
    """A run that nothing disturbs ends with a model, and its losses fall."""
    make_dataset(place)
    trainer = place.trainer(place.folder / "unbroken")
    file = TrainingFile(str(place.dataset / "sft_train.jsonl"), "", 10, 0)
    files = {"sft_train": file}
    asked = TrainingRequest(
        "unbroken", MONTH, BASE, "set", files, [], 7, str(place.dataset)
    )
    job = trainer.submit(asked).provider_job_id
    state = trainer.poll(job)
    while state.status not in ENDED:
        time.sleep(2)
        state = trainer.poll(job)
    if state.status != "succeeded" or state.artifact is None:
        raise Failed(f"{state.status}: {state.refusal}")
    supervised = [p for p in state.losses if p[0] <= 5]
    if not supervised[-1][1] < supervised[0][1]:
        raise Failed(f"the loss does not fall: {supervised}")
    return f"losses {state.losses}; {state.artifact.get('held_out_pairs')}"


def killed_and_resumed(place: Place) -> str:
    """A run that is killed goes on from its checkpoint to the bits of the other one."""
    settings = load_settings(data_dir=place.folder / "data", local_model="0.5b")
    clock = make_clock(settings)
    warehouse = make_warehouse(settings, clock)
    trainer = place.trainer(place.lora)
    dataset = make_dataset(place)
    job = submit_job(warehouse, clock, trainer, MONTH, dataset, 7)
    if job.status in ("refused", "failed"):
        raise Failed(str(job.refusal))
    [path] = (place.lora / "jobs").iterdir()
    folder = JobFolder(path)
    while folder.state().step < KILLED_AT:
        if folder.state().status in ENDED:
            raise Failed(f"it ended before it was killed: {folder.state()}")
        time.sleep(0.2)
    os.kill(folder.state().pid, signal.SIGKILL)
    at = folder.state().step
    while job.status not in FINAL:
        time.sleep(2)
        [job], problems = poll_jobs(warehouse, clock, trainer)
        if problems:
            raise Failed(" ".join(problems))
    if job.status != "succeeded":
        raise Failed(f"{job.status}: {job.refusal}")
    model = register_model(warehouse, clock, MONTH)
    first = JobFolder(place.folder / "unbroken" / "jobs" / "unbroken")
    if folder.state().result["adapter"] != first.state().result["adapter"]:
        raise Failed("the adapter has other bits than that of the unbroken run")
    if folder.loss_curve() != first.loss_curve():
        raise Failed("the losses are others than those of the unbroken run")
    return f"killed at step {at}; {model.name if model else None}, bit for bit the same"


def served(place: Place) -> str:
    """The adapter changes what is written; the base writes what it wrote without it."""
    name = _trained_name(place)
    adapter = find_adapter(place.lora / "adapters", name)
    state_dir = place.folder / "server"
    base = LocalWriter(state_dir, lambda: place.base, BASE, "base", idle_s=600)
    tuned = LocalWriter(
        state_dir,
        lambda: place.base,
        name,
        "tuned",
        idle_s=600,
        adapter_file=lambda: adapter,
    )
    row = rows_of_dataset(place.dataset).of("sft", "validation")[0]
    request = WriteRequest(row.instructions, row.prompt, ScriptAnswer, 400, 0.0, 7)
    try:
        alone = base.write(request).parsed
        other = tuned.write(request).parsed
        beside = base.write(request).parsed
    finally:
        stop_server(state_dir)
    if alone != beside:
        raise Failed("the base writes something else once an adapter is loaded")
    if other == alone:
        raise Failed("the adapter changes nothing")
    return f"base: {alone.hook!r}; with the adapter: {other.hook!r}"


def same_likelihood(place: Place) -> str:
    """llama.cpp with the adapter finds the held-out answer as likely as torch did."""
    adapter = find_adapter(place.lora / "adapters", _trained_name(place))
    state_dir = place.folder / "server"
    row = rows_of_dataset(place.dataset).of("sft", "validation")[0]
    address = ensure_server(state_dir, place.base, idle_s=600, adapters=(adapter,))
    losses = {}
    try:
        for label, chosen in (("base", None), ("tuned", adapter)):
            found = answer_likelihood(
                address,
                address.scales(chosen),
                row.instructions,
                row.prompt,
                row.answer,
            )
            losses[label] = -found.log_probability / found.tokens
    finally:
        stop_server(state_dir)
    curve = JobFolder(place.folder / "unbroken" / "jobs" / "unbroken").loss_curve()
    by_torch = curve[-1][2]
    said = f"nats a token: torch {by_torch:.3f}, llama.cpp {losses}"
    if by_torch is None or abs(losses["tuned"] - by_torch) > 0.1:
        raise Failed(said)
    if losses["base"] - losses["tuned"] < 0.1:
        raise Failed(f"the adapter taught nothing; {said}")
    return said


def shown(place: Place) -> str:
    """`ig-assets models` lists the model, and shows its losses."""
    environment = os.environ | {
        "IG_DATA_DIR": str(place.folder / "data"),
        "IG_LOCAL_MODEL": "0.5b",
        "IG_TRAINER": "lora",
    }
    ig_assets = [sys.executable, "-m", "ig_assets.cli.entry", "models"]
    said = ""
    for arguments in (["list", "--json"], []):
        done = subprocess.run(
            [*ig_assets, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or _trained_name(place)[:20] not in done.stdout:
            raise Failed((done.stdout + done.stderr).strip())
        said = said or done.stdout
    [model] = json.loads(said)
    return f"{model['name']} is {model['status']}"


def _trained_name(place: Place) -> str:
    [path] = (place.lora / "jobs").iterdir()
    trainer = place.trainer(place.lora)
    found = trainer.find(path.name)
    if found is None or found.model_name is None:
        raise Failed("there is no trained model")
    return found.model_name


CHECKS: tuple[Callable[[Place], str], ...] = (
    unbroken,
    killed_and_resumed,
    served,
    same_likelihood,
    shown,
)


def main() -> None:
    """Run the checks in order; those that a folder has passed are not repeated."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--work", type=Path)
    parser.add_argument("--only", choices=[check.__name__ for check in CHECKS])
    arguments = parser.parse_args()
    folder = arguments.work or Path(tempfile.mkdtemp(prefix="verify-training-"))
    folder.mkdir(parents=True, exist_ok=True)
    place = Place(folder.absolute(), writer_file(load_settings(local_model="0.5b")))
    for check in CHECKS:
        passed = folder / f"{check.__name__}.passed"
        if arguments.only not in (None, check.__name__) or passed.exists():
            continue
        began = time.monotonic()
        try:
            said = check(place)
        except Failed as error:
            print(f"FAIL {check.__name__}: {error}", flush=True)
            sys.exit(1)
        took = time.monotonic() - began
        print(f"pass {check.__name__} ({took:.0f} s): {said}", flush=True)
        passed.write_text(said)


if __name__ == "__main__":
    main()
