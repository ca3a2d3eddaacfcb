"""A training set on the disk, and a STAND-IN for the process that trains on it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ig_assets.adapters.lora.fit.recipe import Machine, Recipe
from ig_assets.adapters.lora.job_folder import JobFolder
from ig_assets.adapters.lora.trainer import LoraTrainer
from ig_assets.core.fine_tuning.training_set.training_lines import (
    jsonl_line,
)
from ig_assets.core.fine_tuning.training_set.examples import training_prompt
from ig_assets.core.ports import TrainingFile, TrainingRequest

TEXT = "Salt late.\n\nWater first. Then salt. Then taste.\n\nTry it."
LOST = "Salt.\n\nOne thing. Another. A third.\n\nBye."
MACHINE = Machine(threads=1, device="cpu", dtype="float32")


def dataset(folder: Path, examples: int = 12, pairs: int = 2) -> Path:
    """Write files and their manifest, as preparing a month does; weights rise."""
    folder.mkdir(parents=True, exist_ok=True)
    listed: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []
    for kind, count in (("sft", examples), ("dpo", pairs)):
        chosen = [_example(kind, number) for number in range(count)]
        lines = "".join(jsonl_line(example) + "\n" for example in chosen)
        name, payload = f"{kind}_train.jsonl", lines.encode()
        (folder / name).write_bytes(payload)
        digest = hashlib.sha256(payload).hexdigest()
        files.append({"name": name, "sha256": digest, "lines": count})
        listed += chosen
    manifest = {"files": files, "examples": listed}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def _example(kind: str, number: int) -> dict[str, Any]:
    return {
        "example_id": f"{kind}{number}",
        "kind": kind,
        "split": "train",
        "weight": (number + 1) / 10,
        "prompt": training_prompt(f"salt {number}", "story", "en"),
        "completion": TEXT,
        "rejected": LOST if kind == "dpo" else None,
    }


def request(folder: Path, lines: int = 12, key: str = "intent1") -> TrainingRequest:
    """A request for the files in `folder`."""
    file = TrainingFile(str(folder / "sft_train.jsonl"), "", lines, lines * 90)
    files = {"sft_train": file}
    return TrainingRequest(
        key, "2026-03", "base", "dataset", files, ["sft0"], 7, str(folder)
    )


class StandInProcess:
    """A STAND-IN for the training process: it notes its starts and trains nothing."""

    def __init__(self) -> None:
        self.started: list[JobFolder] = []
        self.pid = 0

    def __call__(self, folder: JobFolder, adapters: Path) -> int:
        self.started.append(folder)
        starts = folder.state().starts + 1
        folder.change(status="running", stage="training", starts=starts)
        return self.pid

    def trainer(self, folder: Path) -> LoraTrainer:
        """A trainer whose jobs this starts, on a base model of a few bytes."""
        base = folder.parent / "base.gguf"
        base.write_bytes(b"STAND-IN of a base model")

        def machine(path: Path, recipe: Recipe, store: Path) -> Machine:
            return MACHINE

        return LoraTrainer(folder, "base", lambda: base, start=self, machine=machine)

    def end(self, **result: Any) -> None:
        """Let the last job succeed, as its process would."""
        self.started[-1].add_loss(1, 2.5, None)
        self.started[-1].add_loss(2, 1.5, 2.0)
        self.started[-1].end("succeeded", step=2, result=result)
