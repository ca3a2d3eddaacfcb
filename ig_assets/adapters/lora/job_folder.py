"""The folder of one job: what it is to do, how far it is, and who works on it.

    <job>/job.json         what is trained, on which rows (their ids), with which recipe
    <job>/rows.jsonl       the rows, with the words; removed when the job has ended
    <job>/state.json       status and step; written by whoever holds the lock
    <job>/losses.jsonl     a line per step
    <job>/checkpoint/      adapter, optimiser and step; removed when the job has ended
    <job>/cancel           asks the process to stop
    <job>/train.log        what the process said last
    <job>/.lock            held by the process as long as it lives

The lock is what tells a working process from one that was killed: the system releases
it with the process.
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
    """What a job trains; it never changes after the job was submitted.

    `base_path` and `base_sha256` are of the base model's file. `rows` counts rows by
    kind and split, `left_out` what gave no row. `example_ids` are all of the set.
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
    """How far a job is; `reason` says why it ended without a model.

    `stage` is what the process `pid` does; `starts` counts processes since the last
    checkpoint. `result` is what a job that succeeded made: the adapter's file and hash,
    rows that were too long, tokens, the change of the losses.
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
        """Whether the job was submitted wholly; its state is written last."""
        return (self.path / "state.json").is_file()

    def lock(self, timeout_s: float = 0) -> FileLock:
        """The lock of the process that works on the job."""
        return FileLock(self.path / ".lock", timeout=timeout_s)

    def write_spec(self, spec: JobSpec) -> None:
        """Keep what the job is to do."""
        text = json.dumps(asdict(spec), sort_keys=True, indent=1)
        write_atomic(self.path / "job.json", text)

    def spec(self) -> JobSpec:
        """What the job is to do."""
        stored = json.loads((self.path / "job.json").read_text("utf-8"))
        stored["recipe"] = Recipe(**stored["recipe"])
        stored["machine"] = Machine(**stored["machine"])
        return JobSpec(**stored)

    def write_state(self, state: JobState) -> None:
        """Replace the state."""
        write_atomic(self.path / "state.json", json.dumps(asdict(state)))

    def state(self) -> JobState:
        """How far the job is."""
        return JobState(**json.loads((self.path / "state.json").read_text("utf-8")))

    def change(self, **changes: Any) -> JobState:
        """Replace parts of the state; only whoever holds the lock may."""
        state = replace(self.state(), **changes)
        self.write_state(state)
        return state

    def end(self, status: TrainingStatus, **changes: Any) -> JobState:
        """Write a final state, then remove the rows and the checkpoint."""
        state = self.change(status=status, stage="", **changes)
        self.remove_words()
        return state

    def remove_words(self) -> None:
        """Remove the rows and what was learnt from them so far."""
        self.rows.unlink(missing_ok=True)
        shutil.rmtree(self.checkpoint, ignore_errors=True)
        for leftover in self.path.glob(".*.part"):
            leftover.unlink(missing_ok=True)

    def keep_rows(self, payload: bytes) -> None:
        """Write the rows; only their owner may read them."""
        write_atomic(self.rows, payload, mode=OWNER_ONLY)

    @property
    def has_process(self) -> bool:
        """Whether the last process of the job lives, and not another of its number."""
        import psutil

        try:
            process = psutil.Process(self.state().pid)
            is_gone = process.status() == psutil.STATUS_ZOMBIE
            return str(self.path) in process.cmdline() and not is_gone
        except psutil.Error:
            return False

    def ask_to_cancel(self) -> None:
        """Ask the process, now or later, to stop."""
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
        """Drop the losses after a step: they are computed again."""
        kept = [p for p in self.loss_curve() if p[0] <= steps]
        text = "".join(json.dumps(point) + "\n" for point in kept)
        write_atomic(self.losses, text)

    def loss_curve(self) -> list[tuple[int, float, float | None]]:
        """(step, training loss, validation loss or None) of every whole line."""
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
