"""The folder of one training job: its task, its progress, and its process.

    <job>/job.json         what is trained, on which rows (their ids), with which recipe
    <job>/rows.jsonl       the rows, with the words; removed when the job has ended
    <job>/state.json       status and step; written by whoever holds the lock
    <job>/losses.jsonl     a line per step
    <job>/checkpoint/      adapter, optimiser and step; removed when the job has ended
    <job>/cancel           asks the process to stop
    <job>/train.log        output of the latest process
    <job>/.lock            held by the process as long as it lives

The lock distinguishes a working process from a killed one: the system releases it when
the process ends.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from ig_assets.adapters.lora.fit.recipe import Machine, Recipe
from ig_assets.core.ports.training import TrainingStatus
from ig_assets.files import OWNER_ONLY, write_atomic

ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class JobSpec:
    """The task of a job, which never changes after the job was submitted.

    `base_path` and `base_sha256` identify the base model's file. `rows` counts rows by
    kind and split, `left_out` the lines that gave no row. `example_ids` are all
    examples of the training set.
    """

    job_id: str
    month: str
    base_model: str
    base_path: str
    base_sha256: str
    dataset_hash: str
    seed: int
    recipe: Recipe
    machine: Machine
    rows: Mapping[str, int]
    left_out: Mapping[str, int]
    example_ids: Sequence[str]
    rows_sha256: str


@dataclass(frozen=True)
class JobState:
    """The progress of a job; `reason` says why it ended without a model.

    `stage` is what the process `pid` is doing; `starts` counts processes since the last
    checkpoint. `result` describes the outcome of a successful job: the adapter's file
    and hash, excluded rows, tokens, accuracy on held-out pairs.
    """

    status: TrainingStatus
    stage: str = ""
    step: int = 0
    steps: int = 0
    starts: int = 0
    pid: int = 0
    reason: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)


class JobFolder:
    """Reads and writes the files of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = path / "rows.jsonl"
        self.losses = path / "losses.jsonl"
        self.checkpoint = path / "checkpoint"
        self.log = path / "train.log"
        self._cancel = path / "cancel"

    @property
    def exists(self) -> bool:
        """Whether the job was submitted completely; its state is written last."""
        return (self.path / "state.json").is_file()

    def lock(self, timeout_s: float = 0) -> FileLock:
        """The lock of the process that works on the job."""
        return FileLock(self.path / ".lock", timeout=timeout_s)

    def write_spec(self, spec: JobSpec) -> None:
        """Store the job's task."""
        text = json.dumps(asdict(spec), sort_keys=True, indent=1)
        write_atomic(self.path / "job.json", text)

    def spec(self) -> JobSpec:
        """Return the job's task."""
        stored = json.loads((self.path / "job.json").read_text("utf-8"))
        stored["recipe"] = Recipe(**stored["recipe"])
        stored["machine"] = Machine(**stored["machine"])
        return JobSpec(**stored)

    def write_state(self, state: JobState) -> None:
        """Replace the state."""
        write_atomic(self.path / "state.json", json.dumps(asdict(state)))

    def state(self) -> JobState:
        """Return the job's progress."""
        return JobState(**json.loads((self.path / "state.json").read_text("utf-8")))

    def change(self, **changes: Any) -> JobState:
        """Replace some fields of the state; only the holder of the lock may do so."""
        state = replace(self.state(), **changes)
        self.write_state(state)
        return state

    def end(self, status: TrainingStatus, **changes: Any) -> JobState:
        """Write a final state, then remove the rows and the checkpoint."""
        state = self.change(status=status, stage="", **changes)
        self.remove_words()
        return state

    def remove_words(self) -> None:
        """Remove the rows and the checkpoint."""
        self.rows.unlink(missing_ok=True)
        shutil.rmtree(self.checkpoint, ignore_errors=True)
        for leftover in self.path.glob(".*.part"):
            leftover.unlink(missing_ok=True)

    def keep_rows(self, payload: bytes) -> None:
        """Write the rows, readable by their owner only."""
        write_atomic(self.rows, payload, mode=OWNER_ONLY)

    @property
    def has_process(self) -> bool:
        """Whether the job's last process is alive.

        A process of another program that got the same id is not counted.
        """
        import psutil

        try:
            process = psutil.Process(self.state().pid)
            is_gone = process.status() == psutil.STATUS_ZOMBIE
            return str(self.path) in process.cmdline() and not is_gone
        except psutil.Error:
            return False

    def ask_to_cancel(self) -> None:
        """Ask the present or a later process of the job to stop."""
        self._cancel.touch()

    @property
    def is_cancelled(self) -> bool:
        """Whether the job was asked to stop."""
        return self._cancel.exists()

    def add_loss(self, step: int, training: float, validation: float | None) -> None:
        """Append the losses of one step."""
        with self.losses.open("a", encoding="ascii") as lines:
            lines.write(json.dumps([step, training, validation]) + "\n")

    def keep_losses(self, steps: int) -> None:
        """Drop the losses after step `steps`, which will be computed again."""
        kept = [p for p in self.loss_curve() if p[0] <= steps]
        text = "".join(json.dumps(point) + "\n" for point in kept)
        write_atomic(self.losses, text)

    def loss_curve(self) -> list[tuple[int, float, float | None]]:
        """Return (step, training loss, validation loss or None) per complete line."""
        if not self.losses.is_file():
            return []
        found = []
        for line in self.losses.read_text("ascii").splitlines():
            try:
                step, training, validation = json.loads(line)
            except ValueError:
                continue  # the last line of a killed process
            found.append((int(step), float(training), validation))
        return found
